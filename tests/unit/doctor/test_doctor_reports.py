"""The report: how it reads at two widths, and that nothing which was read elsewhere can steer the terminal."""

import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from campaign_exporter.doctor.check import Check, Result, cannot_tell, finding, listed, ok
from campaign_exporter.doctor.report import Report, as_json, summary

TRANSCRIPTS = Path(__file__).parent / "transcripts"
SECTIONS = (
    (
        "prod: database",
        (
            ok("connection", "database", "campaign at db.example:5432 as campaign_monitor"),
            ok("version", "database", "PostgreSQL 15.8"),
            finding(
                "rights to read",
                "database",
                "no right to read nmsdelivery (tsvalidity, sipaffinity)",
                why="collector affinity fails: no campaign_ip_affinity_info, campaign_ip_affinity_mismatch,"
                " campaign_ip_affinity_inconsistent and 2 more; collector pending fails: no campaign_deliveries_pending",
                mend='GRANT SELECT ("tsvalidity", "sipaffinity") ON "public"."nmsdelivery" TO "campaign_monitor";',
            ),
        ),
    ),
    ("prod: database", (cannot_tell("tables and indexes", "database", "cannot be seen before the schema is right"),)),
    (
        "prod: hosts",
        (
            ok("processes", "host mta1", "pdump by command ssh; build 9364; of 9 expected processes 9 run"),
            finding(
                "processes",
                "host mta2",
                "/srv/campaign/a-directory-with-a-very-long-name-that-nobody-would-type/mta2/processes/pdump.txt is not there",
                why='no campaign_process_up{host="mta2"}',
                mend="name the right path or command in the configuration, or let it be put there",
            ),
        ),
    ),
)


def written(width: int, sections: tuple[tuple[str, tuple[Check, ...]], ...] = SECTIONS, *, colour: bool = False) -> str:
    file = io.StringIO()
    colours: Literal["standard"] | None = "standard" if colour else None
    report = Report(Console(file=file, width=width, highlight=False, color_system=colours, force_terminal=colour))
    for title, some in sections:
        report.tell(title, [replace(check, instance="prod") for check in some])
    report.end()
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_it_reads_well(width: int) -> None:
    file, found = TRANSCRIPTS / f"report-{width}.txt", written(width)
    if os.environ.get("ACCEPT_TRANSCRIPTS"):
        file.write_text(found, encoding="utf-8")
    assert found == file.read_text("utf-8"), "if the new output is right, run it with ACCEPT_TRANSCRIPTS=1"


def test_results_have_colours() -> None:
    text = written(80, colour=True)
    for colour, result in (("32", "ok"), ("1;31", "finding"), ("33", "cannot tell")):
        # Only the word: what was found is to be read, not seen.
        assert f"\x1b[{colour}m{result.ljust(13)}\x1b[0m" in text


texts = st.text(min_size=1).filter(lambda text: bool(text.strip()))
checks = st.builds(Check, texts, texts, st.sampled_from(Result), texts, texts, texts, st.just("prod"))


@given(st.lists(checks, max_size=5), st.integers(20, 150))
def test_whatever_was_read_cannot_break_it(some: list[Check], width: int) -> None:
    text = written(width, (("prod", tuple(some)),))
    assert all(character == "\n" or ord(character) >= 32 for character in text)
    assert not set(text) & set("\x7f\x9b\u2028\u202e\u2066")
    content = json.loads(as_json(some))
    assert content["findings"] == sum(check.result is Result.FINDING for check in some)
    assert [check["result"] for check in content["checks"]] == [check.result.value for check in some]
    as_json(some).encode()


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=12), min_size=1), st.integers(60, 150))
def test_no_line_is_longer_than_the_terminal_is_wide(words: list[str], width: int) -> None:
    text = written(width, (("prod", (ok("name", "database", " ".join(words)),)),))
    assert all(len(line) <= width for line in text.splitlines())


def test_the_summary_counts() -> None:
    assert summary([]) == "0 checks, 0 findings"
    assert summary([ok("a", "b", "c")]) == "1 check, 0 findings"
    every = [check for _, some in SECTIONS for check in some]
    assert summary(every) == "6 checks, 2 findings, 1 that cannot be told"


@given(st.lists(st.text("ab", min_size=1, max_size=3)), st.integers(1, 8))
def test_a_long_row_is_cut_and_counted(names: list[str], most: int) -> None:
    text = listed(names, most)
    if len(names) <= most:
        assert text == ", ".join(names)
    else:
        assert text == f"{', '.join(names[:most])} and {len(names) - most} more"
