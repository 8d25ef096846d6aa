"""What Campaign's HTTP endpoints answer when all is well.

Docs: production/using/monitoring-processes.md (/r/test, ping.jsp); the error forms are not published, so anything else is bad.
Adobe's SDK for JavaScript (acc-js-sdk, src/client.js: mcPing) reads the answers of mcPing.jsp.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from campaign_exporter.domain import xml_text
from campaign_exporter.errors import BadAnswer

_LONGEST_QUOTE = 80
# No more digits than a sequence of Campaign's gives out: what is longer is no number of events.
_PENDING_EVENTS = re.compile(r"([0-9]{1,10})/([0-9]{1,10}) pending events")
# Whole, to the second, and nothing else. Only one form is published; the order of the date and the zone may be the site's.
_DATABASE_TIME = re.compile(
    r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}[ T][0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
    r"(?: ?(?:[AP]M|Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?"
)
_QUEUE_FULL = re.compile(r"The queue is full \(([0-9]{1,10})/([0-9]{1,10})\)")


@dataclass(frozen=True, slots=True)
class Statement:
    """What an endpoint says. `time` is the server's (redirection) or the database's (ping), naive where no zone is given."""

    build: str | None = None
    time: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventQueue:
    """Message Center's queue: the events that wait in it, and at how many it counts as full."""

    length: int
    limit: int


def parse_redirection(body: bytes) -> Statement:
    """Read the answer of /r/test. Raises Unreadable for what is not XML, BadAnswer for another status than OK."""
    root = _Root()
    xml_text.parse("the answer", body, root)
    if root.attributes.get("status") != "OK":
        raise BadAnswer("the answer is XML without status='OK'")
    return Statement(
        build=root.attributes.get("build") or None,
        time=parse_time(root.attributes.get("date", "")),
        attributes=MappingProxyType(root.attributes),
    )


def parse_ping(body: bytes) -> Statement:
    """Read the answer of ping.jsp and mcPing.jsp: OK, then the database's time. Raises BadAnswer for anything else.

    Without a whole time nothing proves that the database was asked. One in a form that is not known proves it, and is None.
    """
    lines = _lines(body)
    first, second = [*lines, "", ""][:2]
    if not any(lines):
        raise BadAnswer("the answer is empty")
    if first.casefold() == "error":
        raise BadAnswer(f"the answer is Error: {_clean(second)}")
    if first.casefold() != "ok":
        raise BadAnswer("the first line of the answer is not OK: is the session token right?")
    if not second:
        raise BadAnswer("the answer is cut off: OK is there, the database's time is not")
    if not _DATABASE_TIME.fullmatch(second):
        raise BadAnswer(f"the second line of the answer is not the database's time: '{_clean(second)}'")
    return Statement(time=parse_time(second))


def parse_queue(body: bytes) -> EventQueue | None:
    """Read Message Center's queue from an answer of mcPing.jsp, OK or Error; None where it is not told just so."""
    match _lines(body.rstrip()):
        case [first, time, told] if first.casefold() == "ok" and _DATABASE_TIME.fullmatch(time):
            found = _PENDING_EVENTS.fullmatch(told)
        case [first, told] if first.casefold() == "error":
            found = _QUEUE_FULL.fullmatch(told)
        case _:
            found = None
    return EventQueue(int(found[1]), int(found[2])) if found else None


def parse_time(text: str) -> datetime | None:
    """Read 2021-08-27 08:02:07.963-07, 2021-08-27 15:43:48.862Z and 2021/08/27 08:02:07; None for anything else."""
    if not re.match(r"[0-9]{4}([-/])[0-9]{2}\1[0-9]{2} ", text):
        return None
    try:
        return datetime.fromisoformat(text.strip().replace("/", "-"))
    except ValueError:
        return None


class _Root(ContentHandler):
    """Keeps the attributes of the root element."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: dict[str, str] = {}
        self._seen = False

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: ARG002, N802 - as xml.sax calls it
        """Take the first element's attributes."""
        if not self._seen:
            self.attributes = dict(attrs.items())
            self._seen = True


def _lines(body: bytes) -> list[str]:
    return [line.strip() for line in body.decode("utf-8-sig", errors="replace").splitlines()]


def _clean(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:_LONGEST_QUOTE]
