"""The command campaign-simulator."""

import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from campaign_simulator import control
from campaign_simulator.directory import DirectoryInUseError
from campaign_simulator.endpoints import Endpoints
from campaign_simulator.fault_catalogue import FAULTS
from campaign_simulator.instance import ROLES, Simulator
from campaign_simulator.postgres import PostgresServer
from campaign_simulator.programs import PostgresError

_ROWS_PER_DELIVERY = 100
_MAX_DELIVERIES = 1_000
_USAGE_ERROR = 2
_PORT = click.IntRange(1, 65_535)
_LOG = logging.getLogger(__name__)

_directory = click.option(
    "--directory",
    envvar="CAMPAIGN_SIMULATOR_DIRECTORY",
    default="demo-data",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the simulator keeps its files.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Simulate an Adobe Campaign Classic instance: database, servers, endpoints, deliveries, faults."""


@main.command()
@_directory
@click.option("--instance", default="prod", show_default=True, help="Name of the instance.")
@click.option("--role", default=ROLES[0], show_default=True, type=click.Choice(ROLES), help="What the instance is for.")
@click.option("--schema", default="public", show_default=True, help="Schema of its tables.")
@click.option("--seed", default=1, show_default=True, help="Another seed, other deliveries.")
@click.option("--messages-per-second", default=40.0, show_default=True, type=click.FloatRange(0.1, 10_000))
@click.option("--backfill-hours", default=24.0, show_default=True, type=click.FloatRange(0.1, 24 * 365))
@click.option("--backfill-rows", default=20_000, show_default=True, type=click.IntRange(0, 100_000_000))
@click.option("--without-time-zone", is_flag=True, help="Store local times, as older databases do.")
@click.option(
    "--postgres-port", type=_PORT, help="Port of its PostgreSQL, which listens on loopback only.  [default: a free one]"
)
@click.option(
    "--postgres-socket",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory for a Unix socket: PostgreSQL is monitored through it, without a password.",
)
@click.option("--endpoints-host", default="127.0.0.1", show_default=True, help="Name or address that the endpoints listen on.")
@click.option("--endpoints-port", type=_PORT, help="Port of the endpoints.  [default: a free one]")
def run(  # noqa: PLR0913  one parameter a flag
    *,
    directory: Path,
    instance: str,
    role: str,
    schema: str,
    seed: int,
    messages_per_second: float,
    backfill_hours: float,
    backfill_rows: int,
    without_time_zone: bool,
    postgres_port: int | None,
    postgres_socket: Path | None,
    endpoints_host: str,
    endpoints_port: int | None,
) -> None:
    """Simulate until SIGTERM or Ctrl-C."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO, stream=sys.stderr)
    stop = _stop_on_signals()
    simulator = Simulator(
        directory,
        instance=instance,
        role=role,
        seed=seed,
        schema=schema,
        with_time_zone=not without_time_zone,
        messages_per_second=messages_per_second,
        postgres=PostgresServer(port=postgres_port, shared_socket=postgres_socket and postgres_socket.absolute()),
        endpoints=Endpoints(instance, endpoints_host, endpoints_port or 0),
    )
    with _one_line_errors(), simulator:
        _backfill(simulator, backfill_hours, backfill_rows)
        _serve(simulator, stop)


@main.command(epilog="\b\nFaults:\n" + "\n".join(f"  {known.name} {known.usage}" for known in FAULTS))
@click.argument("name")
@click.argument("arguments", nargs=-1)
@_directory
def fault(name: str, arguments: tuple[str, ...], directory: Path) -> None:
    """Set fault NAME; what each does is told by `faults`."""
    changed = _ask(directory, "fault", name=name, arguments=list(arguments))
    click.echo(f"{name} set{_named(changed)}" if changed else f"{name} was set already")


@main.command()
@click.argument("name")
@click.argument("arguments", nargs=-1)
@_directory
def clear(name: str, arguments: tuple[str, ...], directory: Path) -> None:
    """Undo fault NAME: for the given ARGUMENTS, or everywhere."""
    changed = _ask(directory, "clear", name=name, arguments=list(arguments))
    click.echo(f"{name} cleared{_named(changed)}" if changed else f"{name} was not set")


@main.command()
@_directory
def faults(directory: Path) -> None:
    """List all faults, and where they are set."""
    for status in _ask(directory, "faults"):
        mark = "SET" if status["set"] else "   "
        click.echo(f"{mark} {status['name']} {status['usage']}".rstrip())
        click.echo(f"      {status['description']}{_set_on(status['targets'])}")


@main.command()
@_directory
def truth(directory: Path) -> None:
    """Print as JSON what the simulator knows to be true."""
    click.echo(json.dumps(_ask(directory, "truth"), indent=2))


def _stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    handler: Callable[[int, object], None] = lambda _number, _frame: stop.set()  # noqa: E731  a def cannot be typed so
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)
    return stop


def _backfill(simulator: Simulator, hours: float, rows: int) -> None:
    """Write history if it is wanted."""
    if rows:
        deliveries = max(1, min(rows // _ROWS_PER_DELIVERY, _MAX_DELIVERIES))
        simulator.backfill(hours, deliveries=deliveries, rows=rows)
        _LOG.info("history written: %d deliveries, %d delivery logs in %g hours", deliveries, rows, hours)


def _serve(simulator: Simulator, stop: threading.Event) -> None:
    """Simulate, and take commands, until told to stop."""
    server = control.ControlServer(simulator)
    server.start()
    try:
        simulator.announce(server.url)
        _LOG.info("ready: PostgreSQL %s, %s", simulator.postgres.version, simulator.dsn)
        _LOG.info("ready: monitor it with %s", simulator.configuration_file)
        simulator.run(stop)
    finally:
        _LOG.info("stopping")
        server.stop()


def _ask(directory: Path, command: str, **parameters: object) -> Any:  # noqa: ANN401  whatever JSON can hold
    """Give a command to the running simulator; ends the program with one line if that fails."""
    try:
        return control.ask(directory, command, **parameters)
    except control.RefusedError as error:
        _complain(str(error), _USAGE_ERROR)
    except control.NotRunningError as error:
        _complain(str(error), 1)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """End the program with one line where the simulator cannot start."""
    try:
        yield
    except (DirectoryInUseError, PostgresError, OSError) as error:
        _complain(str(error), 1)


def _complain(message: str, code: int) -> NoReturn:
    """End the program with a message."""
    click.echo(f"campaign-simulator: {message}", err=True)
    raise SystemExit(code)


def _named(targets: list[str]) -> str:
    """Return targets that have names."""
    named = [target for target in targets if target]
    return f": {', '.join(named)}" if named else ""


def _set_on(targets: list[str]) -> str:
    return f" (set: {', '.join(targets)})" if targets else ""
