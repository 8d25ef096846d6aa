"""How many messages go out, against what could, and how many are refused."""

from collections.abc import Iterable

from campaign_alerts import text
from campaign_alerts.durations import duration, seconds
from campaign_alerts.parts import ALL_DOWN, DATABASE, WATCHED, baseline, blocked, busy, increase, nowhere, processed
from campaign_alerts.rule import Alert, Group, Recording
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Values

_STALLED = "CampaignThroughputStalled"
_LOW = "CampaignThroughputLow"
_ERRORS = "CampaignDeliveryErrorsHigh"
_PAGE = "throughput?var-instance={{ $labels.campaign_instance | urlquery }}"


def throughput(values: Values) -> Group:
    """Make the group."""
    alerts = (_stalled(values), _low(values), _errors_high(values))
    return Group("campaign-throughput", values.interval, (*_recordings(values), *alerts))


def _recordings(values: Values) -> Iterable[Recording]:
    span, low = values.of(_STALLED)["after"], values.of(_LOW)
    # Not the difference of two increases: each of them is extrapolated in its own way.
    yield Recording(
        WATCHED,
        "campaign_messages_total - campaign_messages_catch_up_total",
        "messages, without those that were counted at once for a time that was not watched: a counter for all that follows",
    )
    yield Recording(
        processed(values),
        f"{increase('', span)}\nand on (campaign_instance)\nmax_over_time(campaign_messages_total[{values.window}])",
        "messages processed: tells one delivery that stands still from all of them, and slow from still",
    )
    yield Recording(
        busy(values),
        low.fill(f"""
            ({processed(values)} >= 1) / {seconds(span):g}
            and on (campaign_instance)
            min by (campaign_instance) (min_over_time(campaign_messages_due{{channel="email"}}[{span}])) >= $busy_messages
        """),
        f"throughput while mails were due all through the last {span}; absent at other times, so that a quiet day is not a"
        " slow one",
    )
    yield Recording(
        baseline(values),
        low.fill(f"""
            avg_over_time({busy(values)}[$baseline])
            and
            count_over_time({busy(values)}[$baseline]) >= {seconds(low["baseline_at_least"]) / seconds(values.interval):g}
        """),
        f"the usual throughput while busy; only after {low['baseline_at_least']} of it",
    )


def _stalled(values: Values) -> Alert:
    settings = values.of(_STALLED)
    due = "campaign_messages_due"
    slowest = text.each(
        "sort_desc(topk(3, time() - min by (delivery_id, label) (last_over_time("
        "campaign_delivery_progress_timestamp_seconds{campaign_instance=%q}[2m]))))",
        "campaign_instance",
        heading="\nIn progress, by the time since their last progress:",
        line=f"\n- {{{{ .Value | humanizeDuration }}}}: {text.short('label')} ({{{{ .Labels.delivery_id }}}})",
    )
    return Alert(
        _STALLED,
        "critical",
        "platform",
        settings.fill(f"""
            sum by (campaign_instance) (min by (campaign_instance, channel) (min_over_time({due}[$after]))) >= $minimum_messages
            and on (campaign_instance) max_over_time({due}[$onset] offset {_earlier(settings["after"], settings["onset"])})
            and on (campaign_instance) {processed(values)} < 1
            unless on (campaign_instance) {ALL_DOWN}
            unless on (campaign_instance) ({nowhere("stat").replace(chr(10), " ")})
            unless on (campaign_instance) {blocked(values)}
        """),
        summary="Nothing is sent though messages are due",
        description=(
            f"{INSTANCE}: no message was processed for {settings['after']}, while {{{{ $value | humanize }}}} or more were"
            " due in"
            f" deliveries in progress all the time. MTA and stat server are not known to be down.{slowest}"
            f"{text.at_stake('unknown')}"
        ),
        next_step="on each MTA server: nlserver pdump, then read var/<instance>/log/mta.log",
        dashboard=_PAGE,
        when=(
            f"at least {settings['minimum_messages']} messages were due in deliveries in progress all through the last"
            f" {settings['after']} and none was processed, with no root cause known"
        ),
        wait=settings["for"],
        keep=values.keep_root,
        confirmed=settings["after"],
        labels={"cause": "unknown", **DATABASE},
    )


def _earlier(span: str, onset: str) -> str:
    return duration(seconds(span) - seconds(onset))


def _low(values: Values) -> Alert:
    settings, span = values.of(_LOW), values.of(_STALLED)["after"]
    usual = text.number(f"3600 * {baseline(values)}{{campaign_instance=%q}}", "campaign_instance")
    now = text.number(f"3600 * {busy(values)}{{campaign_instance=%q}}", "campaign_instance")
    return Alert(
        _LOW,
        "warning",
        "platform",
        settings.fill(f"{busy(values)}\n/ {baseline(values)}\n< $share"),
        summary="Messages go out far more slowly than usual",
        description=(
            f"{INSTANCE}: {now} messages an hour, {{{{ $value | humanizePercentage }}}} of the {usual} that are usual"
            " while there"
            " is work."
        ),
        next_step="on each MTA server: nlserver pdump, then read var/<instance>/log/mta.log",
        dashboard=_PAGE,
        when=(
            f"while at least {settings['busy_messages']} mails are due all the time, throughput is below"
            f" {float(settings['share']):.0%} of its own busy average of {settings['baseline']}"
        ),
        wait=settings["for"],
        keep=values.keep,
        confirmed=span,
        labels=DATABASE,
    )


def _errors_high(values: Values) -> Alert:
    settings = values.of(_ERRORS)
    errors = increase('{result="error",pass!="retry"}', settings["range"])
    every = increase('{pass!="retry"}', settings["range"])
    return Alert(
        _ERRORS,
        "warning",
        "deliverability",
        f"{errors}\n/ ({every} >= {settings['minimum_messages']})\n> {settings['share']}",
        summary="Many messages fail at their first attempt",
        description=(
            f"{INSTANCE}: {{{{ $value | humanizePercentage }}}} of the messages of the last {settings['range']} failed at their"
            f" first attempt; {float(settings['share']):.0%} are the limit."
        ),
        next_step=values.query(
            "SELECT ifailuretype, ifailurereason, icount, sfirsttext FROM nmsbroadlogmsg ORDER BY tslastmodified DESC LIMIT 20"
        ),
        dashboard=_PAGE,
        when=(
            f"more than {float(settings['share']):.0%} of at least {settings['minimum_messages']} messages within"
            f" {settings['range']} failed at their first attempt"
        ),
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )
