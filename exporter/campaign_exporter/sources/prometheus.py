"""A Prometheus server, asked over its HTTP API (docs: prometheus.io, Querying: HTTP API). Only read, never written."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode, urljoin

from campaign_exporter.errors import BadAnswer, Unreadable
from campaign_exporter.sources.exchange import Exchange, Trust, exchange, place_of
from campaign_exporter.sources.files import read_secret

T = TypeVar("T")
#: A server with thousands of targets answers in megabytes.
MAXIMAL_BYTES = 64 << 20
_ADDRESS = re.compile(r"(https?://)(?:[^/\s\"?]*@)?([^\s\"?]*)(?:\?[^\s\"]*)?")
_LONGEST_QUOTE = 300
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Target(NamedTuple):
    """A target that is scraped; `labels` are those that its series carry. Times as Prometheus writes them."""

    labels: Mapping[str, str]
    pool: str
    url: str
    health: str
    last_error: str
    last_scrape: str
    interval: str


class Rule(NamedTuple):
    """A rule of a group; `alerting` or else recording. `health` is ok, err, or unknown before the first evaluation."""

    group: str
    name: str
    alerting: bool
    health: str
    last_error: str


class Alertmanagers(NamedTuple):
    """The addresses to which alerts are sent, and those that were found and left out."""

    active: tuple[str, ...]
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PrometheusServer:
    """One server, by the address under which its /api/v1 stands; `timeout` in seconds is for each answer.

    Each question raises what an exchange raises, Unreadable for what is no answer of a Prometheus, and what the reading of
    files raises. No message holds a secret.
    """

    url: str
    timeout: float
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Evaluate an expression now; give labels and value of each series."""
        return self._ask(
            f"query?{urlencode({'query': expression})}",
            lambda data: [(dict(one["metric"]), float(one["value"][1])) for one in data["result"]],
        )

    def targets(self) -> list[Target]:
        """List the active targets."""
        return self._ask("targets?state=active", lambda data: [_target(one) for one in data["activeTargets"]])

    def rules(self) -> list[Rule]:
        """List the rules of all groups."""
        return self._ask(
            "rules", lambda data: [_rule(group["name"], rule) for group in data["groups"] for rule in group["rules"]]
        )

    def alertmanagers(self) -> Alertmanagers:
        """List the Alertmanagers."""
        return self._ask(
            "alertmanagers",
            lambda data: Alertmanagers(
                tuple(place_of(one["url"]) for one in data["activeAlertmanagers"]),
                tuple(place_of(one["url"]) for one in data["droppedAlertmanagers"]),
            ),
        )

    def _ask(self, question: str, make: Callable[[Any], T]) -> T:
        """Ask for one piece, and make values of the answer."""
        url = f"{self.url.rstrip('/')}/api/v1/{question}"
        place, headers = place_of(url), self._headers()
        with exchange(url, self.timeout, Trust(self.ca_file)) as http:
            body = _body(http, url, headers)
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            raise Unreadable(f"{place} answers, but not with JSON: it is no Prometheus") from None
        try:
            if answer["status"] != "success":
                raise BadAnswer(f"{place} answers that it failed")
            return make(answer["data"])
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):
            raise Unreadable(f"{place} answers with JSON that is not Prometheus's") from None

    def _headers(self) -> Mapping[str, str]:
        headers = {"Accept": "application/json"}
        if self.username is None or self.password_file is None:
            return headers
        pair = f"{self.username}:{read_secret(self.password_file)}"
        return headers | {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _body(http: Exchange, url: str, headers: Mapping[str, str]) -> bytes:
    with http.get(url, headers) as response:
        if response.status_code in _REDIRECTS:
            target = place_of(urljoin(url, response.headers.get("Location", "")))
            raise BadAnswer(f"{http.place} redirects to {target}: give the address under which Prometheus itself answers")
        return http.body(response, MAXIMAL_BYTES)


def _target(one: Mapping[str, Any]) -> Target:
    return Target(
        labels=dict(one["labels"]),
        pool=str(one.get("scrapePool", "")),
        url=place_of(one["scrapeUrl"]),
        health=str(one["health"]),
        last_error=_clean(one.get("lastError", "")),
        last_scrape=str(one.get("lastScrape", "")),
        interval=str(one.get("scrapeInterval", "")),
    )


def _rule(group: str, one: Mapping[str, Any]) -> Rule:
    return Rule(group, one["name"], one["type"] == "alerting", one.get("health", "unknown"), _clean(one.get("lastError", "")))


def _clean(text: str) -> str:
    """Leave out what stands in an address beside the place, where secrets may be, and what is too long to read."""
    line = " ".join(_ADDRESS.sub(r"\1\2", text).split())
    return line if len(line) <= _LONGEST_QUOTE else f"{line[: _LONGEST_QUOTE - 3]}..."
