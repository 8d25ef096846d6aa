"""Clocks that must agree, and the time zone of timestamps without one."""

from collections.abc import Iterator

from campaign_exporter.catalogue import DATABASE_CLOCK_OFFSET
from campaign_exporter.doctor.check import Check, cannot_tell, finding, ok
from campaign_exporter.doctor.connection import SUBJECT
from campaign_exporter.doctor.patient import Patient
from campaign_exporter.errors import SourceError
from campaign_exporter.sources.catalogue_statements import NEWEST_CHANGE

#: Seconds by which the clocks may differ.
TOLERANCE = 2.0
#: Seconds by which a change may lie ahead, beyond the clocks: no zone is nearer to another than a quarter of an hour.
_AHEAD = 600.0


def examine(patient: Patient) -> Iterator[Check]:
    """Ask for the time, and for the zone that a round reads timestamps in."""
    database = patient.watch.database
    if database is None or patient.server is None:
        return
    with patient.questions(database) as ask:
        before = patient.clock.time()
        theirs = ask.now()
        offset = theirs - (before + patient.clock.time()) / 2
    yield clock(offset)
    if patient.survey is None:
        yield cannot_tell("time zone", SUBJECT, "cannot be told before the tables are seen")
        return
    if not patient.survey.naive_timestamps:
        yield ok("time zone", SUBJECT, "timestamps carry their zone")
        return
    in_force, _ = patient.checkup.settings()
    named = database.connection.timezone
    yield zone(named, configured=patient.database.timezone is not None, of_server=in_force.get("TimeZone", ""))
    if named is not None and patient.survey.obstacle(NEWEST_CHANGE) is None:
        yield from _plausible(patient, named)


def clock(offset: float) -> Check:
    """Judge the database's clock minus ours, in seconds."""
    text = f"the database's is {abs(offset):.1f} s {'ahead of' if offset > 0 else 'behind'} this machine's"
    if abs(offset) <= TOLERANCE:
        return ok("clock", SUBJECT, text)
    return finding(
        "clock",
        SUBJECT,
        text,
        why="ages are taken by the database's clock and alerts by Prometheus's: waiting deliveries look older or younger than"
        f" they are ({DATABASE_CLOCK_OFFSET.name})",
        mend="let both follow NTP: `timedatectl` or `chronyc tracking` on each tells which one is off",
    )


def zone(named: str | None, *, configured: bool, of_server: str) -> Check:
    """Tell in which zone timestamps without one are read."""
    if named is not None:
        source = "database.timezone" if configured else "option WdbcTimeZone"
        return ok("time zone", SUBJECT, f"timestamps have none, and are read in {named} ({source})")
    return finding(
        "time zone",
        SUBJECT,
        f"timestamps have none, and are read in the server's ({of_server}): none is configured, and option WdbcTimeZone cannot"
        " be read or names none",
        why="if it is another one, each age is wrong by hours: pending deliveries look scheduled, or late",
        mend="set database.timezone to the value of option WdbcTimeZone, such as Europe/Paris",
    )


def _plausible(patient: Patient, named: str) -> Iterator[Check]:
    try:
        ahead = patient.checkup.newest_change_ahead()
    except SourceError as error:
        yield cannot_tell("newest change", SUBJECT, str(error))
        return
    if ahead is not None:
        yield newest_change(ahead, named)


def newest_change(ahead: float, named: str) -> Check:
    """Judge the newest change of a delivery, `ahead` of the database's clock in seconds: it cannot lie in the future."""
    if ahead <= _AHEAD:
        return ok("newest change", SUBJECT, f"of a delivery: not in the future, read in {named}")
    return finding(
        "newest change",
        SUBJECT,
        f"of a delivery lies {ahead / 3600:.1f} h in the future, read in {named}",
        why="the zone is not the one that Campaign writes in: each age is wrong by hours",
        mend="set database.timezone to the value of option WdbcTimeZone, such as Europe/Paris",
    )
