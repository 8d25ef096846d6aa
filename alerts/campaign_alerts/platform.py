"""The database and the HTTP endpoints of an instance."""

from campaign_alerts import text
from campaign_alerts.parts import DATABASE, blocked, database_down
from campaign_alerts.resources import no_answer, one_of_several
from campaign_alerts.rule import Alert, Group
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Values

_UNREACHABLE = "CampaignDatabaseUnreachable"
_BLOCKED = "CampaignDatabaseBlocked"
_ENDPOINT = "CampaignEndpointDown"
_PAGE = "overview?var-instance={{ $labels.campaign_instance | urlquery }}"


def platform(values: Values) -> Group:
    """Make the group."""
    rules = (_unreachable(values), _blocked(values), _redirection_down(values), _endpoint_down(values))
    return Group("campaign-platform", values.interval, rules)


def _unreachable(values: Values) -> Alert:
    settings = values.of(_UNREACHABLE)
    return Alert(
        _UNREACHABLE,
        "critical",
        "platform",
        database_down(values.window),
        summary="Campaign's database cannot be reached",
        description=(
            f"{INSTANCE}: no exporter reaches the database server. What the deliveries do is not known, and if Campaign cannot"
            f" reach it either, nothing is sent. Messages under way at the last count: {text.under_way('15m')}."
        ),
        next_step=f"campaign-exporter doctor --config.file {values.configuration_file}",
        dashboard=_PAGE,
        when="no exporter reaches the database of an instance",
        wait=settings["for"],
        keep=values.keep_root,
        confirmed=values.window,
    )


def _blocked(values: Values) -> Alert:
    settings = values.of(_BLOCKED)
    tables = text.each(
        "sort_desc(max by (table) (max_over_time(campaign_database_blocked_sessions{campaign_instance=%q}[1m])) > 0)",
        "campaign_instance",
        heading="\nSessions that wait, by table:",
        line="\n- {{ .Labels.table }}: {{ .Value }}",
    )
    return Alert(
        _BLOCKED,
        "critical",
        "platform",
        blocked(values),
        summary="Sessions are blocked on Campaign's sending tables",
        description=(
            f"{INSTANCE}: a session has waited for {{{{ $value | humanizeDuration }}}} for a lock that another one"
            f" holds.{tables}\n"
            f"Messages under way at the last count: {text.under_way('15m')}.{text.at_stake('database_blocked')}"
        ),
        next_step=values.query(
            "SELECT pid, pg_blocking_pids(pid), now() - query_start, left(query, 60) FROM pg_stat_activity"
            " WHERE cardinality(pg_blocking_pids(pid)) > 0"
        ),
        dashboard=_PAGE,
        when=f"a session waits longer than {settings['wait']} for a lock on a table that sending needs",
        wait=settings["for"],
        keep=values.keep_root,
        lasts=settings["wait"],
        confirmed=settings["range"],
        labels={"cause": "database_blocked", **DATABASE},
    )


def _redirection_down(values: Values) -> Alert:
    settings = values.of(_ENDPOINT)
    return Alert(
        _ENDPOINT,
        "critical",
        "platform",
        settings.fill(no_answer("redirection")),
        summary="The redirection server does not answer: links in mails that are sent already lead nowhere",
        description=(
            f"{INSTANCE}: {{{{ $labels.endpoint }}}} does not answer /r/test as it should. Who clicks a link in a mail gets an"
            " error, and clicks and opens are not counted."
        ),
        next_step=f"campaign-exporter doctor --config.file {values.configuration_file}",
        dashboard=_PAGE,
        when="a redirection endpoint does not answer as it should",
        wait=settings["for"],
        keep=values.keep,
        confirmed=values.window,
        anchor="redirection",
    )


def _endpoint_down(values: Values) -> Alert:
    settings = values.of(_ENDPOINT)
    held = text.each(
        _told("campaign_event_queue_length"),
        "campaign_instance",
        "endpoint",
        line=(
            " Message Center's queue holds {{ .Value | humanize }} events, and counts as full at "
            f"{text.number(_told('campaign_event_queue_limit'), 'campaign_instance', 'endpoint')}."
        ),
    )
    return Alert(
        _ENDPOINT,
        "warning",
        "platform",
        settings.fill(no_answer("ping") + "\nor\n" + one_of_several('kind!="resource"')),
        summary="An HTTP endpoint does not answer as it should",
        description=(
            f"{INSTANCE}: {{{{ $labels.endpoint }}}} ({{{{ $labels.kind }}}}) does not answer as it should"
            f"{{{{ with $labels.address }}}} at {{{{ . }}}}; other servers do{{{{ end }}}}.{held}"
        ),
        next_step=f"campaign-exporter doctor --config.file {values.configuration_file}",
        dashboard="deliverability?var-instance={{ $labels.campaign_instance | urlquery }}",
        when="a ping endpoint, or one of several servers of a ping or redirection endpoint, does not answer as it should",
        wait=settings["for_others"],
        keep=values.keep,
        confirmed=values.window,
        anchor="{{ if $labels.address }}one-of-several{{ else }}{{ $labels.kind }}{{ end }}",
    )


def _told(metric: str) -> str:
    """Ask what an answer of the endpoint still tells, good or bad."""
    return f"max(last_over_time({metric}{{campaign_instance=%q,endpoint=%q}}[2m]))"
