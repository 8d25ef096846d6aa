"""What is read of hosts: once for all who ask at the same time, remembered for a while, and told as parts of a round."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from campaign_exporter.collectors.findings import tell
from campaign_exporter.domain.host_facts import Processes
from campaign_exporter.errors import ConnectFailed, Missing, SourceError, Stale, TimedOut
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources.agent_reports import HostReport, Report, Told
from campaign_exporter.sources.agents import AgentHost
from campaign_exporter.sources.findings import Finding, Readers, Remembered
from unit.core.handmade import HandClock
from unit.hosts.agent_expositions import MTA, Seen


class Script:
    """A reader that does one thing after another, and counts."""

    def __init__(self, *acts: object) -> None:
        self.acts = list(acts)
        self.timeouts: list[float] = []

    def __call__(self, timeout: float) -> object:
        self.timeouts.append(timeout)
        act = self.acts.pop(0)
        if isinstance(act, SourceError):
            raise act
        return act


def remembered(clock: HandClock, reader: Callable[[float], object], fresh: float = 0.0) -> Remembered[object]:
    return Remembered(reader, clock=clock, life=45.0, fresh=fresh)


def test_who_asks_soon_after_gets_the_same_answer() -> None:
    clock, script = HandClock(), Script("one", "two")
    fact = remembered(clock, script, fresh=13.5)
    first = fact.read(5)
    clock.advance(13)
    assert fact.read(5) == first == ("one", 1000.0)
    clock.advance(1)
    assert fact.read(5) == ("two", 1014.0)


def test_a_failure_is_shared_as_well() -> None:
    clock, script = HandClock(), Script(ConnectFailed("gone"), "back")
    fact = remembered(clock, script, fresh=13.5)
    for _ in range(2):
        with pytest.raises(ConnectFailed):
            fact.read(5)
    clock.advance(15)
    assert fact.read(5).value == "back"


def test_what_was_read_is_known_for_its_life_and_forgotten_at_once_when_stale() -> None:
    clock = HandClock()
    fact = remembered(clock, Script("one", ConnectFailed("gone"), "two", Stale("old")))
    assert fact.known() is None
    fact.read(5)
    with pytest.raises(ConnectFailed):
        fact.read(5)
    clock.advance(45)
    assert fact.known() == "one"
    clock.advance(1)
    assert fact.known() is None
    fact.read(5)
    with pytest.raises(Stale):
        fact.read(5)
    assert fact.known() is None


def test_one_reads_and_those_who_asked_meanwhile_share_it() -> None:
    started, go, answers = threading.Event(), threading.Event(), []
    readings = []

    def slow(_timeout: float) -> object:
        readings.append(1)
        started.set()
        go.wait(10)
        clock.advance(2)
        return "one"

    clock = HandClock()
    fact = remembered(clock, slow)
    threads = [threading.Thread(target=lambda: answers.append(fact.read(10).value)) for _ in range(4)]
    threads[0].start()
    assert started.wait(10)
    for thread in threads[1:]:
        thread.start()
    with pytest.raises(TimedOut, match="an earlier reading has not come back yet"):
        fact.read(0.01)
    go.set()
    for thread in threads:
        thread.join(10)
    assert answers == ["one"] * 4
    assert len(readings) == 1


def round_of(clock: HandClock, *findings: Finding[str]) -> Round:
    current = Round(clock, clock.monotonic() + 10)
    names = [f"{finding.host}/{number}" if finding.host == "many" else finding.host for number, finding in enumerate(findings)]
    tell(current, "directories", dict(zip(names, findings, strict=True)), lambda _samples, _host, _value: None)
    return current


def up(current: Round) -> dict[str, float]:
    return {sample.labels[0]: sample.value for sample in current.samples}


def test_a_host_is_read_if_all_of_it_was() -> None:
    error = Missing("no")
    current = round_of(
        HandClock(),
        Finding("well", up=True, value="x", read_at=990.0),
        Finding("ill", up=False, error=error),
        Finding("many", up=True, value="x"),
        Finding("many", up=False, error=error),
        Finding("strange", up=False, value="some of it", error=error),
    )
    assert up(current) == {"well": 1, "ill": 0, "many": 0, "strange": 0}
    assert current.parts.keys() == {"well", "many/2", "strange"}
    assert current.failures.keys() == {"ill", "many/3", "strange"}
    assert current.read_at == {"well": 990.0}


def test_an_agent_that_is_not_heard_leaves_what_it_said_and_one_that_is_has_the_last_word() -> None:
    current = round_of(
        HandClock(),
        Finding("gone", up=None, error=ConnectFailed("no"), reached=False),
        Finding("unwatched", up=None, reached=True),
        Finding("withdrawn", up=False, error=Missing("no"), reached=True),
    )
    assert up(current) == {"withdrawn": 0}
    assert current.parts.keys() == {"unwatched", "withdrawn"}
    assert current.failures.keys() == {"gone", "withdrawn"}


def host_of(report: HostReport | SourceError, clock: HandClock | None = None) -> AgentHost:
    hosts: dict[str, HostReport | None] = {} if isinstance(report, SourceError) else {"there": report}
    answer = Report("9364", hosts)
    return AgentHost("here", "there", Remembered(lambda _timeout: answer, clock=clock or HandClock(), life=45.0))


def read(host: AgentHost) -> list[Finding[Any]]:
    readers: list[Readers[Any]] = [host.processes(), host.declarations(), host.directories()]
    return [look(5.0) for offered in readers for look in offered.values()]


def test_a_host_by_an_agent_is_known_as_one_that_is_seen_from_here() -> None:
    clock = HandClock()
    host = host_of(Seen().report, clock)
    assert host.known().expected is None
    assert {finding.host for finding in read(host)} == {"here"}
    known = host.known()
    assert known.preparation_seconds == 7200  # as is configured there, and not Adobe's default
    assert (known.expected, known.affinities) == (MTA.expected, frozenset({"news", "sms.one"}))
    # sms is not to run there and not counted among what runs; of wfserver nothing is told.
    assert known.up == {"mta": True, "stat": False, "sms": False}
    assert host.build == "9364"
    clock.advance(46)
    assert host.known() == type(known)()
    assert host.build is None


@pytest.mark.parametrize(
    "processes",
    [
        Told(up=False, value=MTA),
        Told(up=True, value=Processes(expected=frozenset({"mta"}), up={"mta": True})),
        Told(up=True, value=Processes(up={"mta": True}, counts={"mta": 1})),
    ],
)
def test_what_is_not_to_run_is_not_said_to_be_down_unless_all_that_runs_is_counted(processes: Told[Processes]) -> None:
    host = host_of(HostReport(processes, Told(None, None), Told(None, None)))
    read(host)
    assert "sms" not in host.known().up


def test_a_host_that_its_agent_does_not_know_is_unknown() -> None:
    host = host_of(Missing("no"))
    with pytest.raises(Missing, match="knows no host there"):
        read(host)
    assert host.known().expected is None
    assert host.lost(Missing("no")).up is None
    assert host.lost(Missing("no")).reached is False


def test_a_host_whose_agent_reads_no_configuration_keeps_nobody_waiting_for_its_affinities() -> None:
    host = host_of(Seen(configuration=None, up={"processes": True}).report)
    assert host.declares
    read(host)
    assert not host.declares
    current = Round(HandClock(), 1010.0)
    tell(current, "configuration", {"here": read(host)[1]}, lambda samples, _host, _value: samples.merge(Samples()))
    assert up(current) == {}
