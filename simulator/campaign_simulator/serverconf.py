"""The configuration files of a Campaign server, as Adobe documents them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

MULTI_INSTANCE = ("web", "syslogd", "trackinglogd", "watchdog")
MONO_INSTANCE = ("mta", "wfserver", "inMail", "sms", "stat")
MAX_PREPARATION_SECONDS = 3_600  # Adobe's default of shared/monitoring


@dataclass(frozen=True)
class Address:
    """An address that mails are sent from (the element IP)."""

    address: str
    helo_host: str
    public_id: int
    weight: int = 1


@dataclass(frozen=True)
class Affinity:
    """Names for a group of addresses (the element IPAffinity)."""

    names: tuple[str, ...]
    addresses: tuple[Address, ...]

    def without(self, names: Iterable[str]) -> "Affinity":
        """Return the same group without some of its names."""
        gone = set(names)
        return Affinity(tuple(name for name in self.names if name not in gone), self.addresses)


def product_defaults() -> str:
    """Return serverConf.xml: Adobe's default limits, and no module that starts by itself."""
    limits = 'autoStart="false" maxProcessMemoryAlertMb="1800" maxProcessMemoryWarningMb="1600"'
    others = "\n".join(f"  <{module} {limits}/>" for module in (*MULTI_INSTANCE, *MONO_INSTANCE) if module != "mta")
    return f"""<?xml version='1.0'?>
<serverconf>
  <shared>
    <monitoring maxPreparationJobsSec="{MAX_PREPARATION_SECONDS}"/>
  </shared>
  <mta {limits} maxMemoryMb="1024" dataBasePoolPeriodSec="30" errorPeriodSec="300"
       minConnectionsToLog="100" minMessagesToLog="1000" minErrorsToLog="1" statServerAddress="">
    <child maxWorkingSetMb="128" maxWaitingMessages="2000" maxMsgPerChild="5000000" maxAgeSec="600"
           idleChildTimeoutSec="60"/>
  </mta>
{others}
</serverconf>
"""


def default_instance(modules: Iterable[str]) -> str:
    """Return config-default.xml: which modules for all instances start by themselves."""
    started = set(modules)
    lines = "\n".join(f"  <{module} autoStart={_flag(module in started)}/>" for module in MULTI_INSTANCE)
    return f"<?xml version='1.0'?>\n<serverconf>\n{lines}\n</serverconf>\n"


def instance(name: str, modules: Iterable[str], affinities: Iterable[Affinity], stat_server: str) -> str:
    """Return config-<instance>.xml: its modules, its IP affinities and its database with a password."""
    started = set(modules)
    groups = "\n".join(_affinity(affinity) for affinity in affinities if affinity.names)
    others = "\n".join(f"  <{module} autoStart={_flag(module in started)}/>" for module in MONO_INSTANCE if module != "mta")
    return f"""<?xml version='1.0'?>
<serverconf>
  <shared>
    <dataStore hosts={quoteattr(name + "*")} lang="en_US">
      <dataSource name="default">
        <dbcnx encrypted="0" login="campaign:campaign" password="a-password-to-keep-secret" provider="PostgreSQL"/>
      </dataSource>
    </dataStore>
  </shared>
  <mta autoStart={_flag("mta" in started)} statServerAddress={quoteattr(stat_server)}>
    <child>
      <smtp>
{groups}
      </smtp>
    </child>
  </mta>
{others}
</serverconf>
"""


def _flag(value: bool) -> str:  # noqa: FBT001  the one thing that it is about
    return '"true"' if value else '"false"'


def _affinity(affinity: Affinity) -> str:
    addresses = "\n".join(f"          {_element('IP', _attributes(ip))}" for ip in affinity.addresses)
    return f"        <IPAffinity name={quoteattr(';'.join(affinity.names))}>\n{addresses}\n        </IPAffinity>"


def _attributes(ip: Address) -> Mapping[str, str]:
    return {
        "address": ip.address,
        "heloHost": ip.helo_host,
        "publicId": str(ip.public_id),
        "weight": str(ip.weight),
        "includeDomains": "",
        "excludeDomains": "",
    }


def _element(name: str, attributes: Mapping[str, str]) -> str:
    return f"<{name} {' '.join(f'{key}={quoteattr(value)}' for key, value in attributes.items())}/>"
