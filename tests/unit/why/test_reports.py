"""What `why` says: golden transcripts for each cause, and what must hold of any facts."""

import dataclasses
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from campaign_exporter.diagnosis.causes import CAUSES, decide, evaluated
from campaign_exporter.diagnosis.facts import Delivery, Host, Platform
from campaign_exporter.diagnosis.waiting import judge
from campaign_exporter.errors import PermissionDenied
from campaign_exporter.sources.campaign import DeliveryDetail
from campaign_exporter.sources.inspection import Clues, LogLines, PartCounts, Priorities
from campaign_exporter.why.advice import Case, Place
from campaign_exporter.why.clues import follow_up
from campaign_exporter.why.document import queues_document, report_document
from campaign_exporter.why.reading import Queue
from campaign_exporter.why.report import Report, Verdict, check_all
from campaign_exporter.why.text import show_queues, show_report
from unit.diagnosis.any_facts import deliveries, platforms
from unit.diagnosis.scenes import BEFORE_LAUNCH, DUE, MAKES, NOW, PREPARED, WELL, scene

TRANSCRIPTS = Path(__file__).parent / "transcripts"
NO_SIGNS = LogLines(120, 0, 0, 0, 0, 0, 0)
QUIET = Clues(PartCounts(4700, 4700, 0), NO_SIGNS, Priorities(10, 10, 0), 12_000_000)
SHIFT = 1_795_000_000.0 - NOW  # a date of these days reads better than one of 1970


def report(delivery: Delivery, platform: Platform, clues: Clues = QUIET, **detail: object) -> Report:
    """Put a report together as the command does."""
    whole = DeliveryDetail(delivery, "DM1234", "", 0, "routingEmail", 0, 0, None, None)._replace(**detail)  # type: ignore[arg-type]
    waiting, _ = judge([delivery], platform, {})
    troubles = {name: f"command ssh ended with exit status 255: {name}" for name, host in platform.hosts.items() if not host.up}
    return Report(
        "prod",
        Case(whole, platform, Place("prod")),
        waiting[0] if waiting else None,
        tuple(check_all(delivery, platform, troubles)),
        tuple(follow_up(whole, platform, clues)),
        clues.parts if isinstance(clues.parts, PartCounts) else None,
    )


def as_text(told: Report, width: int = 80) -> str:
    output = io.StringIO()
    show_report(Console(file=output, width=width, highlight=False, emoji=False, markup=False), told)
    return output.getvalue()


def dated(delivery: Delivery, platform: Platform) -> tuple[Delivery, Platform]:
    """Move a scene to these days, and make its delivery a large one that was modified 47 minutes ago."""

    def moved(moment: float | None) -> float | None:
        return None if moment is None else moment + SHIFT

    parts = delivery.parts
    if parts is not None:
        parts = dataclasses.replace(parts, next_pass=moved(parts.next_pass))
    changed = dataclasses.replace(
        delivery,
        label="Spring sale",
        contact=moved(delivery.contact),
        validity=moved(delivery.validity),
        modified=moved(delivery.modified) or NOW + SHIFT - 2820,
        to_deliver=1_200_000 if delivery.to_deliver is None else delivery.to_deliver,
        parts=parts,
    )
    return changed, dataclasses.replace(platform, now=platform.now + SHIFT)


def golden(name: str, found: str) -> None:
    file = TRANSCRIPTS / f"{name}.txt"
    if os.environ.get("ACCEPT_TRANSCRIPTS"):
        file.write_text(found, encoding="utf-8")
    expected = file.read_text(encoding="utf-8")
    assert found == expected, f"if the new output is right, run ACCEPT_TRANSCRIPTS=1 pytest {Path(__file__).name}"


@pytest.mark.parametrize("name", [*MAKES, "unknown"])
def test_each_cause_reads_well_on_80_columns(name: str) -> None:
    delivery, platform = dated(*(scene(name) if name != "unknown" else (DUE, WELL)))
    told = report(delivery, platform)
    assert told.cause is not None
    assert told.cause.name == name
    golden(name, as_text(told))


def test_more_than_one_cause_and_a_wide_terminal() -> None:
    delivery, platform = dated(*scene("account_inactive", "affinity_unconfigured"))
    told = report(delivery, platform)
    assert [cause.name for cause in told.also] == ["affinity_unconfigured"]
    golden("two-causes-wide", as_text(told, 140))
    golden("two-causes-json", json.dumps(report_document(told), indent=2, ensure_ascii=False) + "\n")


def test_what_cannot_be_seen_is_told_with_the_mend() -> None:
    delivery, platform = dated(DUE, WELL)
    blind = dataclasses.replace(platform, hosts={"mta1": Host()}, waits=None, workflows=None, campaign_jobs=None)
    denied = PermissionDenied("no right to read xtkjoblog (smessage): see `campaign-exporter grants`")
    golden("unseen", as_text(report(delivery, blind, Clues(denied, denied, denied, None))))


def test_a_holder_that_is_not_listed_is_not_called_dead_where_children_never_are() -> None:
    host = dataclasses.replace(WELL.hosts["mta1"], lists_children=False)
    delivery, _ = scene("parts_orphaned")
    told = report(delivery, dataclasses.replace(WELL, hosts={"mta1": host}))
    assert told.cause is not None
    assert told.cause.name == "unknown"
    assert "held by process 9 on mta1, which is not listed there, nor is any mtachild" in as_text(told, 400)


def test_signs() -> None:
    delivery, platform = dated(DUE, WELL)
    clues = Clues(
        PartCounts(4700, 4700, 1), LogLines(500, 3, 1, 2, 4, 9, 1), Priorities(10, 0, 2, ["20/0", "5/0"]), 2_100_000_000
    )
    golden("signs", as_text(report(delivery, platform, clues)))


@pytest.mark.parametrize(
    ("name", "delivery", "detail"),
    [
        (
            "sending",
            dataclasses.replace(DUE, state=55, processed=400_000),
            {"success": 390_000, "error": 10_000, "started": -900},
        ),
        ("finished", dataclasses.replace(DUE, state=95, processed=1_200_000), {"success": 1_200_000, "ended": -3600}),
        ("draft", dataclasses.replace(PREPARED, state=0), {}),
        ("template", dataclasses.replace(DUE, label="T"), {"aside": "template"}),
        ("ready", dataclasses.replace(PREPARED, contact=NOW + 3600), {}),
        ("unknown-state", dataclasses.replace(DUE, state=None), {}),
    ],
)
def test_what_does_not_wait(name: str, delivery: Delivery, detail: dict[str, object]) -> None:
    for key in ("started", "ended"):
        if key in detail:
            detail[key] = NOW + SHIFT + float(str(detail[key]))
    moved, platform = dated(delivery, WELL)
    told = report(moved, platform, QUIET, **detail)
    if name == "template":
        told = dataclasses.replace(told, waiting=None)
    assert told.cause is None
    golden(f"not-{name}", as_text(told))


@given(
    deliveries,
    platforms,
    st.sampled_from([QUIET, Clues(PermissionDenied("x"), PermissionDenied("x"), PermissionDenied("x"), None)]),
)
def test_any_facts_can_be_told_and_command_and_metric_agree(delivery: Delivery, platform: Platform, clues: Clues) -> None:
    told = report(delivery, platform, clues)
    cause = decide(delivery, platform)
    assert told.cause is cause
    content = report_document(told)
    assert {"delivery_id", "cause", "since", "messages", "checks"} <= content.keys()
    assert content["cause"] == (cause.name if cause else None)
    json.dumps(content, allow_nan=False)
    assert as_text(told)
    assert (told.steps != ()) == (cause is not None), "each cause has a next step"
    by_name = {check.cause.name: check for check in told.checks}
    assert list(by_name) == [each.name for each in CAUSES[:-1]]
    for each in CAUSES[:-1]:
        holds = by_name[each.name].verdict is Verdict.HOLDS
        assert holds == each.holds(delivery, platform)
        if not evaluated(platform)[each.name]:
            assert by_name[each.name].verdict is not Verdict.HOLDS
        assert (by_name[each.name].mend != "") == (by_name[each.name].verdict is Verdict.UNSEEN)
        assert (by_name[each.name].evidence != "") == (by_name[each.name].verdict is not Verdict.OUTSIDE)
    if cause is not None and cause.name != "unknown":
        first = next(check for check in told.checks if check.verdict is Verdict.HOLDS)
        assert first.cause is cause


@given(st.text(), st.text())
def test_no_text_of_the_database_can_break_a_line(label: str, affinity: str) -> None:
    delivery = dataclasses.replace(DUE, label=label, affinity=affinity or None)
    text = as_text(report(delivery, WELL))
    assert not {character for character in text if character != "\n" and ord(character) < 32}, "no control characters"
    assert "\u202e" not in text


def test_hostile_labels_are_not_markup() -> None:
    delivery = dataclasses.replace(DUE, label="[red]x[/red] :smile: [link=http://x]y")
    assert "[red]x[/red] :smile: [link=http://x]y" in as_text(report(delivery, WELL))


def test_all_that_waits_on_80_columns() -> None:
    waiting = []
    for number, name in enumerate([*MAKES, "unknown"], 1):
        delivery, platform = dated(*(scene(name) if name != "unknown" else (DUE, WELL)))
        delivery = dataclasses.replace(delivery, delivery_id=number, to_deliver=number * 1000)
        waiting += judge([delivery], platform, {})[0]
    waiting.sort(key=lambda one: (-one.delivery.messages_waiting, one.gravity))
    queue = Queue("prod", NOW + SHIFT, tuple(waiting), ("holders of parts: no right to read it",), {"mta2": "timed out"})
    output = io.StringIO()
    show_queues(Console(file=output, width=80, highlight=False, emoji=False, markup=False), [queue, Queue("mid", NOW + SHIFT)])
    golden("all", output.getvalue())
    content = queues_document([queue])
    messages = [one["messages"] for one in content["waiting"]]
    assert messages == sorted(messages, reverse=True)
    assert {one["cause"] for one in content["waiting"]} == {*MAKES, "unknown"}


def test_each_cause_before_the_launch_names_no_process_that_sends() -> None:
    for name in BEFORE_LAUNCH:
        delivery, platform = scene(name)
        told = report(delivery, platform)
        assert {check.cause.name for check in told.checks if check.verdict is Verdict.OUTSIDE} >= {"mta_down", "scheduled"}
