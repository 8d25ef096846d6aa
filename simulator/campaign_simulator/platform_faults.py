"""Faults of servers, their configuration and the endpoints."""

from collections.abc import Callable, Sequence
from functools import partial

from campaign_simulator import troubles
from campaign_simulator.endpoints import NAMES, TROUBLES
from campaign_simulator.faults import (
    AFFINITY_LENGTH,
    Fault,
    FaultError,
    Targets,
    Undo,
    World,
    no_arguments,
    one_of,
    only_one_of,
    required,
    single,
)
from campaign_simulator.troubles import Trouble, launch

_GARBAGE = "Segmentation fault\n\x00\x01 web@default (notanumber) - lots\n<xml>"
_HIGH_MEGABYTES = 1_700.0  # between Adobe's warning (1600) and alert (1800)


def _module_down(name: str, module: str, consequence: str, wait: Callable[[World], object] = lambda _: None) -> Fault:
    """Return the fault that a module is not running; once it runs nowhere, something is made that waits for it."""

    def apply(world: World, host: str) -> Undo:
        world.hosts.stop(module, host)
        world.hosts.refresh()
        if not world.hosts.running_on(module):
            wait(world)
        elif module == "mta":
            for affinity in sorted(world.hosts.by_name[host].affinities):
                _wait_for_hosts(world, affinity)

        def undo() -> None:
            world.hosts.start(module, host)
            world.hosts.refresh()

        return undo

    return Fault(name, "[HOST...]", f"{module} is not running{consequence}", _hosts_with(module), apply)


def _wait_for_workflows(world: World) -> None:
    """Launch a campaign's delivery, and one whose copy is to be refreshed."""
    launch(world, troubles.IN_LAUNCH)
    if world.engine.site.marketing:
        launch(world, troubles.THROUGH_MID)


def _wait_for_hosts(world: World, affinity: str) -> None:
    """Launch a delivery with an IP affinity that no host with a running mta declares, if it is such a one."""
    if not set(world.hosts.declaring(affinity)) & set(world.hosts.running_on("mta")):
        launch(world, troubles.affinity(affinity))


def _hosts_with(module: str) -> Targets:
    """Return the targets of a fault that concerns a module: hosts that are to run it."""

    def targets(world: World, arguments: Sequence[str]) -> Sequence[str]:
        return one_of(world.hosts.expected_on(module), arguments, f"host with {module}")

    return targets


def _named_hosts(world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take the names of hosts, at least one."""
    return one_of(list(world.hosts.by_name), required(arguments, "HOST"), "host")


def _affinity_targets(world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take an affinity and hosts; targets are affinity@host."""
    affinity, *hosts = required(arguments, "the affinity's NAME")
    known = sorted({name for host in world.hosts.by_name.values() for name in host.affinities | host.missing_affinities})
    one_of(known, [affinity], "affinity")
    return [f"{affinity}@{host}" for host in one_of(list(world.hosts.by_name), hosts, "host")]


def _affinity_missing(world: World, target: str) -> Undo:
    affinity, _, name = target.rpartition("@")
    host = world.hosts.by_name[name]
    host.missing_affinities.add(affinity)
    host.write_configuration()
    _wait_for_hosts(world, affinity)

    def undo() -> None:
        host.missing_affinities.discard(affinity)
        host.write_configuration()

    return undo


def _undeclared(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take the name of one affinity, as a user types it."""
    name = single(required(arguments, "the affinity's NAME"), "")
    if not 0 < len(name) <= AFFINITY_LENGTH:
        raise FaultError(f"the affinity's NAME has {len(name)} characters, the column takes 1 to {AFFINITY_LENGTH}")
    return (name,)


def _affinity_undeclared(world: World, affinity: str) -> Undo:
    """Launch deliveries with an affinity that was never declared; the mend is to declare it on every server."""
    launch(world, troubles.affinity(affinity))
    launch(world, troubles.affinity(affinity), Trouble(size=troubles.LARGE))

    def undo() -> None:
        for number, host in enumerate(world.hosts.by_name.values(), start=1):
            host.declare(affinity, number)

    return undo


def _configuration(trouble: str) -> Callable[[World, str], Undo]:
    """Return what spoils a host's configuration file."""

    def apply(world: World, name: str) -> Undo:
        host = world.hosts.by_name[name]
        host.configuration_trouble = trouble
        host.write_configuration()

        def undo() -> None:
            host.configuration_trouble = None
            host.write_configuration()

        return undo

    return apply


def _answer(kind: str, text: str = "") -> Callable[[World, str], Undo]:
    """Return what makes a host's nlserver answer otherwise."""

    def apply(world: World, name: str) -> Undo:
        host = world.hosts.by_name[name]
        host.answer_with(kind, text)
        return partial(host.answer_normally, kind)

    return apply


def _memory_high(world: World, name: str) -> Undo:
    host = world.hosts.by_name[name]
    host.memory_floor["mta"] = _HIGH_MEGABYTES
    world.hosts.refresh()
    return host.memory_floor.clear


def _endpoint_targets(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take an endpoint and how it fails; the target is endpoint:trouble."""
    name, *ways = required(arguments, "the endpoint's NAME")
    one_of(list(NAMES), [name], "endpoint")
    return [f"{name}:{only_one_of(TROUBLES, ways, 'way to fail')}"]


def _endpoint_down(world: World, target: str) -> Undo:
    name, _, trouble = target.partition(":")
    world.endpoints.troubles[name] = trouble
    return partial(world.endpoints.mend, name)


def _event_queue_full(world: World, _target: str) -> Undo:
    world.endpoints.queue_full = True

    def undo() -> None:
        world.endpoints.queue_full = False

    return undo


def _endpoints_unreachable(world: World, _target: str) -> Undo:
    world.endpoints.stop()
    return world.endpoints.start


PLATFORM_FAULTS = (
    _module_down("mta-down", "mta", ": nothing but SMS is sent from there; with all down, a delivery waits for it", launch),
    _module_down("stat-down", "stat", ": mails wait", launch),
    _module_down("sms-down", "sms", ": SMS wait", troubles.by_sms),
    _module_down("wfserver-down", "wfserver", ": no workflow runs, campaign deliveries are not launched", _wait_for_workflows),
    _module_down("inmail-down", "inMail", ": bounces are not read"),
    _module_down("trackinglogd-down", "trackinglogd", ": no tracking logs are written"),
    Fault("mta-memory-high", "[HOST...]", "mta has 1700 MB, over Adobe's warning", _hosts_with("mta"), _memory_high),
    Fault(
        "affinity-missing",
        "NAME [HOST...]",
        "the configuration lacks an IP affinity; with none left that runs an mta and has it, a delivery waits for it",
        _affinity_targets,
        _affinity_missing,
    ),
    Fault(
        "affinity-undeclared",
        "NAME",
        "two deliveries use an IP affinity that no configuration has; cleared by adding it to every host",
        _undeclared,
        _affinity_undeclared,
    ),
    Fault("configuration-broken", "HOST...", "the configuration is half written", _named_hosts, _configuration("broken")),
    Fault("configuration-missing", "HOST...", "the configuration is gone", _named_hosts, _configuration("missing")),
    Fault("nlserver-hang", "HOST...", "nlserver does not answer", _named_hosts, _answer("hang")),
    Fault("nlserver-garbage", "HOST...", "nlserver prints nonsense", _named_hosts, _answer("answer", _GARBAGE)),
    Fault(
        "nlserver-error",
        "HOST...",
        "nlserver fails with exit code 1",
        _named_hosts,
        _answer("error", "nlserver: cannot connect to the server\n"),
    ),
    Fault(
        "endpoint-down",
        "NAME [error|slow|wrong]",
        "an endpoint answers with status 500, after 20 s, or with another page",
        _endpoint_targets,
        _endpoint_down,
    ),
    Fault("event-queue-full", "", "mcPing.jsp says that Message Center's queue is full", no_arguments, _event_queue_full),
    Fault("endpoints-unreachable", "", "nothing listens for HTTP", no_arguments, _endpoints_unreachable),
)
