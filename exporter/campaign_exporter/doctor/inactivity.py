"""Whether tracking logs are kept for as long as a recipient may do nothing."""

from collections.abc import Iterator

from campaign_exporter.catalogue_hygiene import RECIPIENTS_COUNTED_BY_ACTIVITY
from campaign_exporter.doctor.check import Check, cannot_tell, finding, ok
from campaign_exporter.doctor.connection import SUBJECT
from campaign_exporter.doctor.patient import Patient
from campaign_exporter.sources.statements import OPTIONS

#: How long cleanup keeps tracking logs, in seconds (docs: installation/using/configuring-campaign-options.md).
OPTION = "NmsCleanup_TrackingLogPurgeDelay"
_NAME = "inactive recipients"
_DAY = 86400.0


def examine(patient: Patient) -> Iterator[Check]:
    """Compare cleanup's delay with the time of the configuration."""
    database = patient.watch.database
    if database is None or patient.server is None:
        return
    with patient.questions(database) as ask:
        obstacle = ask.obstacle(OPTIONS)
        kept = None if obstacle else ask.options((OPTION,)).get(OPTION)
    if obstacle is not None:
        yield cannot_tell(_NAME, SUBJECT, f"how long tracking logs are kept cannot be read: {obstacle}")
    else:
        yield retention(kept, patient.whole.collectors.recipients.inactive_after)


def retention(kept: float | None, inactive_after: float) -> Check:
    """Judge how long tracking logs are kept, in seconds; None where the option does not say."""
    if kept is None:
        text = f"option {OPTION} is not set: how long tracking logs are kept, and so what inactive means, is not known"
        return cannot_tell(_NAME, SUBJECT, text)
    text = f"tracking logs are kept for {_days(kept)}, recipients.inactive_after is {_days(inactive_after)}"
    if inactive_after <= kept:
        return ok(_NAME, SUBJECT, text)
    return finding(
        _NAME,
        SUBJECT,
        text,
        why=f"who did nothing for {_days(kept)} counts as inactive, whatever he did before:"
        f" {RECIPIENTS_COUNTED_BY_ACTIVITY.name} tells too many of them",
        mend=f"set collectors: {{recipients: {{inactive_after: {max(int(kept // _DAY), 1)}d}}}}, or let cleanup keep tracking"
        f" logs for longer ({OPTION})",
    )


def _days(seconds: float) -> str:
    return f"{seconds / _DAY:g} days"
