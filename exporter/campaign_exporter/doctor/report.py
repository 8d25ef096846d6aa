"""The report on paper: sections as they come, a summary at the end, or all of it as JSON."""

import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.text import Text

from campaign_exporter.doctor.check import Check, Result
from campaign_exporter.doctor.connection import SUBJECT
from campaign_exporter.domain.labels import safe_line
from campaign_exporter.why.words import counted

_STYLES = {Result.OK: "green", Result.FINDING: "bold red", Result.CANNOT_TELL: "yellow"}
#: Under the results, with a gap.
_INDENT = max(len(result.value) for result in Result) + 2
_NARROWEST = 40
#: Of which there is one only: its checks go by their own names.
_OBVIOUS = frozenset({SUBJECT, "exporter", "prometheus"})


class Report:
    """The report as text: titles, checks, and the findings once more at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._title = ""
        self._checks: list[Check] = []

    def tell(self, title: str, checks: Iterable[Check]) -> None:
        """Write checks below their title, which stands once over all that follow under the same one."""
        if title != self._title:
            self._console.print(Text(f"\n{title}" if self._title else title, style="bold"))
            self._title = title
        for check in checks:
            self._checks.append(check)
            for line in _lines(check, max(self._console.width - _INDENT, _NARROWEST)):
                # Wrapped already: a word that is too long, such as an address, must stay whole, so that it can be copied.
                self._console.print(line, soft_wrap=True)

    def end(self) -> None:
        """Write the names of the findings once more, and how it ended: after a long list, the end is what is seen."""
        found = [check for check in self._checks if check.result is Result.FINDING]
        if found:
            self._console.print(Text("\nfindings", style=_STYLES[Result.FINDING]))
        for check in found:
            self._console.print(Text(f"{' ' * _INDENT}{check.instance or check.subject}: {_label(check)}"), soft_wrap=True)
        self._console.print(Text(f"\n{summary(self._checks)}", style="bold"))


def _lines(check: Check, width: int) -> Iterator[Text]:
    result = Text(check.result.value.ljust(_INDENT), style=_STYLES[check.result])
    yield from _paragraph(result, _label(check), check.what, width)
    for title, text in (("why", check.why), ("mend", check.mend)):
        if text:
            yield from _paragraph(Text(" " * _INDENT), title, text, width)


def _label(check: Check) -> str:
    return safe_line(check.name if check.subject in _OBVIOUS else f"{check.subject} {check.name}")


def _paragraph(before: Text, title: str, text: str, width: int) -> Iterator[Text]:
    first, *rest = textwrap.wrap(f"{title}: {safe_line(text)}", width, break_long_words=False, break_on_hyphens=False)
    line = Text(first)
    line.stylize("bold", 0, len(title) + 1)
    yield Text.assemble(before, line)
    yield from (Text(" " * _INDENT + each) for each in rest)


def summary(checks: Sequence[Check]) -> str:
    """Write how it ended, in one line."""
    results = [check.result for check in checks]
    findings, unseen = results.count(Result.FINDING), results.count(Result.CANNOT_TELL)
    told = f", {unseen} that cannot be told" if unseen else ""
    return f"{counted(len(results), 'check')}, {counted(findings, 'finding')}{told}"


def as_json(checks: Iterable[Check]) -> str:
    """Write all checks for machines."""
    listed = list(checks)
    content = [
        {
            "name": check.name,
            "instance": check.instance,
            "subject": safe_line(check.subject),
            "result": check.result.value,
            "what": safe_line(check.what),
            "why": safe_line(check.why),
            "mend": safe_line(check.mend),
        }
        for check in listed
    ]
    findings = sum(check.result is Result.FINDING for check in listed)
    return json.dumps({"checks": content, "findings": findings}, indent=2, ensure_ascii=False)
