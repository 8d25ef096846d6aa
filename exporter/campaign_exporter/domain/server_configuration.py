"""What a server's configuration files declare: which modules start, its IP affinities, its memory limits.

serverConf.xml and config-<instance>.xml (docs: installation/using/the-server-configuration-file.md, email-deliverability.md).
They also hold database passwords: no error below ever quotes what stands in them.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from campaign_exporter.domain import xml_text

_MEGABYTE = 1 << 20
# Adobe's defaults in megabytes, for every module (docs: the-server-configuration-file.md).
_MEMORY_LIMITS = {
    "warning": ("maxProcessMemoryWarningMb", 1600),
    "alert": ("maxProcessMemoryAlertMb", 1800),
}
# mta is started again above this one.
_RESTART = {"mta": ("maxMemoryMb", 1024)}
# Seconds that a delivery may be in preparation (shared/monitoring).
_PREPARATION = ("monitoring", "maxPreparationJobsSec")
_NUMBERS = frozenset({"maxProcessMemoryWarningMb", "maxProcessMemoryAlertMb", "maxMemoryMb", _PREPARATION[1]})
_KEPT = _NUMBERS | {"autoStart", "statServerAddress"}
_LONGEST_NUMBER = 10


@dataclass(frozen=True, slots=True)
class Address:
    """One IP element of an affinity. `public_id` is its number at the stat server, None where not given."""

    address: str
    helo_host: str = ""
    public_id: int | None = None
    weight: int = 1

    @property
    def same(self) -> str:
        """The address in one spelling: IPv6 has many, and the case of a name does not matter."""
        try:
            return str(ipaddress.ip_address(self.address))
        except ValueError:
            return self.address.lower()


@dataclass(frozen=True, slots=True)
class Affinity:
    """A name that deliveries can ask for, and the addresses behind it. `masked`: given by IPMask instead."""

    name: str
    addresses: tuple[Address, ...] = ()
    masked: bool = False


@dataclass(frozen=True, slots=True)
class ServerConfiguration:
    """What the files of one host declare together. `attributes` holds the few that matter, by module."""

    autostart: frozenset[str] = frozenset()
    affinities: Mapping[str, Affinity] = field(default_factory=dict)
    faults: frozenset[str] = frozenset()
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def public_ids(self) -> Mapping[str, frozenset[int]]:
        """The numbers by which statistics name the addresses of each affinity."""
        return {
            name: frozenset(address.public_id for address in each.addresses if address.public_id is not None)
            for name, each in self.affinities.items()
        }

    @property
    def preparation_seconds(self) -> float | None:
        """How long a delivery may be in preparation, in seconds; None where that is not given."""
        element, attribute = _PREPARATION
        return float(self.attributes.get(element, {}).get(attribute, "") or 0) or None

    def memory_limits(self, module: str) -> Mapping[str, float]:
        """Tell the module's limits in bytes by level (warning, alert, restart); Adobe's default where none is given.

        A limit of 0 is left out: what Adobe means by it is not published, and every process would be over it.
        """
        names = _MEMORY_LIMITS | ({"restart": _RESTART[module]} if module in _RESTART else {})
        given = self.attributes.get(module, {})
        limits = {level: float(given.get(name, "") or default) for level, (name, default) in names.items()}
        return {level: number * _MEGABYTE for level, number in limits.items() if number > 0}


FAULTS: tuple[str, ...] = ("address_two_helo_hosts", "public_id_duplicate", "no_address", "stat_server_missing")


@dataclass(slots=True)
class _Document:
    """What one file says, as it is read."""

    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    affinities: list[Affinity] = field(default_factory=list)


def parse_server_configuration(documents: Sequence[tuple[str, bytes]]) -> ServerConfiguration:
    """Read the files, given as (file name, content), in order: attributes of a later one win, affinities are the union.

    Raises Unreadable with the file's name and the line for what is not XML, for a DTD (which entities and external
    references need), and for a number that is none.
    """
    read = [_read(name, content) for name, content in documents]
    attributes: dict[str, dict[str, str]] = {}
    for document in read:
        for module, given in document.attributes.items():
            attributes.setdefault(module, {}).update(given)
    autostart = frozenset(module for module, given in attributes.items() if given.get("autoStart") == "true")
    affinities = _union(document.affinities for document in read)
    return ServerConfiguration(
        autostart=autostart,
        affinities=MappingProxyType({name: each for name, each in affinities.items() if name}),
        faults=frozenset(_faults(autostart, attributes.get("mta", {}), affinities.values())),
        attributes=MappingProxyType({module: MappingProxyType(given) for module, given in attributes.items()}),
    )


def _read(name: str, content: bytes) -> _Document:
    reader = _Reader(name)
    xml_text.parse(name, content, reader)
    return reader.document


class _Reader(ContentHandler):
    """Collects what matters, wherever it nests: Adobe's documents give mta/child/smtp/IPAffinity, sites differ."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.document = _Document()
        self._name = name
        self._line = Locator()
        self._affinity: tuple[str, bool] | None = None
        self._addresses: list[Address] = []

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - the name that xml.sax calls
        """Keep what knows the line, for messages."""
        self._line = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - the name that xml.sax calls
        """Take a module's attributes, an affinity, or an address of one."""
        if name == "IPAffinity":
            self._affinity = (attrs.get("name", ""), bool(attrs.get("IPMask", "").strip()))
            self._addresses = []
        elif name == "IP" and self._affinity is not None:
            self._addresses.append(self._address(attrs))
        else:
            self._module(name, attrs)

    def endElement(self, name: str) -> None:  # noqa: N802 - the name that xml.sax calls
        """Finish an affinity: one for each of its names."""
        if name == "IPAffinity" and self._affinity is not None:
            names, masked = self._affinity
            addresses = tuple(self._addresses)
            self.document.affinities += [Affinity(each.strip(), addresses, masked) for each in names.split(";")]
            self._affinity = None

    def _module(self, name: str, attrs: AttributesImpl) -> None:
        given = {key: attrs[key] for key in attrs.getNames() if key in _KEPT}
        for key in given.keys() & _NUMBERS:
            given[key] = self._digits(name, attrs, key)
        if given:
            self.document.attributes.setdefault(name, {}).update(given)

    def _address(self, attrs: AttributesImpl) -> Address:
        public_id = self._digits("IP", attrs, "publicId")
        return Address(
            address=attrs.get("address", "").strip(),
            helo_host=attrs.get("heloHost", "").strip(),
            public_id=int(public_id) if public_id else None,
            weight=int(self._digits("IP", attrs, "weight") or 1),
        )

    def _digits(self, element: str, attrs: AttributesImpl, key: str) -> str:
        """Take a whole number as it is written; empty where it is not given."""
        text = attrs.get(key, "").strip()
        if text and not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
            where = xml_text.where(self._name, self._line.getLineNumber())
            raise xml_text.unreadable(where, f"attribute {key} of {element} is not a whole number")
        return text


def _union(documents: Iterable[Iterable[Affinity]]) -> dict[str, Affinity]:
    """Join affinities by name; an address that a later file gives again replaces the earlier one."""
    union: dict[str, Affinity] = {}
    for document in documents:
        for name, each in _joined(document).items():
            again = {address.same for address in each.addresses}
            before = union.get(name, Affinity(name))
            kept = tuple(address for address in before.addresses if address.same not in again)
            union[name] = Affinity(name, kept + each.addresses, before.masked or each.masked)
    return union


def _joined(document: Iterable[Affinity]) -> dict[str, Affinity]:
    """Join the affinities of one file that carry the same name; addresses that contradict each other all stay."""
    joined: dict[str, Affinity] = {}
    for each in document:
        before = joined.get(each.name, Affinity(each.name))
        addresses = tuple(dict.fromkeys(before.addresses + each.addresses))
        joined[each.name] = Affinity(each.name, addresses, before.masked or each.masked)
    return joined


def _faults(autostart: frozenset[str], mta: Mapping[str, str], affinities: Iterable[Affinity]) -> Iterable[str]:
    """Name what Adobe's documents forbid: one address, one heloHost, one publicId; no mta without its stat server."""
    # An affinity without a name and without an address is a template that nobody filled in.
    named = [each for each in affinities if each.name or any(address.address for address in each.addresses)]
    addresses = {address for each in named for address in each.addresses if address.address}
    # heloHost names a host: case does not matter. None given says nothing against another one.
    hosts = {(each.same, each.helo_host.lower()) for each in addresses if each.helo_host}
    if _shared(first for first, _ in hosts):
        yield "address_two_helo_hosts"
    identifiers = {(each.public_id, each.same) for each in addresses if each.public_id is not None}
    if _shared(first for first, _ in identifiers):
        yield "public_id_duplicate"
    if any(not each.masked and not any(address.address for address in each.addresses) for each in named):
        yield "no_address"
    if "mta" in autostart and not mta.get("statServerAddress", "").strip():
        yield "stat_server_missing"


def _shared(values: Iterable[object]) -> bool:
    every = list(values)
    return len(every) > len(set(every))
