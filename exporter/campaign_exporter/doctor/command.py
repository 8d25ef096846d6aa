"""The command: examines, shows the progress, prints the report."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.text import Text

from campaign_exporter.config import Config, HttpUrl
from campaign_exporter.doctor.check import Check, Result
from campaign_exporter.doctor.examination import examine
from campaign_exporter.doctor.report import Report, as_json
from campaign_exporter.rounds import SystemClock
from campaign_exporter.sources.prometheus import PrometheusServer

#: Seconds for one answer of Prometheus.
_TIMEOUT = 5.0
_WIDEST = 120


class BadOption(Exception):
    """An option that cannot be used; the message says which, and the mend."""


def prometheus_server(
    url: str | None, username: str | None, password_file: Path | None, ca_file: Path | None
) -> PrometheusServer | None:
    """Make the server of the options; raise BadOption."""
    if (username is None) != (password_file is None):
        raise BadOption("--prometheus.username and --prometheus.password-file go together: give both")
    if url is None:
        if username is not None or ca_file is not None:
            raise BadOption("--prometheus.username and --prometheus.ca-file are for --prometheus: give it as well")
        return None
    try:
        TypeAdapter(HttpUrl).validate_python(url)
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        # The address itself is not repeated: a password may stand there.
        mend = ": give --prometheus.username and --prometheus.password-file" if "password" in why else ""
        raise BadOption(f"--prometheus: the address {why}{mend}") from None
    return PrometheusServer(url, _TIMEOUT, username, password_file, ca_file)


def run(config: Config, server: PrometheusServer | None, output: str) -> int:
    """Examine, print, and give the exit status: 1 where there is a finding."""
    console, errors = _console(sys.stdout), _console(sys.stderr)
    report, checks = Report(console), list[Check]()
    # Text and progress that share a terminal must share a console, too.
    with _progress(console if output == "text" and console.is_terminal else errors) as show:
        for section in examine(config, SystemClock(), server):
            if section.checks is None:
                show(f"{section.instance or 'exporter'}: {section.step}")
                continue
            checks += section.checks
            if output == "text":
                report.tell(f"{section.instance}: {section.title}" if section.instance else section.title, section.checks)
    if output == "text":
        report.end()
    else:
        console.file.write(f"{as_json(checks)}\n")
    console.file.flush()
    return 1 if any(check.result is Result.FINDING for check in checks) else 0


def _console(stream: TextIO) -> Console:
    """Make a console that is plain without a terminal and with NO_COLOR, and never so wide that lines are hard to follow."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")  # what a host is called must not end the report
    console = Console(file=stream, highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")
    console.width = min(console.width, _WIDEST)
    return console


@contextlib.contextmanager
def _progress(console: Console) -> Iterator[Callable[[str], None]]:
    """Show what is being examined, where somebody looks on."""
    if not console.is_terminal or console.is_dumb_terminal or console.color_system is None:
        yield lambda _text: None
        return
    with console.status("") as status:
        yield lambda text: status.update(Text(text))
