"""The database and the endpoints."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy, listed, pending
from unit.alerts.texts import DOCTOR, told
from unit.alerts.timeline import Line, Target, World, always, during, hours, minutes, only, scrapes_fail, twice, withdrawn

_UNREACHABLE, _BLOCKED, _ENDPOINT = "CampaignDatabaseUnreachable", "CampaignDatabaseBlocked", "CampaignEndpointDown"
_BEGINS, _ENDS = minutes(20), minutes(50)
_KEEP, _KEEP_ROOT = minutes(5), minutes(10)
_PAGE = "campaign-overview?var-instance=prod"
_ENDPOINT_PAGE = "campaign-deliverability?var-instance=prod"
#: What comes from the database, and is withdrawn when it cannot be read.
_OF_DATABASE = (
    "campaign_deliveries_pending",
    "campaign_pending_messages",
    "campaign_messages_remaining",
    "campaign_messages_due",
    "campaign_messages_total",
    "campaign_messages_catch_up_total",
    "campaign_delivery_transitions_total",
    "campaign_delivery_start_delay_seconds_count",
    "campaign_delivery_start_delay_seconds_bucket",
    "campaign_delivery_progress_timestamp_seconds",
    "campaign_delivery_messages_remaining",
    "campaign_database_longest_wait_seconds",
    "campaign_database_blocked_sessions",
)
_ON_DATABASE = (
    *("deliveries", "pending", "throughput", "outlook", "database", "affinity"),
    *("workflows", "maintenance", "hygiene"),
)


def _labels(severity: str, **labels: str) -> Mapping[str, str]:
    return {"severity": severity, "team": "platform", "campaign_instance": "prod", **labels}


# --- not reached ------------------------------------------------------------------------------------------------------------

_UNREACHABLE_FIRES, _UNREACHABLE_RESOLVED = _BEGINS + minutes(2) + minutes(1), _ENDS + _KEEP_ROOT


def _up(line: Line, target: Target = A) -> World:
    return {target("campaign_up"): line}


def _unreachable(start: float = _UNREACHABLE_FIRES, end: float | None = _UNREACHABLE_RESOLVED) -> Firing:
    return Firing(_UNREACHABLE, _labels("critical"), start, end)


def _failing(start: float, end: float) -> World:
    return {A("campaign_exporter_collector_success", collector=name): during(start, end, 0, 1) for name in _ON_DATABASE}


_GONE = _up(during(_BEGINS, _ENDS, 0, 1))
_UNREACHABLE_STORIES = (
    Case(
        None,
        "the database is not reached: told once, though five collectors fail",
        withdrawn({**healthy(), **_GONE, **_failing(_BEGINS, _ENDS)}, _BEGINS + 60, _ENDS, *_OF_DATABASE),
        hours(1.2),
        (_unreachable(),),
        (
            Told(
                minutes(30),
                _UNREACHABLE,
                [
                    (
                        _labels("critical"),
                        told(
                            _UNREACHABLE,
                            "Campaign's database cannot be reached",
                            "prod: no exporter reaches the database server. What the deliveries do is not known, and if"
                            " Campaign"
                            " cannot reach it either, nothing is sent. Messages under way at the last count: 5k.",
                            DOCTOR,
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case(
        (_UNREACHABLE,),
        "less than three minutes are nothing",
        {**healthy(), **_up(during(_BEGINS, _BEGINS + minutes(3), 0, 1))},
        hours(1.5),
    ),
    Case((_UNREACHABLE,), "of two exporters one reaches it", {**healthy(), **_GONE, **_up(always(1), B)}, hours(1.5)),
    Case((_UNREACHABLE,), "an instance without a database has none to reach", {**healthy(), **_up(always(None))}, hours(1.5)),
    Case(
        (_UNREACHABLE,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(scrapes_fail({**healthy(), **_GONE}, A, _BEGINS + 60, _BEGINS + 120), A, minutes(35), minutes(38)),
        hours(1.5),
        (_unreachable(),),
    ),
    Case(
        (_UNREACHABLE,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_GONE}, A, B), B, minutes(10), hours(2)),
        hours(1.5),
        (_unreachable(),),
    ),
)

# --- blocked ----------------------------------------------------------------------------------------------------------------

_BLOCKED_LABELS = _labels("critical", cause="database_blocked", needs="database")
#: The wait passes five minutes, all samples of a minute say so, and then `for`.
_BLOCKED_FIRES, _BLOCKED_RESOLVED = _BEGINS + minutes(5) + 30 + minutes(1) + minutes(1), _ENDS + _KEEP_ROOT


def _waits(start: float = _BEGINS, end: float = _ENDS, most: float = 9999) -> World:
    """Let a session wait for a lock from a moment on."""
    return {
        A("campaign_database_longest_wait_seconds", table="nmsdelivery"): lambda moment: (
            min(moment - start, most) if start <= moment < end else 0
        ),
        A("campaign_database_longest_wait_seconds", table="nmsdeliverypart"): always(0),
        A("campaign_database_blocked_sessions", table="nmsdelivery"): during(start, end, 3, 0),
        A("campaign_database_blocked_sessions", table="nmsdeliverypart"): during(start, end, 1, 0),
        A("campaign_database_blocked_sessions", table="xtkworkflow"): always(0),
    }


def _blocked(start: float = _BLOCKED_FIRES, end: float | None = _BLOCKED_RESOLVED) -> Firing:
    return Firing(_BLOCKED, _BLOCKED_LABELS, start, end)


_LOCKED = ("deliveries", "pending")
_BLOCKED_STORIES = (
    Case(
        None,
        "sessions are blocked: told once, though collectors fail at the lock",
        {
            **healthy(),
            **_waits(),
            **{A("campaign_exporter_collector_success", collector=name): during(_BEGINS, _ENDS, 0, 1) for name in _LOCKED},
            **pending(
                A,
                "database_blocked",
                only(minutes(26), _ENDS, always(_BEGINS)),
                during(_BEGINS, _ENDS, 4, 0),
                during(_BEGINS, _ENDS, 60, 0),
            ),
            **listed(A, "database_blocked", ("5", "Newsletter", only(_BEGINS, _ENDS, always(_BEGINS)))),
        },
        hours(1.2),
        (_blocked(),),
        (
            Told(
                _BLOCKED_FIRES,
                _BLOCKED,
                [
                    (
                        _BLOCKED_LABELS,
                        told(
                            _BLOCKED,
                            "Sessions are blocked on Campaign's sending tables",
                            "prod: a session has waited for 6m 30s for a lock that another one holds."
                            "\nSessions that wait, by table:\n- nmsdelivery: 3\n- nmsdeliverypart: 1"
                            "\nMessages under way at the last count: 5k."
                            "\nAt stake: 4 deliveries wait with 60 messages.\n- 7m 30s: Newsletter (5)",
                            'psql -c "SELECT pid, pg_blocking_pids(pid), now() - query_start, left(query, 60) FROM'
                            " pg_stat_activity"
                            ' WHERE cardinality(pg_blocking_pids(pid)) > 0"',
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case((_BLOCKED,), "five minutes are not more than five minutes", {**healthy(), **_waits(most=300)}, hours(1.5)),
    Case((_BLOCKED,), "a second more is", {**healthy(), **_waits(most=301)}, hours(1.5), (_blocked(),)),
    Case((_BLOCKED,), "less than seven minutes are nothing", {**healthy(), **_waits(_BEGINS, _BLOCKED_FIRES)}, hours(1.5)),
    Case(
        (_BLOCKED,),
        "failed scrapes do not resolve it",
        scrapes_fail({**healthy(), **_waits()}, A, minutes(35), minutes(40)),
        hours(1.5),
        (_blocked(),),
    ),
    Case(
        (_BLOCKED,),
        "a waiting session gives up and another one waits",
        {
            **healthy(),
            A("campaign_database_longest_wait_seconds", table="nmsdelivery"): lambda moment: (
                moment % 600 if minutes(20) <= moment < minutes(60) else 0
            ),
        },
        hours(1.5),
        (_blocked(end=minutes(60) + _KEEP_ROOT),),
    ),
    Case(
        (_BLOCKED,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_waits()}, A, B), B, minutes(10), hours(2)),
        hours(1.5),
        (_blocked(),),
    ),
)

# --- endpoints --------------------------------------------------------------------------------------------------------------

_REDIRECTION_FIRES, _OTHER_FIRES, _ENDPOINT_RESOLVED = _BEGINS + minutes(3), _BEGINS + minutes(7), _ENDS + _KEEP
_ENDPOINTS = {"tracking": ("critical", "redirection"), "app": ("warning", "ping")}


def _answers(endpoint: str, line: Line, target: Target = A) -> World:
    return {target("campaign_endpoint_up", endpoint=endpoint, kind=_ENDPOINTS[endpoint][1]): line}


def _endpoint_labels(endpoint: str) -> Mapping[str, str]:
    severity, kind = _ENDPOINTS[endpoint]
    return _labels(severity, endpoint=endpoint, kind=kind)


def _silent(endpoint: str, start: float | None = None, end: float | None = _ENDPOINT_RESOLVED) -> Firing:
    fires = _REDIRECTION_FIRES if endpoint == "tracking" else _OTHER_FIRES
    return Firing(_ENDPOINT, _endpoint_labels(endpoint), start or fires, end)


def _endpoint_told(endpoint: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    kind = _ENDPOINTS[endpoint][1]
    summary, said = "An HTTP endpoint does not answer as it should", f"prod: {endpoint} ({kind}) does not answer as it should."
    if endpoint == "tracking":
        summary = "The redirection server does not answer: links in mails that are sent already lead nowhere"
        said = (
            "prod: tracking does not answer /r/test as it should. Who clicks a link in a mail gets an error, and clicks"
            " and opens"
            " are not counted."
        )
    page = _PAGE if kind == "redirection" else _ENDPOINT_PAGE
    return _endpoint_labels(endpoint), told(_ENDPOINT, summary, said, DOCTOR, page, anchor=kind)


_SILENT = {name: line for endpoint in _ENDPOINTS for name, line in _answers(endpoint, during(_BEGINS, _ENDS, 0, 1)).items()}
_QUEUE_FULL = _labels("warning", endpoint="events", kind="ping")
_ENDPOINT_STORIES = (
    Case(
        None,
        "the queue of Message Center is full: its endpoint answers, and says so",
        {
            **healthy(),
            A("campaign_endpoint_up", endpoint="events", kind="ping"): during(_BEGINS, _ENDS, 0, 1),
            A("campaign_event_queue_length", endpoint="events"): during(_BEGINS, _ENDS, 400, 7),
            A("campaign_event_queue_limit", endpoint="events"): always(400),
        },
        hours(1.2),
        (Firing(_ENDPOINT, _QUEUE_FULL, _OTHER_FIRES, _ENDPOINT_RESOLVED),),
        (
            Told(
                _OTHER_FIRES,
                _ENDPOINT,
                [
                    (
                        _QUEUE_FULL,
                        told(
                            _ENDPOINT,
                            "An HTTP endpoint does not answer as it should",
                            "prod: events (ping) does not answer as it should. Message Center's queue holds 400 events, and"
                            " counts as full at 400.",
                            DOCTOR,
                            _ENDPOINT_PAGE,
                            anchor="ping",
                        ),
                    )
                ],
            ),
        ),
    ),
    Case(
        None,
        "no endpoint answers: each is told, and not that the collector fails",
        {**healthy(), **_SILENT, A("campaign_exporter_collector_success", collector="endpoints"): during(_BEGINS, _ENDS, 0, 1)},
        hours(1.2),
        tuple(_silent(endpoint) for endpoint in _ENDPOINTS),
        (Told(_OTHER_FIRES, _ENDPOINT, [_endpoint_told(endpoint) for endpoint in _ENDPOINTS]),),
    ),
    Case(
        (_ENDPOINT,),
        "less than three and seven minutes are nothing",
        {
            **healthy(),
            **_answers("tracking", during(_BEGINS, _BEGINS + minutes(3), 0, 1)),
            **_answers("app", during(_BEGINS, _BEGINS + minutes(7), 0, 1)),
        },
        hours(1.5),
    ),
    Case(
        (_ENDPOINT,),
        "of two exporters one gets an answer",
        {**healthy(), **_SILENT, **{name: always(1) for endpoint in _ENDPOINTS for name in _answers(endpoint, always(1), B)}},
        hours(1.5),
    ),
    Case(
        (_ENDPOINT,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(scrapes_fail({**healthy(), **_SILENT}, A, _BEGINS + 60, _BEGINS + 120), A, minutes(35), minutes(38)),
        hours(1.5),
        tuple(_silent(endpoint) for endpoint in _ENDPOINTS),
    ),
    Case(
        (_ENDPOINT,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_SILENT}, A, B), A, minutes(10), hours(2)),
        hours(1.5),
        tuple(_silent(endpoint) for endpoint in _ENDPOINTS),
    ),
)

STORIES = (*_UNREACHABLE_STORIES, *_BLOCKED_STORIES, *_ENDPOINT_STORIES)
