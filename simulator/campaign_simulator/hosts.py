"""Simulated servers: configuration files, and an nlserver command that answers from files."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from campaign_simulator import serverconf
from campaign_simulator.host_files import HostFiles
from campaign_simulator.serverconf import MULTI_INSTANCE, Address, Affinity
from campaign_simulator.traffic import AFFINITIES

_COMMON = ("web", "syslogd", "trackinglogd", "watchdog")
_MEGABYTES = {"web": 640.0, "mta": 145.0, "wfserver": 210.0, "inMail": 45.0, "stat": 60.0, "sms": 52.0}
_OTHER_MEGABYTES = 9.0
# A module, and what it starts itself and takes down with it. Whether pdump lists that, Adobe does not say: here it does.
_FAMILIES = {"mta": ("mta", "mtachild")}
_FIRST_PROCESS_ID = 2_000
_NLSERVER = """\
#!/bin/sh
# nlserver of a simulated server: it answers from the files in state/
state=${0%/*}/state
[ -e "$state/hang" ] && exec sleep 600
[ -e "$state/error" ] && { cat "$state/error" >&2; exit 1; }
[ -e "$state/answer" ] && exec cat "$state/answer"
date "+%H:%M:%S >   Application server for Adobe Campaign Classic (7.3.4 build 9364@8f3ef8e of 09/04/2023)"
case "${1-} ${2-}" in
"pdump ") cat "$state/processes" ;;
"pdump -who") cat "$state/processes" "$state/connections" ;;
"monitor -missing") cat "$state/missing" ;;
"monitor ") cat "$state/indicators" ;;
*) echo "Unknown command: $*" >&2; exit 1 ;;
esac
"""
# The sections and columns that -who adds are documented; their spacing is not.
_CONNECTIONS = """\
Connections ---
Last Access          IP            Instance  Login
2026-11-23 18:00:00  127.0.0.1     prod      admin|simulated
Connection pool ---
Datasource  Server  Provider    Login
default     db      PostgreSQL  campaign
"""
# The documented form of one indicator; the document around them is not published.
_INDICATORS = """\
<indicator name='Zombie Processes'><current label='Current Value' value='0' display=''/><warning value='2'/>\
<alert value='2'/><max label='Max Value' value='2'/></indicator>
<indicator name='Core Files'><current label='Current Value' value='0' display=''/><warning value='1'/>\
<alert value='1'/><max label='Max Value' value='1'/></indicator>
"""


@dataclass(frozen=True)
class HostPlan:
    """A server to be simulated: its name and the modules that start by themselves."""

    name: str
    modules: tuple[str, ...]
    affinities: tuple[tuple[str, ...], ...] = tuple((name,) for name in AFFINITIES)


DEFAULT_HOSTS = (
    HostPlan("mta1", ("mta", "stat", "inMail", "wfserver", "sms", *_COMMON)),
    HostPlan("mta2", ("mta", "inMail", *_COMMON)),
)


@dataclass
class Process:
    """A running module."""

    process_id: int
    megabytes: float


class Host:
    """One simulated server in a folder of its own."""

    def __init__(self, plan: HostPlan, number: int, directory: Path, instance: str) -> None:
        self.plan = plan
        self.directory = directory
        self.instance = instance
        self.files = HostFiles(directory, instance)
        self.processes: dict[str, Process] = {}
        self.memory_floor: dict[str, float] = {}  # megabytes that a module has at least
        self.restarting: set[str] = set()  # modules that die and are started again all the time
        self.missing_affinities: set[str] = set()
        self.configuration_trouble: str | None = None  # broken or missing
        self._affinities = tuple(_group(names, number, index) for index, names in enumerate(plan.affinities))
        self.stat_server = ""

    @property
    def nlserver(self) -> Path:
        """The command."""
        return self.directory / "nlserver"

    @property
    def configuration(self) -> tuple[Path, Path, Path]:
        """The configuration files, in the order in which they override each other."""
        names = ("serverConf.xml", "config-default.xml", f"config-{self.instance}.xml")
        return (self.directory / names[0], self.directory / names[1], self.directory / names[2])

    @property
    def affinities(self) -> frozenset[str]:
        """The IP affinities that the configuration declares."""
        names = {name for affinity in self._affinities for name in affinity.names}
        return frozenset(names - self.missing_affinities)

    def public_ids(self, affinity: str) -> Sequence[int]:
        """Return the numbers of an IP affinity's addresses."""
        return [ip.public_id for each in self._affinities if affinity in each.names for ip in each.addresses]

    def declare(self, affinity: str, number: int) -> None:
        """Add an IP affinity to the configuration; the number of the server makes its addresses."""
        if affinity not in self.affinities:
            self._affinities = (*self._affinities, _group((affinity,), number, len(self._affinities)))
            self.write_configuration()

    def create(self, stat_server: str) -> None:
        """Write the files of the server."""
        self.stat_server = stat_server
        self.files.create()
        (self.directory / "state").mkdir(exist_ok=True)
        self.nlserver.write_text(_NLSERVER)
        self.nlserver.chmod(0o755)
        (self.directory / "state" / "connections").write_text(_CONNECTIONS)
        (self.directory / "state" / "indicators").write_text(_INDICATORS)
        product, default, _ = self.configuration
        replace_file(product, serverconf.product_defaults())
        replace_file(default, serverconf.default_instance(self.plan.modules))
        self.write_configuration()

    def write_configuration(self) -> None:
        """Write the instance's configuration: whole, cut off in the middle, or not at all."""
        affinities = [affinity.without(self.missing_affinities) for affinity in self._affinities]
        text = serverconf.instance(self.instance, self.plan.modules, affinities, self.stat_server)
        path = self.configuration[2]
        if self.configuration_trouble == "missing":
            path.unlink(missing_ok=True)
        else:
            replace_file(path, text[: len(text) // 2] if self.configuration_trouble == "broken" else text)

    def answer_with(self, kind: str, text: str = "") -> None:
        """Let nlserver hang, fail with a text (error), or print a text (answer) instead of its state."""
        replace_file(self.directory / "state" / kind, text)

    def answer_normally(self, kind: str) -> None:
        """Undo answer_with."""
        (self.directory / "state" / kind).unlink(missing_ok=True)

    def write_state(self) -> None:
        """Write what nlserver shows."""
        running = [
            f"{self._scoped(module)} ({process.process_id}) - {process.megabytes:.1f} MB"
            for module, process in self.processes.items()
        ]
        missing = [self._scoped(module) for module in self.plan.modules if module not in self.processes]
        replace_file(self.directory / "state" / "processes", _lines(running or ["No tasks"]))
        replace_file(self.directory / "state" / "missing", _lines(missing))

    def _scoped(self, module: str) -> str:
        """Return a module as nlserver names it: with its instance, @default for all instances, the watchdog bare."""
        if module == "watchdog":
            return module
        return f"{module}@{'default' if module in MULTI_INSTANCE else self.instance}"


class Hosts:
    """All simulated servers of an instance."""

    def __init__(self, plans: Sequence[HostPlan], directory: Path, instance: str, seed: int = 1) -> None:
        self._chance = random.Random(seed)  # noqa: S311  repeatable, not secret
        self._last_process_id = _FIRST_PROCESS_ID
        self.by_name = {
            plan.name: Host(plan, number, directory / plan.name, instance) for number, plan in enumerate(plans, start=1)
        }

    def create(self) -> None:
        """Write all files and start every module."""
        stat_hosts = list(self.expected_on("stat"))
        for host in self.by_name.values():
            host.create(f"{stat_hosts[0]}:7777" if stat_hosts else "")
            for module in host.plan.modules:
                self.start(module, host.plan.name)
        self.refresh()

    def refresh(self) -> None:
        """Let memory vary a little and write what nlserver shows."""
        for name, host in self.by_name.items():
            for module in host.restarting & host.processes.keys():
                self.stop(module, name)
                self.start(module, name)
            for module, process in host.processes.items():
                usual = max(_MEGABYTES.get(module, _OTHER_MEGABYTES), host.memory_floor.get(module, 0.0))
                process.megabytes = usual * self._chance.uniform(1.0, 1.05)
            host.write_state()
            if "mta" in host.processes:
                host.files.step()

    def start(self, module: str, host: str) -> None:
        """Start a module, with a new process id, unless it runs."""
        processes = self.by_name[host].processes
        if module in self.by_name[host].plan.modules and module not in processes:
            for name in _FAMILIES.get(module, (module,)):
                self._last_process_id += self._chance.randint(1, 50)
                processes[name] = Process(self._last_process_id, _MEGABYTES.get(name, _OTHER_MEGABYTES))

    def stop(self, module: str, host: str) -> None:
        """Stop a module, with its children."""
        for name in _FAMILIES.get(module, (module,)):
            self.by_name[host].processes.pop(name, None)

    def expected_on(self, module: str) -> list[str]:
        """Return the hosts that are to run a module."""
        return [name for name, host in self.by_name.items() if module in host.plan.modules]

    def running_on(self, module: str) -> list[str]:
        """Return the hosts that run a module."""
        return [name for name, host in self.by_name.items() if module in host.processes]

    def process_id(self, host: str, module: str) -> int:
        """Return the process id of a module that runs on a host."""
        return self.by_name[host].processes[module].process_id

    def lost(self, host: str | None, process_id: int, module: str) -> bool:
        """Tell whether a process is gone for sure: its module is down there, or it is not listed and children are."""
        known = self.by_name.get(host or "")
        if known is None:
            return False
        listed = process_id in {process.process_id for process in known.processes.values()}
        return module not in known.processes or (not listed and "mtachild" in known.processes)

    def declaring(self, affinity: str) -> list[str]:
        """Return the hosts whose configuration declares an IP affinity."""
        return [name for name, host in self.by_name.items() if affinity in host.affinities]

    def public_ids(self, host: str, affinity: str) -> Sequence[int]:
        """Return the numbers of the addresses that a host has for an IP affinity."""
        return self.by_name[host].public_ids(affinity) if host in self.by_name else ()


def replace_file(path: Path, text: str) -> None:
    """Write a file so that no reader sees half of it."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _group(names: tuple[str, ...], host: int, index: int) -> Affinity:
    """Return an affinity with two addresses that no other affinity or host has."""
    numbers = [host * 1_000 + index * 10 + i for i in (1, 2)]
    addresses = (Address(f"10.0.{host}.{number % 1_000}", f"mail{number}.example.com", number) for number in numbers)
    return Affinity(names, tuple(addresses))
