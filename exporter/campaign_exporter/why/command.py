"""The command `why`: what it prints, and with which status it ends."""

import json
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from campaign_exporter.config import Config
from campaign_exporter.rounds import Clock
from campaign_exporter.why import document, text
from campaign_exporter.why.reading import Answer, Reader


def run_why(
    config: Config, delivery: str | None, *, only: str | None, form: str, patience: float, clock: Clock, config_file: Path
) -> int:
    """Explain one delivery, or list all that wait where none is named; give the exit status."""
    reader = Reader(config, clock=clock, patience=patience, config_file=config_file)
    problem = _no_such_instance(config, only)
    if problem:
        return _complain(problem)
    return _explain(reader, delivery, only, form) if delivery is not None else _list(reader, only, form)


def _no_such_instance(config: Config, only: str | None) -> str | None:
    names = [instance.name for instance in config.instances if instance.database]
    if not names:
        return "no instance of this configuration has a database: deliveries can only be seen there"
    if only is not None and only not in names:
        return f"--instance {only}: no such instance with a database; there are: {', '.join(names)}"
    return None


def _explain(reader: Reader, delivery: str, only: str | None, form: str) -> int:
    answers = reader.explain(delivery, only)
    reports = [answer.report for answer in answers if answer.report is not None]
    for answer in answers:
        if answer.error is not None:
            click.echo(f"{answer.instance}: not read: {answer.error}", err=True)
    if len(reports) != 1:
        return _not_one(delivery, answers, form)
    if form == "json":
        _print_json(document.report_document(reports[0]))
    else:
        text.show_report(_console(), reports[0])
    return 0


def _not_one(delivery: str, answers: Sequence[Answer], form: str) -> int:
    """Tell why there is nothing to tell: too many may be meant, or none is, or it could not be read."""
    several = [answer.instance for answer in answers if answer.report is not None]
    matches = [(answer.instance, match) for answer in answers for match in answer.matches]
    if several:
        problem = f"{delivery} is in several instances ({', '.join(several)}): name one with --instance"
    elif matches:
        problem = f"{delivery} is not one delivery's id, internal name or label"
    elif all(answer.error for answer in answers):
        problem = f"{delivery} could not be looked for"
    else:
        problem = f"no delivery has the id, internal name or label {delivery}"
    if form == "json":
        not_read = {answer.instance: str(answer.error) for answer in answers if answer.error}
        _print_json(document.matches_document(matches, problem, not_read))
        return 1
    _complain(problem)
    for answer in answers:
        if answer.matches:
            text.show_matches(_console(), answer.instance, answer.matches)
    return 1


def _list(reader: Reader, only: str | None, form: str) -> int:
    queues = reader.queues(only)
    for queue in queues:
        if queue.error is not None:
            click.echo(f"{queue.instance}: not read: {queue.error}", err=True)
    if form == "json":
        _print_json(document.queues_document(queues))
    else:
        text.show_queues(_console(), [queue for queue in queues if queue.error is None])
    return int(any(queue.error for queue in queues))


def _console() -> Console:
    return Console(highlight=False, emoji=False, markup=False)


def _complain(problem: str) -> int:
    click.echo(problem, err=True)
    return 1


def _print_json(content: document.Document) -> None:
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))
