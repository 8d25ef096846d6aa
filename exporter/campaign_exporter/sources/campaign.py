"""What the exporter asks a Campaign database, as questions whose answers are values of the domain."""

import dataclasses
import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from campaign_exporter.diagnosis.facts import Delivery, Holder, Parts
from campaign_exporter.domain.workflows import Workflow
from campaign_exporter.errors import Missing, PermissionDenied, Resting, SourceError, Stale, TimedOut
from campaign_exporter.rounds import Clock, Round
from campaign_exporter.sources import delivery_statements, statements
from campaign_exporter.sources.database import Database, Session
from campaign_exporter.sources.rests import Rests
from campaign_exporter.sources.statement import Statement
from campaign_exporter.sources.survey import Survey, survey

_LOG = logging.getLogger(__name__)
_SURVEY_LIFE = 60.0
#: The columns that each statement about a delivery begins with.
BASICS = 10
#: What an approval can be asked for (NmsDelivery.iUseContentValidation and its like), in the order of the statement.
VALIDATIONS = ("content", "target", "extraction", "budget", "proof")


class DeliveryRow(NamedTuple):
    """A delivery as the counts see it: `start_delay` in seconds, `remaining` in messages, None where unknown."""

    delivery_id: int
    state: int | None
    channel: int | None
    deleted: bool
    started: bool
    start_delay: float | None
    remaining: int | None


class DeliveryDetail(NamedTuple):
    """One delivery with what only a person asks for.

    `aside` says what keeps it out of all counts (template, proof, deleted), `remote_id` is its id on the mid-sourcing server or
    0, `started` and `ended` are the bounds of its sending in seconds since the epoch.
    """

    delivery: Delivery
    internal_name: str
    aside: str
    remote_id: int
    account: str
    success: int
    error: int
    started: float | None
    ended: float | None


class StatRow(NamedTuple):
    """A row of NmsDeliveryStat: bucket in seconds since the epoch, messages by result and pass, volume in its own unit."""

    bucket: float
    delivery_id: int
    first_success: int
    first_error: int
    retries_success: int
    retries_error: int
    volume: float


class CounterRow(NamedTuple):
    """A delivery's own counters of messages."""

    delivery_id: int
    success: int
    error: int


class Evidence(NamedTuple):
    """Whether the delivery statistics hold anything, and whether messages went out longer than 15 minutes ago."""

    statistics: bool
    old_messages: bool


class Blocked(NamedTuple):
    """Sessions that wait for a lock on a table, and the longest wait in seconds."""

    table: str
    sessions: int
    longest_wait: float


class Questions:
    """A round's transaction in Campaign's own words. Each question raises a SourceError if it cannot be asked here."""

    def __init__(self, session: Session, surveyed: Survey, collector: str, rests: Rests) -> None:
        self._session = session
        self._survey = surveyed
        self._collector = collector
        self._rests = rests
        self._resting = rests.of(collector, session)
        #: Names of the statements that went well each time they were asked.
        self.answered: set[str] = set()

    def obstacle(self, statement: Statement) -> SourceError | None:
        """Tell what a statement lacks here, or that it rests; None if it can be asked."""
        return self._survey.obstacle(statement) or self._resting.get(statement.name)

    def can_ask(self, *wanted: Statement) -> bool:
        """Tell whether statements have their tables, columns, rights and indexes, and do not rest."""
        return all(self.obstacle(statement) is None for statement in wanted)

    def require(self, *wanted: Statement) -> None:
        """Raise what stands against statements here, also where there is nothing to ask them about."""
        for statement in wanted:
            if (obstacle := self.obstacle(statement)) is not None:
                raise obstacle

    def has_table(self, table: str) -> bool:
        """Tell whether a table is in the schema, whether we may read it or not."""
        return table in self._survey.columns

    def now(self) -> float:
        """Give the database's clock, in seconds since the epoch."""
        (now,) = self._session.row(statements.NOW)
        return float(now)

    def deliveries(self) -> list[DeliveryRow]:
        """List the deliveries: no templates, proofs, nor the zero record; those in the bin are marked."""
        rows = (DeliveryRow(*row) for row in self.rows(statements.DELIVERIES))
        return [row._replace(start_delay=finite(row.start_delay)) for row in rows]

    def sending_deliveries(self) -> list[Delivery]:
        """List deliveries in states 51, 55, 61 and 62 with what their sending depends on, but for their parts."""
        rows = self.rows(statements.SENDING_DELIVERIES)
        typologies = self.typology_affinities() if rows and self.can_ask(statements.TYPOLOGY_AFFINITIES) else {}
        inactive = self._inactive_accounts() if rows else None
        return [_delivery(row, typologies, inactive) for row in rows]

    def deliveries_in_progress(self) -> list[Delivery]:
        """List deliveries in states 55 and 62, as far as their progress can be told from them."""
        return [basics(row) for row in self.rows(statements.DELIVERIES_IN_PROGRESS)]

    def parts(self, delivery_ids: Iterable[int]) -> dict[int, Parts]:
        """Tell what is prepared to be sent, by delivery."""
        wanted = list(delivery_ids)
        rows = self.rows(statements.NEXT_PASSES, {"deliveries": wanted}) if wanted else []
        return {
            id_: Parts(there, None if undated or not there else _moment(next_pass)) for id_, there, undated, next_pass in rows
        }

    def delivery(self, delivery_id: int) -> DeliveryDetail | None:
        """Give all that is known of one delivery, but for its parts; None if it is not there."""
        rows = self.rows(delivery_statements.DELIVERY, {"id": delivery_id})
        if not rows:
            return None
        (name, model, proof, deleted, remote, account, success, error, start, end, *row) = rows[0]
        typologies = self.typology_affinities() if self.can_ask(statements.TYPOLOGY_AFFINITIES) else {}
        sending = _delivery(tuple(row[: BASICS + 3]), typologies, self._inactive_accounts())
        return DeliveryDetail(
            _to_launch(sending, row[BASICS + 3 :]),
            name,
            next((word for word, holds in (("template", model), ("proof", proof), ("deleted", deleted)) if holds), ""),
            remote,
            self._account_name(account),
            success,
            error,
            finite(start),
            finite(end),
        )

    def holders(self, delivery_ids: Iterable[int]) -> dict[int, frozenset[Holder]]:
        """Tell which processes hold the due parts of deliveries; one with a free part, or none that is due, is left out."""
        wanted = list(delivery_ids)
        holders: dict[int, set[Holder]] = {}
        for id_, hostname, process_id in self.rows(statements.HOLDERS, {"deliveries": wanted}) if wanted else []:
            holders.setdefault(id_, set()).add(Holder(hostname, process_id))
        return {id_: frozenset(each) for id_, each in holders.items() if all(holder.process_id for holder in each)}

    def preparing_deliveries(self, window: float) -> list[Delivery]:
        """List deliveries before their launch that were due, or were worked on, within `window` seconds."""
        return [_preparing(row) for row in self.rows(statements.PREPARING_DELIVERIES, {"window": window})]

    def workflows(self, names: Iterable[str]) -> dict[str, Workflow]:
        """Give workflows by internal name; one that is not there is left out."""
        rows = self.rows(statements.WORKFLOWS, {"names": list(names)})
        return {name: Workflow(name, state, failed, finite(next_run)) for name, state, failed, next_run in rows}

    def campaign_workflows(self) -> int:
        """Count the campaign workflows that are started."""
        (count,) = self._one(statements.CAMPAIGN_WORKFLOWS)
        return int(count)

    def typology_affinities(self) -> dict[int, str]:
        """Give the affinity of each typology that has one."""
        return dict(self.rows(statements.TYPOLOGY_AFFINITIES))

    def enumerated_affinities(self) -> list[str]:
        """List the values of the enumeration from which users choose an affinity."""
        return [name for (name,) in self.rows(statements.ENUMERATED_AFFINITIES)]

    def flowing_affinities(self) -> dict[str, float]:
        """Tell when, in the last hour, messages were processed under each affinity, in seconds since the epoch.

        By the delivery statistics; where they are not in use, by deliveries that were sending then.
        """
        seen = self.can_ask(statements.FLOWING_AFFINITIES, statements.THROUGHPUT_EVIDENCE)
        in_use = seen and self.throughput_evidence().statistics
        rows = self.rows(statements.FLOWING_AFFINITIES if in_use else statements.SENDING_AFFINITIES)
        typologies = self.typology_affinities() if rows and self.can_ask(statements.TYPOLOGY_AFFINITIES) else {}
        moments: dict[str, float] = {}
        for own, typology, moment in rows:
            if name := own or typologies.get(typology):
                moments[name] = max(moment, moments.get(name, moment))
        return moments

    def options(self, names: Iterable[str]) -> dict[str, float]:
        """Give the numeric values of options; one that is not there, or is no number above 0, is left out."""
        options = {}
        for name, *values in self.rows(statements.OPTIONS, {"names": list(names)}):
            numbers = (_number(value) for value in values)
            number = next((number for number in numbers if number is not None and number > 0), None)
            if number is not None:
                options[name] = number
        return options

    def stat_rows(self, start: float, end: float | None) -> list[StatRow]:
        """List the delivery statistics from `start` on, up to and without `end`."""
        bounds = {"start": start, "end": math.inf if end is None else end}
        rows = (StatRow(*row) for row in self.rows(statements.STAT_ROWS, bounds))
        # A volume that is no number would stay in a sum for ever.
        return [row._replace(volume=finite(row.volume) or 0.0) for row in rows if math.isfinite(row.bucket)]

    def throughput_evidence(self) -> Evidence:
        """Tell what speaks for one source of throughput or the other."""
        return Evidence(*self._one(statements.THROUGHPUT_EVIDENCE))

    def delivery_counters(self) -> list[CounterRow]:
        """List the message counters of all deliveries, those in the bin among them: what they sent was sent."""
        return [CounterRow(*row) for row in self.rows(statements.DELIVERY_COUNTERS)]

    def blocked_sessions(self) -> list[Blocked]:
        """List how many sessions wait for each sending table; raise PermissionDenied without pg_read_all_stats."""
        (allowed,) = self._one(statements.READS_STATISTICS)
        if not allowed:
            raise PermissionDenied("the role is not in pg_read_all_stats, so that waits cannot be seen: GRANT it")
        rows = self.rows(statements.BLOCKED_SESSIONS, {"tables": list(statements.SENDING_TABLES)})
        if not rows:
            raise self._survey.absence("none of Campaign's sending tables is in the schema: see database.schema")
        return [Blocked(*row) for row in rows]

    def waits(self) -> dict[str, float] | None:
        """Tell how long sessions wait for each sending table, in seconds; None where that cannot be asked."""
        try:
            return {blocked.table: blocked.longest_wait for blocked in self.blocked_sessions()}
        except (PermissionDenied, Resting):
            return None

    def replay_lag(self) -> float | None:
        """Give a replica's lag in seconds; None on a primary."""
        (lag,) = self._one(statements.REPLAY_LAG)
        return None if lag is None else float(lag)

    def _account_name(self, account: int) -> str:
        rows = (
            self.rows(delivery_statements.ACCOUNT_NAME, {"id": account})
            if self.can_ask(delivery_statements.ACCOUNT_NAME)
            else []
        )
        return str(rows[0][0]) if rows else ""

    def _inactive_accounts(self) -> frozenset[int] | None:
        if not self.can_ask(statements.INACTIVE_ACCOUNTS):
            return None
        return frozenset(id_ for (id_,) in self.rows(statements.INACTIVE_ACCOUNTS))

    def rows(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Ask a statement and give its rows; raise what stands against it here."""
        obstacle = self.obstacle(statement)
        if obstacle is not None:
            raise obstacle
        try:
            rows = self._session.rows(statement, parameters)
        except TimedOut as error:
            self.answered.discard(statement.name)
            self._rests.failed(self._collector, statement)
            raise Resting(str(error)) from None
        self.answered.add(statement.name)
        return rows

    def _one(self, statement: Statement) -> tuple[Any, ...]:
        (row,) = self.rows(statement)
        return row


class CampaignDatabase:
    """A Campaign database, asked in rounds."""

    def __init__(self, database: Database, clock: Clock, rests: Rests | None = None) -> None:
        self.connection = database
        self._clock = clock
        self._rests = rests or Rests("", {}, clock=clock)
        self._survey: Survey | None = None
        self._surveyed_at = 0.0
        self._zone_complained = False

    @contextmanager
    def round(self, collector: str, current: Round, *, life: float) -> Iterator[Questions]:
        """Open a transaction for a round; raise Stale on a replica that is further behind than `life` seconds."""
        with self.connection.round(collector, current.remaining()) as session:
            questions = Questions(session, self._surveyed(session), collector, self._rests)
            lag = questions.replay_lag()
            if lag is not None and lag > life and collector != "database":
                raise Stale(f"the replica is {lag:.0f} s behind")
            try:
                yield questions
                self._rests.answered(collector, questions.answered)
            except (Missing, PermissionDenied):
                # What was there is gone, or what is missed may be back: the next round looks again.
                self._survey = None
                raise

    def _surveyed(self, session: Session) -> Survey:
        """Read the catalogue now and then: what an administrator mends is seen within a minute."""
        now = self._clock.monotonic()
        if self._survey is None or now - self._surveyed_at > _SURVEY_LIFE:
            surveyed = survey(session)
            # First the time zone: if that fails, no later round may do without it.
            self._set_timezone(session, surveyed)
            self._survey, self._surveyed_at = surveyed, now
        return self._survey

    def _set_timezone(self, session: Session, surveyed: Survey) -> None:
        """Read timestamps without time zone in the one that Campaign names."""
        if not surveyed.naive_timestamps or self.connection.timezone:
            return
        rows = session.rows(statements.TIMEZONE) if surveyed.obstacle(statements.TIMEZONE) is None else []
        name = next((zone for (zone,) in rows if _is_timezone(zone)), None)
        if name is not None:
            session.set_timezone(name)
            self.connection.timezone = name
        elif not self._zone_complained:
            _LOG.warning(
                "timestamps have no time zone, and option WdbcTimeZone names none that we may read: set database.timezone"
            )
            self._zone_complained = True


def _delivery(row: tuple[Any, ...], typologies: Mapping[int, str], inactive: frozenset[int] | None) -> Delivery:
    *columns, affinity, typology, account = row
    return dataclasses.replace(
        basics(columns),
        affinity=affinity or typologies.get(typology),
        account_active=None if inactive is None else account not in inactive,
    )


def _preparing(row: tuple[Any, ...]) -> Delivery:
    return _to_launch(basics(row[:BASICS]), row[BASICS:])


def _to_launch(delivery: Delivery, row: Sequence[bool]) -> Delivery:
    """Add to a delivery what its launch depends on."""
    of_campaign, of_workflow, *asked = row
    return dataclasses.replace(delivery, of_campaign=of_campaign, of_workflow=of_workflow, validations=_validations(asked))


def basics(row: Sequence[Any]) -> Delivery:
    """Make a delivery of the columns that each statement about one begins with."""
    id_, state, label, mode, channel, contact, validity, modified, to_deliver, processed = row
    return Delivery(
        delivery_id=id_,
        state=state,
        label=label,
        mode=mode,
        channel=channel,
        contact=_moment(contact),
        validity=_moment(validity),
        modified=finite(modified),
        to_deliver=to_deliver,
        processed=processed,
    )


def _validations(asked: Sequence[bool]) -> tuple[str, ...]:
    return tuple(name for name, wanted in zip(VALIDATIONS, asked, strict=True) if wanted)


def _is_timezone(name: str | None) -> bool:
    try:
        return bool(name) and ZoneInfo(str(name)) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def _moment(moment: float | None) -> float | None:
    """Take "since ever" for no date; "never" stays infinity."""
    return None if moment == -math.inf else moment


def finite(number: float | None) -> float | None:
    """Take what is no finite number for none."""
    return number if number is not None and math.isfinite(number) else None


def _number(value: object) -> float | None:
    try:
        return finite(float(value))  # type: ignore[arg-type] # None and text that is no number end in the except
    except (TypeError, ValueError):
        return None
