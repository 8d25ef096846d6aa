"""What Campaign's HTTP endpoints answer when all is well.

Docs: production/using/monitoring-processes.md (/r/test, ping.jsp); the error forms are not published, so anything else is bad.
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


@dataclass(frozen=True, slots=True)
class Statement:
    """What an endpoint says. `time` is the server's (redirection) or the database's (ping), naive where no zone is given."""

    build: str | None = None
    time: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


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
    """Read the answer of ping.jsp and mcPing.jsp: OK, then the database's time. Raises BadAnswer for anything else."""
    lines = [line.strip() for line in body.decode("utf-8-sig", errors="replace").splitlines()]
    first, second = [*lines, "", ""][:2]
    if not any(lines):
        raise BadAnswer("the answer is empty")
    if first.casefold() == "error":
        raise BadAnswer(f"the answer is Error: {_clean(second)}")
    if first.casefold() != "ok":
        raise BadAnswer("the first line of the answer is not OK: is the session token right?")
    if not second:
        raise BadAnswer("the answer is cut off: OK is there, the database's time is not")
    return Statement(time=parse_time(second))


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


def _clean(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:_LONGEST_QUOTE]
