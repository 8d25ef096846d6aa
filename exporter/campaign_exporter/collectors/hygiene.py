"""What is left behind and nobody needs any more, and how tables are kept up; rarely, since it changes slowly."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from campaign_exporter import catalogue_hygiene as catalogue
from campaign_exporter.domain.deliveries import channel_name
from campaign_exporter.domain.estimates import Column, rows_by_value, rows_that_are_set
from campaign_exporter.domain.leftovers import (
    AGES,
    KEPT_AGES,
    LEFT_KINDS,
    RECYCLED,
    Remnant,
    age_kept,
    age_left,
    kind_left,
    recycled_standing,
)
from campaign_exporter.domain.quarantine import reason_name, status_name
from campaign_exporter.domain.work_tables import PREFIXES, STANDINGS, Owner, Owners, WorkTable, standing
from campaign_exporter.metric import Metric, Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources import hygiene_statements as statements
from campaign_exporter.sources import upkeep
from campaign_exporter.sources.campaign import CampaignDatabase, Questions

_RECYCLED_DELAY = "NmsCleanup_RecycledDeliveryPurgeDelay"
#: In seconds (docs: installation/using/configuring-campaign-options.md).
_DELAYS = (
    "NmsCleanup_BroadLogPurgeDelay",
    "NmsCleanup_EventHistoPurgeDelay",
    "NmsCleanup_EventPurgeDelay",
    "NmsCleanup_EventStatPurgeDelay",
    "NmsCleanup_PropositionPurgeDelay",
    _RECYCLED_DELAY,
    "NmsCleanup_RejectsPurgeDelay",
    "NmsCleanup_TrackingLogPurgeDelay",
    "NmsCleanup_TrackingStatPurgeDelay",
    "NmsCleanup_VisitorPurgeDelay",
    "NmsCleanup_WorkflowResultPurgeDelay",
    "XtkCleanup_AuditTrailPurgeDelay",
)
_DENYLISTS = {
    "all": "iblacklist",
    "email": "iblacklistemail",
    "fax": "iblacklistfax",
    "mobile": "iblacklistmobile",
    "phone": "iblacklistphone",
    "postal_mail": "iblacklistpostalmail",
}


class HygieneCollector:
    """Reads small tables, PostgreSQL's catalogue, and the addresses of an hour."""

    name = "hygiene"

    def __init__(self, database: CampaignDatabase) -> None:
        self._database = database

    def collect(self, current: Round) -> None:
        """Ask for the upkeep of tables, recipients, deliveries with their tables, and addresses; each fails alone.

        A statement that fails spoils its transaction: what needs no lock comes first, what may wait for one has its own.
        """
        with self._database.round(self.name, current, life=current.life) as ask:
            with current.part("tables") as samples:
                for table in upkeep.kept_tables(ask):
                    _add_table(samples, table)
            # Tables of a package that an instance may do without.
            if ask.has_table("nmsrecipient"):
                with current.part("recipients") as samples:
                    _add_recipients(samples, upkeep.statistics(ask, statements.RECIPIENT_STATISTICS))
            with current.part("deliveries") as samples:
                _add_remnants(samples, ask)
        with self._database.round(self.name, current, life=current.life) as ask:
            if ask.has_table("nmsaddress"):
                with current.part("addresses") as samples:
                    _add_addresses(samples, ask)


def _add_remnants(samples: Samples, ask: Questions) -> None:
    now, deliveries, last_cleanup = ask.now(), upkeep.remnants(ask), upkeep.moments(ask).cleanup
    delays = ask.options(_DELAYS)
    for option, seconds in delays.items():
        samples.add(catalogue.CLEANUP_DELAY, seconds, option=option)
    _add_deliveries(samples, deliveries, now)
    recycled = [
        recycled_standing(each.deleted, delays.get(_RECYCLED_DELAY), last_cleanup, now) for each in deliveries if each.recycled
    ]
    _add_counts(samples, catalogue.DELIVERIES_RECYCLED, "standing", RECYCLED, recycled)
    known = {each.delivery_id: Owner(each.state, each.modified) for each in deliveries}
    _add_work_tables(samples, upkeep.work_tables(ask), Owners(known, upkeep.workflow_owners(ask), last_cleanup))


def _add_deliveries(samples: Samples, deliveries: Sequence[Remnant], now: float) -> None:
    left = Counter(dict.fromkeys(((kind, age) for kind in LEFT_KINDS for age in AGES), 0))
    for each in deliveries:
        kind = kind_left(each, now)
        if kind is not None:
            left[kind, age_left(each, now)] += 1
    for (kind, age), count in left.items():
        samples.add(catalogue.DELIVERIES_LEFT, count, kind=kind, age=age)
    kept = [age_kept(each, now) for each in deliveries if not each.aside and not each.recycled]
    _add_counts(samples, catalogue.DELIVERIES_KEPT, "age", KEPT_AGES, kept)


def _add_counts(samples: Samples, metric: Metric, label: str, known: Iterable[str], found: Iterable[str]) -> None:
    counts = Counter(dict.fromkeys(known, 0))
    counts.update(found)
    for value, count in counts.items():
        samples.add(metric, count, **{label: value})


def _add_work_tables(samples: Samples, tables: Iterable[WorkTable], owners: Owners) -> None:
    counts = Counter(dict.fromkeys(((prefix, state) for prefix in PREFIXES for state in STANDINGS), 0))
    sizes, unmeasured = counts.copy(), Counter(dict.fromkeys(PREFIXES, 0))
    for table in tables:
        key = table.prefix, standing(table, owners)
        counts[key] += 1
        sizes[key] += table.size if table.measured else 0
        unmeasured[table.prefix] += not table.measured
    for (prefix, state), count in counts.items():
        samples.add(catalogue.WORK_TABLES, count, prefix=prefix, standing=state)
        samples.add(catalogue.WORK_TABLE_BYTES, sizes[prefix, state], prefix=prefix, standing=state)
    for prefix, count in unmeasured.items():
        samples.add(catalogue.WORK_TABLES_UNMEASURED, count, prefix=prefix)


def _add_table(samples: Samples, table: upkeep.Upkeep) -> None:
    told = {
        catalogue.TABLE_ROWS: table.rows,
        catalogue.TABLE_BYTES: table.size,
        catalogue.TABLE_INDEX_BYTES: table.index_size,
        catalogue.TABLE_DEAD_ROWS: table.dead_rows,
        catalogue.TABLE_LAST_VACUUM: table.vacuumed,
        catalogue.TABLE_LAST_ANALYZE: table.analyzed,
    }
    for metric, value in told.items():
        if value is not None:
            samples.add(metric, value, table=table.table)


def _add_addresses(samples: Samples, ask: Questions) -> None:
    changed: Counter[tuple[str, str, str]] = Counter()
    for each in upkeep.changed_addresses(ask):
        changed[channel_name(each.channel), status_name(each.status), reason_name(each.reason)] += each.number
    for (channel, status, reason), count in changed.items():
        samples.add(catalogue.ADDRESSES_CHANGED, count, channel=channel, status=status, reason=reason)
    columns = upkeep.statistics(ask, statements.ADDRESS_STATISTICS)
    _add_estimates(samples, catalogue.ADDRESSES_BY_STATUS, "status", columns["istatus"], status_name)
    _add_estimates(samples, catalogue.ADDRESSES_BY_CHANNEL, "channel", columns["itype"], channel_name)
    _add_estimates(samples, catalogue.ADDRESSES_BY_REASON, "reason", columns["iquarantinereason"], reason_name)


def _add_estimates(samples: Samples, metric: Metric, label: str, column: Column, name: Callable[[int | None], str]) -> None:
    for value, rows in (rows_by_value(column) or {}).items():
        samples.add(metric, rows, **{label: name(value)})


def _add_recipients(samples: Samples, columns: Mapping[str, Column]) -> None:
    for channel, column in _DENYLISTS.items():
        rows = rows_that_are_set(columns[column])
        if rows is not None:
            samples.add(catalogue.RECIPIENTS_DENYLISTED, rows, channel=channel)
