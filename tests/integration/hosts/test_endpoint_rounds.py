"""How often endpoints are asked in the rounds of an exporter, and what it makes of their answers as a whole."""

from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from campaign_exporter.config import Config
from campaign_exporter.notices import notices
from integration.database.scene import Observer, observe
from integration.hosts.sites import Behaviour, answer, serving

PING = answer(b"OK\n2021-08-27 15:43:48.862Z\n")
BROKEN = answer(b"OK\n", 500)
HEADER = "12:09:54 >   Application server for Adobe Campaign Classic (7.3.4 build 9364@8f3ef8e of 09/04/2023)\n"
UP = "campaign_endpoint_up"
DURATION = "campaign_endpoint_duration_seconds"


def redirection(build: str) -> Behaviour:
    return answer(f"<redir status='OK' date='2021-08-27 08:02:07.963-07' build='{build}' host='t' localHost='t'/>".encode())


def last_of(answers: list[Behaviour]) -> Behaviour:
    def behave(request: BaseHTTPRequestHandler) -> None:
        answers[-1](request)

    return behave


def configuration(*endpoints: dict[str, Any], settings: dict[str, Any] | None = None, **instance: Any) -> Config:  # noqa: ANN401 - YAML
    given = {"name": "prod", "endpoints": endpoints, **instance}
    whole = {"instances": [given], "collectors": {"endpoints": settings or {}}, "state_directory": "none"}
    return Config.model_validate(whole)


def round_after(seen: Observer, seconds: float) -> Observer:
    seen.clock.ahead += seconds
    return seen.round("endpoints")


def builds(seen: Observer) -> list[str]:
    return [build for build, _ in seen.samples("campaign_instance_info")]


def test_a_ping_is_asked_once_a_minute_at_most() -> None:
    with serving(PING) as app, serving(redirection("9236")) as tracking:
        ping = {"name": "app", "kind": "ping", "url": app.url}
        other = {"name": "tracking", "kind": "redirection", "url": tracking.url}
        seen = observe(configuration(ping, other)).round("endpoints")
        took = seen.value(DURATION, endpoint="app", kind="ping", address="")
        for _ in range(3):
            round_after(seen, 15)
        assert (len(app.seen), len(tracking.seen)) == (1, 4)
        assert seen.value(UP, endpoint="app", kind="ping", address="") == 1
        assert seen.value(DURATION, endpoint="app", kind="ping", address="") == took, "the last answer stands"
        round_after(seen, 15)
        assert (len(app.seen), len(tracking.seen)) == (2, 5)
        assert seen.value(DURATION, endpoint="app", kind="ping", address="") != took
        assert seen.failures("endpoints") == {}
        seen.close()


def test_a_ping_that_fails_is_down_until_it_is_asked_again() -> None:
    answers = [BROKEN]
    with serving(last_of(answers)) as app:
        seen = observe(configuration({"name": "app", "kind": "ping", "url": app.url})).round("endpoints")
        assert (seen.value(UP, endpoint="app", kind="ping", address=""), seen.success("endpoints")) == (0, 0)
        answers.append(PING)
        round_after(seen, 30)
        assert (seen.value(UP, endpoint="app", kind="ping", address=""), seen.success("endpoints")) == (0, 0)
        round_after(seen, 30)
        assert (seen.value(UP, endpoint="app", kind="ping", address=""), seen.success("endpoints")) == (1, 1)
        assert len(app.seen) == 2
        seen.close()


def test_each_server_of_a_ping_is_asked_once_a_minute() -> None:
    with serving(PING) as one, serving(PING) as two:
        addresses = [site.url.rpartition("/")[2] for site in (one, two)]
        ping = {"name": "app", "kind": "ping", "url": "http://app.example/nl/jsp/ping.jsp", "addresses": addresses}
        seen = observe(configuration(ping)).round("endpoints")
        for _ in range(4):
            round_after(seen, 30)
        assert (len(one.seen), len(two.seen)) == (3, 3)
        seen.close()


def test_a_shorter_time_is_taken_and_spoken_of() -> None:
    told = "collectors.endpoints.ping_interval: Adobe asks that ping.jsp be asked no more than once a minute"
    with serving(PING) as app:
        ping = {"name": "app", "kind": "ping", "url": app.url}
        pressing = configuration(ping, settings={"ping_interval": "5s"})
        assert told in list(notices(pressing))
        assert told not in list(notices(configuration(ping)))
        other = {"name": "tracking", "kind": "redirection", "url": app.url}
        assert told not in list(notices(configuration(other, settings={"ping_interval": "5s"})))
        seen = observe(pressing).round("endpoints")
        round_after(seen, 4)
        assert len(app.seen) == 1
        round_after(seen, 1)
        assert len(app.seen) == 2
        seen.close()


def test_the_build_is_the_redirection_servers_where_no_process_tells_it(tmp_path: Path) -> None:
    listing = tmp_path / "pdump.txt"
    hosts = [{"name": "mta1", "processes": {"file": listing}, "expected_processes": ["mta"]}]
    answers = [redirection("9236")]
    with (
        serving(last_of(answers)) as one,
        serving(redirection("9000")) as two,
    ):
        both = [{"name": name, "kind": "redirection", "url": site.url} for name, site in (("one", one), ("two", two))]
        seen = observe(configuration(*both, hosts=hosts))
        seen.watched.announce()
        assert builds(seen) == [""]
        assert builds(seen.round()) == ["9236"]
        answers.append(BROKEN)
        assert builds(seen.round()) == ["9236"], "one server that is gone changes nothing"
        listing.write_text(HEADER)
        assert builds(seen.round()) == ["9364"]
        seen.close()


@pytest.mark.parametrize("kind", ["ping", "resource"])
def test_without_a_redirection_server_the_build_is_unknown(kind: str) -> None:
    with serving(PING) as app:
        seen = observe(configuration({"name": "app", "kind": kind, "url": app.url}))
        assert builds(seen.round()) == [""]
        seen.close()
