"""Delivery states, channels and modes, as numbers in the database and as names for people."""

from collections.abc import Mapping
from types import MappingProxyType

# NmsDelivery.iState. Names: Adobe's documentation of the cleanup workflow and of the Campaign Standard data model.
STATES: Mapping[int, str] = MappingProxyType(
    {
        0: "being_edited",
        11: "targeting_pending",
        12: "counting_in_progress",
        13: "arbitration_in_progress",
        15: "target_ready",
        21: "personalization_pending",
        22: "personalization_in_progress",
        25: "message_ready",
        37: "preparation_error",
        45: "ready",
        51: "start_pending",
        55: "in_progress",
        61: "retry_pending",
        62: "retry_in_progress",
        71: "pause_requested",
        72: "pause_in_progress",
        75: "paused",
        85: "stopped",
        87: "failed",
        95: "finished",
        100: "deleted",
    }
)

# NmsDelivery.iMessageType.
CHANNELS: Mapping[int, str] = MappingProxyType(
    {
        0: "email",
        1: "sms",
        2: "phone",
        3: "direct_mail",
        4: "fax",
        5: "agency",
        20: "facebook",
        25: "twitter",
        40: "mobile_app",
        41: "ios",
        42: "android",
        120: "other",
    }
)

TARGET_READY = 15
MESSAGE_READY = 25
READY = 45
START_PENDING = 51
RETRY_PENDING = 61

#: Should be sending, and is not.
PENDING_STATES = (START_PENDING, RETRY_PENDING)
#: Launched, and not over.
SENDING_STATES = (START_PENDING, 55, RETRY_PENDING, 62)
#: Work is done on it before it can be launched. Not 15: a target that is counted waits for the user.
IN_PREPARATION = (11, 12, 13, 21, 22)
#: Prepared: an approval, or its date, may be waited for.
PREPARED = (MESSAGE_READY, READY)
#: Not yet launched, from the first step of its preparation on.
BEFORE_LAUNCH = (*IN_PREPARATION, TARGET_READY, *PREPARED)

EMAIL = 0
SMS = 1
#: Channels whose messages no nlserver process sends: files, calls and agencies do.
CHANNELS_OUTSIDE_MTA = (2, 3, 4, 5)
MID_SOURCING = 4
#: NmsDelivery.iDeliveryMode: external, description, mid-sourcing. Another system sends, or nobody does.
MODES_OF_OTHERS = (0, 2, MID_SOURCING)


def state_name(number: int | None) -> str:
    """Name a value of iState; one that Adobe does not document goes by its number, NULL by `null`."""
    return _name(STATES, number)


def channel_name(number: int | None) -> str:
    """Name a value of iMessageType; one that Adobe does not document goes by its number, NULL by `null`."""
    return _name(CHANNELS, number)


def _name(names: Mapping[int, str], number: int | None) -> str:
    if number is None:
        return "null"
    return names.get(number, str(number))
