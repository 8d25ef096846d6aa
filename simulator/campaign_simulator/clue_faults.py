"""Faults that no cause tells: what there is to be found, a person looks for in logs, priorities and sequences."""

from collections.abc import Sequence

from campaign_simulator import troubles
from campaign_simulator.faults import Fault, Undo, World, no_arguments, one_of, required
from campaign_simulator.journal import JobLog
from campaign_simulator.model import Delivery
from campaign_simulator.troubles import Trouble, launch, troubled
from campaign_simulator.vocabulary import Priority

# What must never be shown, though it stands beside what is looked for.
SECRETS = ("jane.doe@customer.example", "S3cr3t-T0ken-9f8e7d")
_ADDRESS, _TOKEN = SECRETS
_LONG_ENOUGH = 20_000  # messages of the delivery that comes first
# The wording is Adobe's, of its articles and its documentation; what surrounds it is not.
JOB_LOGS: dict[str, tuple[str, ...]] = {
    "capacity": (
        "XSV-350122 An error occurred and the process has been stopped.",
        "SOP-330011 Error while executing the method 'PrepareTargetImpl' of service 'nms:delivery'.",
        (
            "DLV-490037 The delivery cannot be started because the resources are not available. "
            "Please restart the analysis process."
        ),
    ),
    "temporary-file": (
        "Postponing DeliveryParts for broken delivery {delivery}",
        "BAS-010015 Cannot open file '/tmp/tmp8215-0000.tmp' with write access (errno=13, Permission denied)",
    ),
    "cross-device": (
        (
            "Unable to rename file '/tmp/tmp0000.tmp' to /usr/local/neolane/nl6/bin/..//var/prod/mta/86510470.xml ;"
            "(errno=18, Invalid cross-device link) (iRc=-52)"
        ),
    ),
    "mid-timeout": (
        (
            "Error during the call of method 'AppendDeliveryPart' on the mid sourcing server: 'Communication error with the "
            "server: please check this one is correctly configured. Code HTTP 408 'Service temporarily unavailable'."
        ),
    ),
    "quota": (
        "Messages queued (connection quotas met)",
        "Messages queued (dynamic flow control)",
    ),
}


def _kinds(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    return one_of(tuple(JOB_LOGS), required(arguments, "a KIND"), "kind")


def _job_log(world: World, kind: str) -> Undo:
    def write(_world: World, delivery: Delivery) -> Undo:
        lines = (
            f"Opening a session for {_ADDRESS} (password={_TOKEN})",
            *(f"{text} [to {_ADDRESS}, password={_TOKEN}]" for text in JOB_LOGS[kind]),
            f"Waiting; the session of {_ADDRESS} is kept",
        )
        for line in lines:
            message = line.replace("{delivery}", str(delivery.delivery_id))
            log = JobLog(world.engine.ids.next(), delivery.delivery_id, world.now(), message)
            world.engine.journal.job_logs.append(log)
        return _nothing

    through_mid = kind == "mid-timeout" and world.engine.site.marketing
    route = (troubles.THROUGH_MID,) if through_mid else ()
    return troubled(world, troubles.unexplained(f"job-log:{kind}"), Trouble(write), *route)


def _nothing() -> None:
    """Leave a log as it is: what was written stays."""


def _priority_starved(world: World, _target: str) -> Undo:
    launch(world, _with_priority(Priority.HIGH, size=_LONG_ENOUGH))
    return troubled(world, troubles.unexplained("priority-starved"), _with_priority(Priority.LOW))


def _with_priority(priority: Priority, size: int = 1) -> Trouble:
    def shape(_world: World, delivery: Delivery) -> None:
        delivery.priority = priority

    return Trouble(shape=shape, size=size)


def _near_wrap(world: World, _target: str) -> Undo:
    world.engine.ids.near_wrap = True

    def undo() -> None:
        world.engine.ids.near_wrap = False

    return undo


CLUE_FAULTS = (
    Fault(
        "job-log",
        "capacity|temporary-file|cross-device|mid-timeout|quota...",
        "a delivery waits, and its journal (XtkJobLog) holds Adobe's words for the reason",
        _kinds,
        _job_log,
    ),
    Fault(
        "priority-starved",
        "",
        "a delivery of low priority waits while one of high priority is sent",
        no_arguments,
        _priority_starved,
    ),
    Fault("sequence-near-wrap", "", "the sequence XtkNewId is close to 2^31, where keys wrap", no_arguments, _near_wrap),
)
