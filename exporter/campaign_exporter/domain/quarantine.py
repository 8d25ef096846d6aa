"""Quarantined addresses: what their numbers mean."""

from collections.abc import Mapping
from types import MappingProxyType

# NmsAddress.iStatus. The numbers of "with errors", "quarantine" and "denylisted" are not documented.
STATUSES: Mapping[int, str] = MappingProxyType({2: "valid"})

# NmsAddress.iQuarantineReason, with the codes of failure reasons (docs v8: send/delivery-failures.md, "technical value").
REASONS: Mapping[int, str] = MappingProxyType(
    {
        0: "not_defined",
        1: "user_unknown",
        2: "invalid_domain",
        3: "unreachable",
        4: "account_disabled",
        5: "mailbox_full",
        6: "not_connected",
        7: "address_not_specified",
        8: "denylisted_address",
        9: "address_in_quarantine",
        10: "double",
        14: "bad_quality_address",
        15: "unqualified_address",
        20: "refused",
        25: "error_ignored",
    }
)


def status_name(number: int | None) -> str:
    """Name a status; one that is not documented goes by its number."""
    return _name(STATUSES, number)


def reason_name(number: int | None) -> str:
    """Name a reason; one that is not documented, or is none for a quarantine, goes by its number."""
    return _name(REASONS, number)


def _name(names: Mapping[int, str], number: int | None) -> str:
    return "null" if number is None else names.get(number, str(number))
