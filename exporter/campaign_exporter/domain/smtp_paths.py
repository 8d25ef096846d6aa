"""How our addresses fare with the mail servers that they connect to (NmsEmailErrorStat), in sums that can be shown.

A path leads from one of our addresses (publicId of an IPAffinity's IP) to a mail server (iMXIP). The mta notes only paths with
many connections (minConnectionsToLog 100, minMessagesToLog 1000, minErrorsToLog 1; docs: the-server-configuration-file.md), so
that no path is normal where little is sent.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

_WORD = 1 << 32


class SmtpPath(NamedTuple):
    """One path: connections, all errors as Campaign sums them, errors by kind, messages sent."""

    mx: int
    public_id: int
    connections: int
    errors: int
    message: int
    aborted: int
    failed: int
    refused: int
    timeout: int
    sent: int

    @property
    def kinds(self) -> Mapping[str, int]:
        """The errors by kind."""
        return {kind: getattr(self, kind) for kind in KINDS}

    @property
    def unconnected(self) -> int:
        """Connections that came to nothing."""
        return self.aborted + self.failed + self.refused + self.timeout


#: Errors by kind; what Campaign adds up to iTotalErrors is not documented.
KINDS = ("message", "aborted", "failed", "refused", "timeout")


class Fared(NamedTuple):
    """Connections, and those that came to nothing."""

    connections: int
    unconnected: int


def mx_address(number: int) -> str:
    """Write iMXIP, an IPv4 address as a number of 32 bits with or without a sign, as people do; any other stays one."""
    if not -(_WORD >> 1) <= number < _WORD:
        return str(number)
    return str(ipaddress.IPv4Address(number % _WORD))


def worst(paths: Iterable[SmtpPath], most: int) -> list[SmtpPath]:
    """Choose the paths that matter most: by what came to nothing, then by all errors, then by connections."""
    order = sorted(paths, key=lambda path: (-path.unconnected, -path.errors, -path.connections, path.mx, path.public_id))
    return order[:most]


def by_mail_server(paths: Iterable[SmtpPath]) -> dict[int, Fared]:
    """Sum by mail server, whichever address of ours asked."""
    return _sums((path.mx, path) for path in paths)


def by_public_id(paths: Iterable[SmtpPath]) -> dict[int, Fared]:
    """Sum by our address."""
    return _sums((path.public_id, path) for path in paths)


def by_affinity(sums: Mapping[int, Fared], public_ids: Mapping[str, frozenset[int]]) -> dict[str, Fared]:
    """Sum by affinity over the addresses that it declares; one that several affinities share counts for each of them."""
    return {name: _total([sums[each] for each in ids if each in sums]) for name, ids in sorted(public_ids.items())}


def most_used(sums: Mapping[int, Fared], most: int) -> dict[int, Fared]:
    """Keep the most used ones."""
    return dict(sorted(sums.items(), key=lambda item: (-item[1].connections, item[0]))[:most])


def _sums(keyed: Iterable[tuple[int, SmtpPath]]) -> dict[int, Fared]:
    sums: dict[int, Fared] = {}
    for key, path in keyed:
        sums[key] = _total([sums.get(key, Fared(0, 0)), Fared(path.connections, path.unconnected)])
    return sums


def _total(each: Sequence[Fared]) -> Fared:
    return Fared(sum(one.connections for one in each), sum(one.unconnected for one in each))
