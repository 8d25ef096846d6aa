"""The page docs/benchmarks.md: what must hold, and a section for each part that was measured."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import sections
from benchmarks.judgement import Judgement, judgements
from benchmarks.machine import ROOT
from benchmarks.sections import table

_WIDTH = 120
PAGE = ROOT / "docs" / "benchmarks.md"
_HEADER = """\
# What it costs

<!-- Written by `make bench` and `make soak` from docs/benchmarks/measured.json: change benchmarks/. -->

Measured side by side with Debian's prometheus-sql-exporter and prometheus-postgres-exporter, with query-exporter and with
prometheus_client's own server, on the simulator's data and one machine, by turns in one run. What must hold is a ratio between
two figures of the same run, the median of its runs; milliseconds are those of this machine and of what else it did meanwhile:
the load average stands beside each.

`make bench` repeats it, `make bench BENCH="--only scrapes --runs 1"` a part of it, and `make soak` the hour. Both end with an
error where something does not hold.

{versions}
## What must hold: {held} of {all} do

{judged}"""


def write(measured: Mapping[str, Any]) -> list[Judgement]:
    """Write the page and its pictures; give what was judged."""
    judged = judgements(measured)
    parts = [_header(measured.get("versions", {}), judged)]
    parts += [section(measured[part]) for part, section in sections.ALL.items() if part in measured]
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    return judged


def _header(versions: Mapping[str, str], judged: Sequence[Judgement]) -> str:
    rows = [(each.what, each.limit, each.figure, "held" if each.held else "**not held**") for each in judged]
    told = textwrap.fill(", ".join(f"{name} {number}" for name, number in sorted(versions.items())), _WIDTH)
    return _HEADER.format(
        versions=f"{told}.\n" if told else "",
        held=sum(each.held for each in judged),
        all=len(judged),
        judged=table(("what", "at most", "measured", ""), rows),
    )
