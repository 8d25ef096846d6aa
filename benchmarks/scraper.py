"""Scrapes as Prometheus does, over connections that are kept where the server keeps them, and measures each.

`python -m benchmarks.scraper PORT ENCODING SCRAPES SECONDS PARALLEL` is a process of its own for each scraper; it prints JSON.
"""

import http.client
import json
import multiprocessing
import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from benchmarks.machine import ROOT

#: Prometheus gives up after it, by default.
SCRAPE_TIMEOUT = 10.0
_WARM = 2
_LEAST = 5


@dataclass(frozen=True)
class Figures:
    """Milliseconds, how many were measured, how many of them brought nothing, and bytes of a body."""

    p50: float
    p99: float
    scrapes: int
    failed: int
    size: int


@dataclass(frozen=True)
class Scrape:
    """One scrape: milliseconds, and the body, which is empty where none came."""

    milliseconds: float
    body: bytes


class Client:
    """One scraper."""

    def __init__(self, port: int, encoding: str = "identity", timeout: float = SCRAPE_TIMEOUT) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self._headers = {"Accept-Encoding": encoding}

    def scrape(self) -> Scrape:
        """Scrape once; what fails takes as long as it takes, and gives an empty body."""
        began = time.perf_counter()
        try:
            self._connection.request("GET", "/metrics", headers=self._headers)
            answer = self._connection.getresponse()
            body = answer.read()
            good = answer.status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            self._connection.close()
            body, good = b"", False
        return Scrape((time.perf_counter() - began) * 1000, body if good else b"")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def summary(scrapes: list[tuple[float, int]]) -> Figures:
    """Sum up scrapes, each given as milliseconds and bytes."""
    times = [each for each, _ in scrapes]
    failed = sum(not size for _, size in scrapes)
    return Figures(median(times), quantiles(times, n=100, method="inclusive")[98], len(times), failed, scrapes[-1][1])


def measure(port: int, encoding: str, *, scrapes: int, seconds: float, parallel: int = 1) -> Figures:
    """Scrape so often, or for so long, whichever ends sooner, with so many scrapers at once."""
    command = [sys.executable, "-m", "benchmarks.scraper", *map(str, (port, encoding, scrapes, seconds, parallel))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603 - this file
    return summary([(each, size) for each, size in json.loads(done.stdout)])


def _one(given: tuple[int, str, int, float, int]) -> list[tuple[float, int]]:
    port, encoding, scrapes, seconds, least = given
    client = Client(port, encoding)
    measured: list[tuple[float, int]] = []
    end = time.monotonic() + seconds
    while len(measured) < _WARM + least or (len(measured) < _WARM + scrapes and time.monotonic() < end):
        scrape = client.scrape()
        measured.append((scrape.milliseconds, len(scrape.body)))
    client.close()
    return measured[_WARM:]


def main() -> None:
    """Measure, in so many processes, and print milliseconds and bytes of each scrape."""
    port, encoding, scrapes, seconds, parallel = sys.argv[1:]
    given: tuple[Any, ...] = (int(port), encoding, int(scrapes), float(seconds), max(_LEAST // int(parallel), 1))
    with multiprocessing.get_context("fork").Pool(int(parallel)) as pool:
        measured = pool.map(_one, [given] * int(parallel), chunksize=1)
    print(json.dumps([each for scraper in measured for each in scraper]))


if __name__ == "__main__":
    main()
