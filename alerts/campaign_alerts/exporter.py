"""Whether the numbers can be believed: the exporters themselves, and the way to whoever is on call."""

from campaign_alerts import text
from campaign_alerts.parts import blocked, database_down
from campaign_alerts.rule import Alert, Group, Recording
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Values

_DOWN = "CampaignExporterDown"
_STALE = "CampaignExporterDataStale"
_FAILING = "CampaignExporterCollectorFailing"
_UNAVAILABLE = "CampaignExporterCollectorUnavailable"
_OVER_BUDGET = "CampaignExporterOverBudget"
_WATCHDOG = "CampaignWatchdog"
_UNWATCHED = "campaign_instance:campaign_instance_info:unwatched"
_NO_ROUND = "campaign_instance_collector:campaign_exporter_collector_last_round:overdue"
_PAGE = "exporter?var-instance={{ $labels.campaign_instance | urlquery }}"
_COLLECTOR = "{{ $labels.collector }}"
_EXPORTER = "{{ $labels.instance }}"
_LOG = "read the exporter's own log: journalctl -u campaign-exporter"
_OR = "\nor\n"


def exporter(values: Values) -> Group:
    """Make the group."""
    records = (_unwatched(values), _no_round(values))
    down = (_unwatched_alert(values), _target_down(values), _no_target(values))
    others = (_stale(values), _failing(values), _unavailable(values), _over_budget(values), _watchdog(values))
    return Group("campaign-exporter", values.interval, (*records, *down, *others))


def _gone(metric: str, values: Values) -> str:
    remembered = values.of(_DOWN)["remembered"]
    return (
        f"max by (campaign_instance, instance, job) (last_over_time({metric}[{remembered}]))\n"
        f"unless on (campaign_instance) max_over_time({metric}[{values.window}])"
    )


def _unwatched(values: Values) -> Recording:
    return Recording(
        _UNWATCHED,
        f"{_gone('campaign_instance_info', values)}\nor\n{_gone('campaign_up', values)}",
        "exporters that watched an instance, or its database, which nobody watches now: each such exporter is told once",
    )


def _unwatched_alert(values: Values) -> Alert:
    settings = values.of(_DOWN)
    return Alert(
        _DOWN,
        "critical",
        "platform",
        _UNWATCHED,
        summary="Nobody watches a Campaign instance",
        description=(
            f"{INSTANCE}: the exporter {_EXPORTER} watched it and does not tell of it any more, and no other one does. No alert"
            " about this instance can fire."
        ),
        next_step=_LOG,
        dashboard=_PAGE,
        when=f"an instance, or its database, that was watched within {settings['remembered']} is watched by no exporter",
        wait=settings["for"],
        keep=values.keep_root,
        confirmed=values.window,
        anchor="unwatched",
        labels={"scope": "unwatched"},
    )


def _target_down(values: Values) -> Alert:
    settings = values.of(_DOWN)
    return Alert(
        _DOWN,
        "warning",
        "platform",
        settings.fill(f'max_over_time(up{{job="$job"}}[$window]) == 0\nunless on (instance, job) {_UNWATCHED}'),
        summary="An exporter does not answer",
        description=f"Prometheus cannot scrape the exporter {_EXPORTER}. No instance is left unwatched by that.",
        next_step=_LOG,
        dashboard="exporter",
        when="an exporter cannot be scraped, and leaves no instance unwatched",
        wait=settings["for"],
        keep=values.keep,
        confirmed=values.window,
        anchor="target",
        labels={"scope": "target"},
    )


def _no_target(values: Values) -> Alert:
    settings = values.of(_DOWN)
    return Alert(
        _DOWN,
        "critical",
        "platform",
        settings.fill('absent(up{job="$job"})'),
        summary="Prometheus knows of no exporter",
        description="Prometheus scrapes no target of the job {{ $labels.job }}. No alert about Campaign can fire.",
        next_step="curl -s http://localhost:9090/api/v1/targets",
        dashboard="exporter",
        when="Prometheus has no target of the exporters' job",
        wait=settings["for_nothing"],
        keep=values.keep,
        anchor="nothing",
        labels={"scope": "nothing"},
    )


def _no_round(values: Values) -> Recording:
    last = "max_over_time(campaign_exporter_collector_last_round_timestamp_seconds[$window])"
    interval = "max_over_time(campaign_exporter_collector_interval_seconds[$window])"
    return Recording(
        _NO_ROUND,
        values.of(_STALE).fill(f"time() - {last} > $intervals * {interval} + $slack_seconds\nor\n{interval} unless {last}"),
        "collectors that have ended no round for far longer than their interval, or never: told as that, and not as failing",
    )


def _stale(values: Values) -> Alert:
    settings = values.of(_STALE)
    return Alert(
        _STALE,
        "warning",
        "platform",
        _NO_ROUND,
        summary="A collector of the exporter stands still",
        description=(
            f"{INSTANCE}: the collector {_COLLECTOR} of {_EXPORTER} has ended no round for far longer than its interval."
            " What it told is no longer exported, and alerts that depend on it cannot fire."
        ),
        next_step=_LOG,
        dashboard=_PAGE,
        when=f"a collector has ended no round for {settings['intervals']} intervals and {settings['slack']}, or never",
        wait=settings["for"],
        keep=values.keep,
    )


def _failing(values: Values) -> Alert:
    settings = values.of(_FAILING)
    reasons = text.each(
        "sort_desc(topk(3, sum by (reason) (increase(campaign_exporter_collector_errors_total"
        "{campaign_instance=%q,collector=%q,instance=%q}[15m])) > 0))",
        "campaign_instance",
        "collector",
        "instance",
        line=" {{ .Labels.reason }}",
    )
    database = [database_down(values.window), blocked(values)]
    branches = [
        _fails(
            "deliveries|pending|throughput|outlook|messages|tracking|database|deliverability|workflows|maintenance|hygiene"
            "|recipients",
            database,
        ),
        _fails("affinity", [_host_unobserved("configuration|agent"), *database]),
        _fails("processes", [_host_unobserved("processes|agent")]),
        _fails("disks", [_host_unobserved("directories|agent")]),
        _fails("files", [_host_unobserved("files|agent")]),
        _fails(
            "endpoints", ["max by (campaign_instance, endpoint, address) (max_over_time(campaign_endpoint_up[$window])) == 0"]
        ),
    ]
    unavailable = "max_over_time(campaign_exporter_collector_available[$window]) == 0"
    expr = f"(\n{_indented(_OR.join(branches))}\n)\nunless {unavailable}\nunless {_NO_ROUND}"
    return Alert(
        _FAILING,
        "warning",
        "platform",
        settings.fill(expr),
        summary="A collector of the exporter fails",
        description=(
            f"{INSTANCE}: the collector {_COLLECTOR} of {_EXPORTER} cannot read all it wants, because of:{reasons}. What"
            " it could not read is no longer exported, and alerts that depend on it cannot fire."
        ),
        next_step=f"campaign-exporter doctor --config.file {values.configuration_file}",
        dashboard=_PAGE,
        when="a collector fails for a reason that no other alert tells",
        wait=settings["for"],
        keep=values.keep,
        confirmed=values.window,
    )


def _fails(collectors: str, owned: list[str]) -> str:
    """Find these collectors failing, unless what fails has an alert of its own."""
    matcher = f'collector=~"{collectors}"' if "|" in collectors else f'collector="{collectors}"'
    lines = [f"max_over_time(campaign_exporter_collector_success{{{matcher}}}[$window]) == 0"]
    return "\n".join(lines + [f"unless on (campaign_instance) {condition}" for condition in owned])


def _host_unobserved(source: str) -> str:
    return f'max by (campaign_instance, host, source) (max_over_time(campaign_host_up{{source=~"{source}"}}[$window])) == 0'


def _unavailable(values: Values) -> Alert:
    settings = values.of(_UNAVAILABLE)
    return Alert(
        _UNAVAILABLE,
        "warning",
        "platform",
        settings.fill("max_over_time(campaign_exporter_collector_available[$window]) == 0"),
        summary="The database lacks what a collector needs",
        description=(
            f"{INSTANCE}: a table, column or index that the collector {_COLLECTOR} of {_EXPORTER} needs is not there. What"
            " depends on it is switched off, so that no statement scans a large table."
        ),
        next_step=f"campaign-exporter doctor --config.file {values.configuration_file}",
        dashboard=_PAGE,
        when="a table, column or index that a collector needs is not in the database",
        wait=settings["for"],
        keep=values.keep,
        confirmed=values.window,
    )


def _over_budget(values: Values) -> Alert:
    settings = values.of(_OVER_BUDGET)
    expr = f"""
        (
          max by (campaign_instance, instance, job) (avg_over_time(campaign_exporter_database_budget_ratio[$range])) > 1
          or
          max by (campaign_instance, instance, job) (max_over_time(campaign_exporter_collector_stretch_ratio[$window])) > 1
        )
        unless on (campaign_instance) {database_down(values.window)}
        unless on (campaign_instance) {blocked(values)}"""
    stretched = text.each(
        "sort_desc(max_over_time(campaign_exporter_collector_stretch_ratio{campaign_instance=%q,instance=%q}[2m]) > 1)",
        "campaign_instance",
        "instance",
        line="\n- {{ .Labels.collector }}: {{ .Value }} times the interval",
    )
    return Alert(
        _OVER_BUDGET,
        "warning",
        "platform",
        settings.fill(expr),
        summary="An exporter would take more of the database than it is allowed",
        description=(
            f"{INSTANCE}: reads of {_EXPORTER} have grown so slow that they do not fit into its budget of database time."
            f" It reads less often, and what it sees, it sees later.{stretched}"
        ),
        next_step=f"campaign-exporter doctor --config.file {values.configuration_file}",
        dashboard=_PAGE,
        when="an exporter reads less often because of its budget of database time, or exceeds it all the same",
        wait=settings["for"],
        keep=values.keep,
        confirmed=values.window,
    )


def _watchdog(_values: Values) -> Alert:
    return Alert(
        _WATCHDOG,
        "none",
        "platform",
        "vector(1)",
        summary="The way from Prometheus to whoever is on call works",
        description=(
            "This alert always fires. Have it sent to a service that calls you when it stays away: then Prometheus,"
            " Alertmanager,"
            " or the way between them is broken, and no other alert can reach you."
        ),
        next_step="nothing: this is as it should be",
        dashboard="overview",
        when="always",
    )


def _indented(expr: str) -> str:
    return "\n".join(f"  {line}" for line in expr.splitlines())
