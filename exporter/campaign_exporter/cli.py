"""The commands. A bad configuration is exit status 2 everywhere."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from campaign_exporter import __version__, log
from campaign_exporter.config import Config, load_config, parse_duration
from campaign_exporter.document import ConfigurationError
from campaign_exporter.exporter import Exporter
from campaign_exporter.grants import grants_sql
from campaign_exporter.memory import share_one_heap
from campaign_exporter.notices import notices
from campaign_exporter.rounds import SystemClock
from campaign_exporter.sampling import sample_once
from campaign_exporter.state import State, StateRefused
from campaign_exporter.web.application import Application
from campaign_exporter.web.policy import Policy, PolicyInForce, read_policy
from campaign_exporter.web.server import ListenRefused, WebServer, listen

_LOG = logging.getLogger(__name__)
#: Outside the range from 9100 on, which the list of Prometheus's default ports has given away.
DEFAULT_ADDRESS = ":11951"
_BAD_CONFIGURATION = 2

_config_file = click.option("--config.file", "file", type=click.Path(path_type=Path), required=True, help="The configuration.")
_web_config_file = click.option(
    "--web.config.file",
    "web_file",
    type=click.Path(path_type=Path),
    help="TLS and passwords, in the exporter-toolkit's format.",
)


def _listen_address(default: str) -> Callable[[Any], Any]:
    return click.option("--web.listen-address", "address", default=default, show_default=True, help="HOST:PORT or :PORT.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="campaign-exporter")
def main() -> None:
    """Watch Adobe Campaign Classic for Prometheus."""


@main.command()
@_config_file
@_listen_address(DEFAULT_ADDRESS)
@click.option("--web.telemetry-path", "path", default="/metrics", show_default=True, help="Where the metrics are.")
@_web_config_file
@click.option("--web.enable-lifecycle", "lifecycle", is_flag=True, help="Let a POST to /-/reload read the configuration anew.")
@click.option("--log.level", "level", type=click.Choice(["debug", "info", "warn", "error"]), default="info", show_default=True)
@click.option("--log.format", "form", type=click.Choice(["logfmt", "json"]), default="logfmt", show_default=True)
def serve(*, file: Path, address: str, path: str, web_file: Path | None, lifecycle: bool, level: str, form: str) -> None:
    """Sample on a schedule, and serve the metrics until told to stop."""
    share_one_heap()
    stopped = _stop_on_signals()
    log.set_up(level, form)
    if not path.startswith("/") or path.startswith("/-/"):
        _fail(f"--web.telemetry-path {path}: must begin with /, and not with /-/")
    config, policy = _load_both(file, web_file)
    try:
        listener = listen(address)
        state = State.open(config.state_directory) if config.state_directory else State()
    except (StateRefused, ListenRefused) as error:
        _fail(str(error))
    exporter = Exporter(file, config, clock=SystemClock(), state=state)
    in_force = PolicyInForce(web_file, policy) if web_file and policy else None
    server = WebServer(Application(exporter, telemetry_path=path, lifecycle=lifecycle), listener, in_force)
    exporter.start()
    _reload_on_signal(exporter)
    server.start()
    protection = policy.protection if policy else "none"
    _LOG.info("serving address=%s path=%s instances=%d protection=%s", address, path, len(config.instances), protection)
    stopped.wait()
    exporter.stop()
    server.stop()
    _LOG.info("stopped")
    # Workers may still wait for a host or a database; what they would bring is no longer wanted.
    logging.shutdown()
    os._exit(0)


@main.command("check-config")
@click.argument("file", type=click.Path(path_type=Path))
@_web_config_file
def check_config(file: Path, web_file: Path | None) -> None:
    """Check a configuration: every problem at once, with its line and the mend."""
    config, policy = _load_both(file, web_file)
    for notice in (*notices(config), *(policy.notices if policy else ())):
        click.echo(f"note: {notice}", err=True)
    click.echo(f"{file}: good, {len(config.instances)} instance(s)")
    if policy:
        click.echo(f"{web_file}: good, protection: {policy.protection}")


@main.command()
@_config_file
def sample(file: Path) -> None:
    """Do one round of every collector, and print the metrics. Counters that need the state are left out."""
    log.set_up("error", "logfmt")
    exposition, failures = sample_once(_load(file), SystemClock())
    sys.stdout.buffer.write(exposition)
    sys.stdout.flush()
    for failure in failures:
        click.echo(failure, err=True)
    # A worker may still wait for a host that hangs.
    os._exit(1 if failures else 0)


@main.command()
@_config_file
def grants(file: Path) -> None:
    """Print the SQL that makes the role which the exporter needs, and no more."""
    click.echo(grants_sql(_load(file)), nl=False)


@main.command(context_settings={"ignore_unknown_options": True})  # ids may be negative
@click.argument("delivery", required=False)
@_config_file
@click.option("--all", "everything", is_flag=True, help="List all that waits, the most messages first.")
@click.option("--instance", default=None, metavar="NAME", help="Look in this instance only.")
@click.option("--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--timeout", default="1s", show_default=True, metavar="DURATION", help="How long the hosts may take to answer.")
def why(delivery: str | None, file: Path, everything: bool, instance: str | None, form: str, timeout: str) -> None:  # noqa: FBT001 - click's way
    """Tell why DELIVERY (its id, internal name or label) is where it is, and what to do."""
    from campaign_exporter.why.command import run_why  # noqa: PLC0415 - only this command pays for it

    if everything == bool(delivery) or (delivery or "").startswith("--"):
        raise click.UsageError("name one DELIVERY by its id, internal name or label, or give --all")
    try:
        patience = float(str(parse_duration(timeout)))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--timeout") from None
    config = _load(file)
    log.set_up("error", "logfmt")
    status = run_why(config, delivery, only=instance, form=form, patience=patience, clock=SystemClock(), config_file=file)
    sys.stdout.flush()
    # A worker may still wait for a host that hangs.
    os._exit(status)


@main.command()
@_config_file
@click.option("--prometheus", "url", metavar="URL", help="Look at Prometheus as well: its targets, rules and Alertmanagers.")
@click.option("--prometheus.username", "username", metavar="NAME", help="Where it asks for basic authentication.")
@click.option("--prometheus.password-file", "password_file", type=click.Path(path_type=Path), help="Holds the password.")
@click.option("--prometheus.ca-file", "ca_file", type=click.Path(path_type=Path), help="Signs its certificate.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def doctor(
    *, file: Path, url: str | None, username: str | None, password_file: Path | None, ca_file: Path | None, output: str
) -> None:
    """Examine whether the exporter sees all it needs, and what it costs."""
    from campaign_exporter.doctor import command  # noqa: PLC0415 - only this command pays for it

    log.set_up("error", "logfmt")
    config = _load(file)
    try:
        server = command.prometheus_server(url, username, password_file, ca_file)
    except command.BadOption as error:
        _fail(str(error), _BAD_CONFIGURATION)
    # A thread may still wait for a host that hangs.
    os._exit(command.run(config, server, output))


@main.command()
@_listen_address("127.0.0.1:11951")
@click.option("--duration", default=None, metavar="DURATION", help="End after this time, such as 3m. Without it: until Ctrl-C.")
def demo(address: str, duration: str | None) -> None:
    """Run a simulated instance, the exporter, and a scripted incident."""
    from campaign_exporter.demo.story import run_demo  # noqa: PLC0415 - only the demo pays for it

    sys.exit(run_demo(address, duration))


def _load(file: Path) -> Config:
    try:
        return load_config(file)
    except ConfigurationError as error:
        _fail(str(error), _BAD_CONFIGURATION)


def _load_both(file: Path, web_file: Path | None) -> tuple[Config, Policy | None]:
    """Read the configuration, and the web server's where there is one; fail with the problems of both."""
    config = policy = None
    problems: list[str] = []
    try:
        config = load_config(file)
    except ConfigurationError as error:
        problems.append(str(error))
    try:
        policy = read_policy(web_file) if web_file else None
    except ConfigurationError as error:
        problems.append(str(error))
    if config is None or problems:
        _fail("\n".join(problems), _BAD_CONFIGURATION)
    return config, policy


def _fail(text: str, status: int = 1) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(status)


def _stop_on_signals() -> threading.Event:
    """Give an event that SIGTERM and SIGINT set; until there is something to reload, SIGHUP is passed over."""
    stopped = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return stopped


def _reload_on_signal(exporter: Exporter) -> None:
    def reload(_number: int, _frame: object) -> None:
        threading.Thread(target=exporter.reload, name="reload", daemon=True).start()

    signal.signal(signal.SIGHUP, reload)
