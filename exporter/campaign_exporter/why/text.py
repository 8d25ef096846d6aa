"""A report as a person reads it: in colour on a terminal, plain elsewhere."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from campaign_exporter.diagnosis.causes import Cause
from campaign_exporter.domain.deliveries import BEFORE_LAUNCH, channel_name, state_name
from campaign_exporter.domain.labels import safe_line
from campaign_exporter.sources.inspection import MOST_MATCHES, Match
from campaign_exporter.why.clues import Clue
from campaign_exporter.why.reading import Queue
from campaign_exporter.why.report import Check, Report, Verdict
from campaign_exporter.why.words import counted, duration, gone, moment

_COLOURS = {"critical": "bold red", "warning": "bold yellow", "info": "bold cyan", "never": "bold green"}
_VERDICTS = {Verdict.HOLDS: "red", Verdict.CLEAR: "green", Verdict.UNSEEN: "yellow"}
_SEEN = {True: ("found", "red"), False: ("clear", "green"), None: ("cannot tell", "yellow")}
_SENDING = (55, 62)
_NAME_WIDTH = 21


def show_report(console: Console, report: Report) -> None:
    """Print all that is known of a delivery."""
    blocks = [_head(report), *_cause(report), *_steps(report), *_checks(report), *_clues(report), *_notes(report)]
    _print(console, Group(*blocks))


def show_matches(console: Console, instance: str, matches: Iterable[Match]) -> None:
    """Print the deliveries that may be meant."""
    table = _table(f"{instance}: which one? Name it by its id.", ("id", "state", "internal name", "label"))
    shown = list(matches)
    if len(shown) == MOST_MATCHES:
        table.caption, table.caption_justify = f"the first {MOST_MATCHES}: say more of its name", "left"
    for match in shown:
        names = (safe_line(match.internal_name), safe_line(match.label))
        table.add_row(str(match.delivery_id), state_name(match.state), *(Text(name) for name in names))
    _print(console, table)


def show_queues(console: Console, queues: Sequence[Queue]) -> None:
    """Print all that waits, the most messages first."""
    table = _table("", ("messages", "waits for", "severity", "cause", "delivery", "label"))
    for queue in queues:
        for one in queue.waiting:
            due = one.since <= queue.now
            since = duration(queue.now - one.since) if due else f"in {duration(one.since - queue.now)}"
            table.add_row(
                f"{one.delivery.messages_waiting:,}",
                since,
                Text(_grave(one.cause), style=_COLOURS[one.cause.severity]),
                one.cause.name,
                f"{queue.instance} {one.delivery.delivery_id}",
                Text(safe_line(one.delivery.label)),
            )
    if table.row_count:
        _print(console, table)
    for queue in queues:
        console.print(Text(_sum(queue)))
        for note in (*queue.unseen, *(f"host {host}: {text}" for host, text in sorted(queue.troubles.items()))):
            console.print(Text(safe_line(f"{queue.instance}: not seen: {note}"), style="yellow"))


def _print(console: Console, content: RenderableType) -> None:
    """Print, and where nobody looks at colours, without the blanks that fill up a line."""
    if console.is_terminal:
        console.print(content)
        return
    with console.capture() as capture:
        console.print(content)
    for line in capture.get().splitlines():
        console.print(Text(line.rstrip()), soft_wrap=True)


def _sum(queue: Queue) -> str:
    stuck = [one for one in queue.waiting if one.cause.severity != "never"]
    messages = sum(one.delivery.messages_waiting for one in stuck)
    planned = len(queue.waiting) - len(stuck)
    return (
        f"{queue.instance}: {counted(len(stuck), 'delivery', 'deliveries')} stuck with {counted(messages, 'message')},"
        f" {planned} waiting as planned"
    )


def _head(report: Report) -> RenderableType:
    detail, platform = report.case.detail, report.case.platform
    delivery = detail.delivery
    name = f"  {safe_line(detail.internal_name)}" if detail.internal_name else ""
    title = Text.assemble((safe_line(delivery.label) or "(no label)", "bold"))
    place = f"{report.instance}  id {delivery.delivery_id}{name}  {channel_name(delivery.channel)}"
    lines = [title, Text(place), Text()]
    if report.waiting is None:
        lines.append(Text(_where_it_is(report), style="bold"))
    else:
        since = report.waiting.since
        waits = "WAITS" if since > platform.now else f"PENDING for {duration(platform.now - since)}"
        told = f", since {moment(since)}" if since <= platform.now else ""
        lines.append(Text.assemble((waits, _COLOURS[report.waiting.cause.severity]), f"{told}, in state {_state(report)}"))
        lines.append(Text(f"{_messages(report)}{_parts(report)}"))
    return Group(*lines)


def _messages(report: Report) -> str:
    delivery = report.case.delivery
    if delivery.state in BEFORE_LAUNCH and not delivery.to_deliver:
        return "its messages are not counted yet"
    number = delivery.messages_waiting
    return f"{counted(number, 'message')} {'waits' if number == 1 else 'wait'}"


def _parts(report: Report) -> str:
    parts = report.parts
    if parts is None or not parts.parts:
        return ""
    return f" in {counted(parts.parts, 'part')}, {parts.due:,} due, {parts.held:,} held by a process"


def _state(report: Report) -> str:
    delivery = report.case.delivery
    return f"{state_name(delivery.state)} ({delivery.state})"


def _where_it_is(report: Report) -> str:
    """Say in a sentence where a delivery is that nothing holds."""
    detail, now = report.case.detail, report.case.platform.now
    delivery = detail.delivery
    if detail.aside:
        return f"It is {'deleted' if detail.aside == 'deleted' else f'a {detail.aside}'}: it is not sent, and counts nowhere."
    sent = f"{counted(detail.success, 'success', 'successes')}, {counted(detail.error, 'error')}"
    if delivery.state in _SENDING:
        total = f"{delivery.processed or 0:,} of {counted(delivery.to_deliver or 0, 'message')} processed"
        begun = f", since {gone(detail.started, now)}" if detail.started else ""
        return f"It is being sent, in state {_state(report)}{begun}: {total}, {sent}."
    if detail.ended and detail.ended <= now:
        return f"It is in state {_state(report)}; its sending ended {gone(detail.ended, now)}: {sent}."
    changed = f", last modified {gone(delivery.modified, now)}" if delivery.modified and delivery.modified <= now else ""
    return f"It is in state {_state(report)}{changed}; it is not one that should be sending now."


def _cause(report: Report) -> Iterator[RenderableType]:
    if report.cause is None:
        return
    cause = report.cause
    evidence = next((check.evidence for check in report.checks if check.cause is cause), _nothing_known(report))
    yield _title("CAUSE")
    yield _indented(
        Text.assemble((cause.name, _COLOURS[cause.severity]), f" ({_grave(cause)}, {cause.confidence})"),
        Text(safe_line(evidence)),
        Text(f"Adobe: {cause.source}", style="dim"),
    )
    if report.also:
        names = ", ".join(each.name for each in report.also)
        yield _indented(Text(f"And once that is mended, still: {names}", style="bold"))


def _grave(cause: Cause) -> str:
    return "as planned" if cause.severity == "never" else cause.severity


def _nothing_known(report: Report) -> str:
    unseen = [check.cause.name for check in report.checks if check.verdict is Verdict.UNSEEN]
    told = f"; these cannot be told: {', '.join(unseen)}" if unseen else ""
    return f"none of the causes that can be tested holds{told}"


def _steps(report: Report) -> Iterator[RenderableType]:
    if not report.steps:
        return
    yield _title("DO THIS")
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for number, step in enumerate(report.steps, 1):
        where = f"on {', '.join(step.hosts)}: " if step.hosts else ""
        table.add_row(f"{number}.", Text(safe_line(f"{where}{step.text}")))
        if step.command:
            table.add_row("", Text(safe_line(step.command), style="bold"))
    yield _indented(table)


def _checks(report: Report) -> Iterator[RenderableType]:
    told = [check for check in report.checks if check.verdict is not Verdict.OUTSIDE]
    if not told or report.case.detail.aside:
        return
    yield _title("CHECKED")
    yield _indented(_verdicts(told))
    outside = [check.cause.name for check in report.checks if check.verdict is Verdict.OUTSIDE]
    if outside:
        yield _indented(Text(f"Not for its state, mode or channel: {', '.join(outside)}.", style="dim"))


def _verdicts(checks: Sequence[Check]) -> Table:
    table = _grid()
    before = ""
    for check in checks:
        mend = f"; to see it: {check.mend}" if check.mend else ""
        evidence = f"{check.evidence}{mend}"
        shown = "as above" if evidence == before else evidence
        table.add_row(Text(check.verdict, style=_VERDICTS[check.verdict]), check.cause.name, Text(safe_line(shown)))
        before = evidence
    return table


def _clues(report: Report) -> Iterator[RenderableType]:
    """Tell the signs that were found; where the cause is not known, those as well that were not, or cannot be seen."""
    found = [clue for clue in report.clues if clue.seen or (report.cause and report.cause.name == "unknown")]
    if report.cause is None or not found:
        return
    yield _title("SIGNS")
    table = _grid()
    for clue in sorted(found, key=_order):
        word, colour = _SEEN[clue.seen]
        advice = f": {clue.advice}" if clue.advice else ""
        table.add_row(Text(word, style=colour), clue.name, Text(safe_line(f"{clue.evidence}{advice}")))
    yield _indented(table)


def _order(clue: Clue) -> int:
    return (True, None, False).index(clue.seen)


def _notes(report: Report) -> Iterator[RenderableType]:
    if report.notes:
        yield _title("NOT SEEN")
        yield _indented(*(Text(safe_line(note), style="yellow") for note in report.notes))


def _title(text: str) -> RenderableType:
    return Text(f"\n{text}", style="bold")


def _indented(*lines: RenderableType) -> RenderableType:
    return Padding(Group(*lines), (0, 0, 0, 2), expand=False)


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, min_width=11)
    table.add_column(no_wrap=True, min_width=_NAME_WIDTH)
    table.add_column()
    return table


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(box=None, title=title or None, title_justify="left", title_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if column in {"messages", "waits for"} else "left", header_style="dim")
    return table
