"""Delivery logs: statuses, failures and domains, as numbers and text in the database and as names for people."""

import re
from collections.abc import Mapping
from types import MappingProxyType

# NmsBroadLogRcp.iStatus, as far as Adobe documents the numbers: KA-14790 and the documentation of the cleanup workflow. The
# labels "Ignored", "Prepared", "Sent to the service provider" and "Taken into account by the service provider" have numbers as
# well, which are not documented: those statuses go by their number.
SENT, FAILED, PENDING = 1, 2, 6
LOG_STATUSES: Mapping[int, str] = MappingProxyType(
    {SENT: "sent", FAILED: "failed", 5: "received_on_mobile", PENDING: "pending", 7: "cancelled"}
)

# NmsBroadLogMsg.iFailureType. 1 and 2: Adobe's documentation of the report's indicators; 0 and 3 are inferred from their use.
SOFT, HARD = 1, 2
FAILURE_TYPES: Mapping[int, str] = MappingProxyType({0: "not_defined", SOFT: "soft", HARD: "hard", 3: "ignored"})

# NmsBroadLogMsg.iFailureReason: the technical values in Adobe's list of types of error. That of "cancelled by a personalization
# script" is not documented.
UNREACHABLE, REFUSED = 3, 20
FAILURE_REASONS: Mapping[int, str] = MappingProxyType(
    {
        0: "not_defined",
        1: "user_unknown",
        2: "invalid_domain",
        UNREACHABLE: "unreachable",
        4: "account_disabled",
        5: "mailbox_full",
        6: "not_connected",
        7: "address_not_specified",
        8: "denylisted",
        9: "quarantine",
        10: "double",
        11: "typology_rule",
        12: "business_ranking",
        14: "bad_quality_address",
        15: "unqualified_address",
        16: "not_eligible",
        17: "target_limited",
        REFUSED: "refused",
        25: "error_ignored",
        127: "control_address",
    }
)

#: Types by reason, as the same list has them: the pairs that are counted from 0 on.
TYPES_OF_REASON: Mapping[int, tuple[int, ...]] = MappingProxyType(
    {
        0: (0,),
        1: (HARD,),
        2: (SOFT,),
        UNREACHABLE: (SOFT, HARD),
        4: (SOFT, HARD),
        5: (SOFT,),
        7: (HARD,),
        8: (HARD,),
        9: (HARD,),
        REFUSED: (SOFT, HARD),
        **dict.fromkeys((6, 10, 11, 12, 14, 15, 16, 17, 25, 127), (3,)),
    }
)

#: What stands for a message of failure that is not there.
UNKNOWN = "unknown"
#: The longest name that the domain name system knows.
_LONGEST_DOMAIN = 253
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z]")


def status_name(number: int | None) -> str:
    """Name a value of iStatus; one that Adobe does not document goes by its number, NULL by `null`."""
    return _name(LOG_STATUSES, number)


def failure_type_name(number: int | None) -> str:
    """Name a value of iFailureType; one that Adobe does not document goes by its number, NULL by `null`."""
    return _name(FAILURE_TYPES, number)


def failure_reason_name(number: int | None) -> str:
    """Name a value of iFailureReason; one that Adobe does not document goes by its number, NULL by `null`."""
    return _name(FAILURE_REASONS, number)


def domain_name(text: str | None) -> str | None:
    """Give a recipient's domain in lower case; None for what no name server would know."""
    domain = (text or "").lower()
    return domain if len(domain) <= _LONGEST_DOMAIN and _DOMAIN.fullmatch(domain) else None


def _name(names: Mapping[int, str], number: int | None) -> str:
    return "null" if number is None else names.get(number, str(number))
