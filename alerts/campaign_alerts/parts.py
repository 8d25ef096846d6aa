"""Expressions that several rules share."""

from campaign_alerts.values import Values

INSTANCE_HOST_PROCESS_UP = "campaign_instance_host_process:campaign_process_up:max"
ALL_DOWN = "campaign_instance_process:campaign_process_up:all_down"
WATCHED = "campaign_instance_result_pass:campaign_messages:without_catch_up"
PENDING_AGE = "campaign_instance_cause:campaign_deliveries_pending_age_seconds:max"
DATABASE = {"needs": "database"}


def database_down(window: str) -> str:
    """Hold where no exporter reaches the database of an instance."""
    return f"max by (campaign_instance) (max_over_time(campaign_up[{window}])) == 0"


def nowhere(process: str) -> str:
    """Hold, per host, where a process is known to run on no host."""
    up = f'{INSTANCE_HOST_PROCESS_UP}{{process="{process}"}}'
    return f"{up} == 0\nunless on (campaign_instance) {up} == 1"


def processed(values: Values) -> str:
    """Name the record of the messages that were processed in the last half hour, as long as that may be."""
    return f"campaign_instance:campaign_messages:increase{values.of('CampaignThroughputStalled')['after']}"


def busy(values: Values) -> str:
    """Name the record of the throughput while there is work, in messages a second."""
    return f"campaign_instance:campaign_messages_busy:rate{values.of('CampaignThroughputStalled')['after']}"


def baseline(values: Values) -> str:
    """Name the record of the usual throughput while there is work, in messages a second."""
    span, days = values.of("CampaignThroughputStalled")["after"], values.of("CampaignThroughputLow")["baseline"]
    return f"campaign_instance:campaign_messages_busy_rate{span}:avg_over_time{days}"


def increase(matchers: str, span: str) -> str:
    """Count the messages of a span, without those that were counted at once for a time that was not watched."""
    return f"max by (campaign_instance) (sum without (result, pass) (increase({WATCHED}{matchers}[{span}])))"


def blocked(values: Values) -> str:
    """Hold where sessions have waited so long for Campaign's tables that an alert of its own says so."""
    settings = values.of("CampaignDatabaseBlocked")
    wait, span = settings["wait_seconds"], settings["range"]
    return f"max by (campaign_instance) (min_over_time(campaign_database_longest_wait_seconds[{span}])) > {wait}"


def one_of(label: str, values: list[str]) -> str:
    """Match a label that has one of these values."""
    return f'{label}="{values[0]}"' if len(values) == 1 else f'{label}=~"{"|".join(values)}"'
