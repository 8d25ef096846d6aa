"""Passwords in front of a real exporter: who gets in, and what somebody who guesses can do."""

import http.client
import os
import statistics
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import get_ident
from typing import Self

import bcrypt
import pytest
import requests

from integration.core.exporter_process import wait_until
from integration.web.authority import HASH, PASSWORD, Authority
from integration.web.secured import ALICE, CERTIFICATES, CLIENTS, Process, process, serving

#: As `htpasswd -nBC 10` makes them: 60 ms for each password that is tried.
USUAL_HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode().replace("$2b$", "$2y$")
USERS = f"basic_auth_users:\n  alice: {USUAL_HASH}\n  zoë: {HASH}\n"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("passwords")
    authority = Authority(directory)
    authority.issue("server", "localhost")
    authority.issue("client", "central.example")
    return directory


@pytest.fixture(scope="module")
def running(directory: Path) -> Iterator[Process]:
    with process(directory, CERTIFICATES + USERS) as running:
        yield running


PAGES = ("/", "/metrics", "/-/healthy", "/-/ready", "/-/reload", "/nowhere")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_every_page_is_behind_it(running: Process, path: str, method: str) -> None:
    reply = running.get(path, method)
    assert (reply.status_code, reply.headers["www-authenticate"][:6]) == (401, "Basic ")
    assert reply.content == (b"" if method == "HEAD" else b"give a user and a password\n")
    assert running.get(path, method, auth=ALICE).status_code != 401


WRONG = [
    ("alice", "wrong"),
    ("alice", ""),
    ("", ""),
    ("Alice", PASSWORD),
    ("mallory", PASSWORD),
    ("zoë", PASSWORD),
    ("a", "x" * 999),
]


@pytest.mark.parametrize("given", WRONG)
def test_the_wrong_are_refused(running: Process, given: tuple[str, str]) -> None:
    reply = running.get(auth=given)  # requests sends zoë in Latin-1, which is not what the file says
    assert (reply.status_code, reply.text) == (401, "wrong user or password\n")


def test_a_name_beyond_ascii_is_utf8(running: Process) -> None:
    assert running.get(auth=("zoë".encode(), PASSWORD)).status_code == 200


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Bearer x", "Basic " + b64encode(b"alice").decode(), "x" * 9000])
def test_what_is_no_password_is_refused_at_once(running: Process, header: str) -> None:
    began = time.monotonic()
    assert running.get(headers={"Authorization": header}).status_code == 401
    assert time.monotonic() - began < 1


def test_passwords_without_tls_and_with_client_certificates(directory: Path) -> None:
    with serving(directory, USERS) as served:
        address = f"http://localhost:{served.port}/metrics"
        assert requests.get(address, timeout=10).status_code == 401
        assert requests.get(address, auth=ALICE, timeout=10).status_code == 200
    with serving(directory, CERTIFICATES + CLIENTS + USERS) as served:
        certificate = served.client("client")
        assert served.get(cert=certificate).status_code == 401
        assert served.get(cert=certificate, auth=ALICE).status_code == 200
        with pytest.raises(requests.ConnectionError):
            served.get(auth=ALICE)


def test_reload_of_the_configuration_goes_on_as_before(running: Process) -> None:
    assert running.get("/-/reload", "POST", auth=ALICE).text == "reloaded\n"
    assert running.get(auth=ALICE).status_code == 200


class Scraper:
    """One that scrapes over a connection that it keeps."""

    def __init__(self, running: Process, user: str = "alice", password: str = PASSWORD, source: str = "127.0.0.1") -> None:
        self._connection = http.client.HTTPSConnection(
            "localhost", running.port, timeout=20, context=running.context(), source_address=(source, 0)
        )
        self._headers = {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def scrape(self) -> tuple[int, float]:
        """Give the status, and how many seconds it took."""
        began = time.perf_counter()
        self._connection.request("GET", "/metrics", headers=self._headers)
        with self._connection.getresponse() as reply:
            reply.read()
        return reply.status, time.perf_counter() - began


@contextmanager
def guessing(running: Process, clients: int) -> Iterator[list[int]]:
    """Guess another password with each request, as fast as answers come; give the statuses as they come."""
    end = threading.Event()
    statuses: list[int] = []

    def guess(user: str) -> None:
        for number in count():
            if end.is_set() or running.process.poll() is not None:
                return
            with suppress(OSError, http.client.HTTPException), Scraper(running, user, f"{get_ident()} {number}") as scraper:
                statuses.append(scraper.scrape()[0])

    with ThreadPoolExecutor(clients) as pool:
        guesses = [pool.submit(guess, ("alice", "mallory")[number % 2]) for number in range(clients)]
        try:
            yield statuses
        finally:
            end.set()
            for each in guesses:
                each.result()


def held(running: Process) -> tuple[int, float]:
    """Give the number of threads, and the resident memory in MiB."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    [kib] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return len(os.listdir(f"/proc/{running.process.pid}/task")), int(kib) / 1024  # noqa: PTH208 - names are enough


def test_guessing_does_not_delay_a_right_scrape_nor_eat_up_anything(running: Process) -> None:
    with Scraper(running) as scraper:
        assert scraper.scrape()[0] == 200
        threads, memory = held(running)
        with guessing(running, 24) as statuses:
            wait_until(lambda: len(statuses) > 24)
            during = [scraper.scrape() for _ in range(150)]
            many_threads, much_memory = held(running)
    assert {status for status, _ in during} == {200}
    assert statistics.quantiles([seconds for _, seconds in during], n=100)[98] < 0.2
    assert set(statuses) <= {401, 429}
    assert many_threads <= threads + 1
    assert much_memory < memory + 40


@pytest.mark.alone
def test_who_comes_anew_while_somebody_guesses_from_elsewhere_gets_in(directory: Path) -> None:
    with process(directory, CERTIFICATES + USERS) as running, guessing(running, 24) as statuses:
        wait_until(lambda: 429 in statuses)
        # Linux has all of 127.0.0.0/8: this one comes from another address.
        # Where the machine is busy with all the guesses, the first scrape may be told to come again.
        with Scraper(running, source="127.0.0.9") as scraper:
            assert 200 in [scraper.scrape()[0] for _ in range(3)]


def test_it_ends_in_time_and_quietly_while_somebody_guesses(directory: Path) -> None:
    with process(directory, CERTIFICATES + USERS) as running, guessing(running, 24) as statuses:
        wait_until(lambda: 429 in statuses)
        began = time.monotonic()
        running.process.terminate()
        assert running.process.wait(10) == 0
        assert time.monotonic() - began < 5
        assert "level=error" not in running.log.read_text()


@pytest.mark.alone
def test_an_unknown_user_takes_as_long_as_a_wrong_password(running: Process) -> None:
    def seconds(user: str, number: int) -> float:
        with Scraper(running, user, f"guess {number}") as scraper:
            return scraper.scrape()[1]

    known, unknown = (min(seconds(user, number) for number in range(8)) for user in ("alice", "mallory"))
    assert known / 2 < unknown < known * 2
