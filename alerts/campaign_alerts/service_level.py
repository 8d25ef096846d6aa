"""How late deliveries start, as a service level."""

from collections.abc import Iterable

from campaign_alerts.parts import DATABASE
from campaign_alerts.rule import Alert, Group, Recording
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Settings, Values

_LATE = "CampaignDeliveryStartsLate"
_PAGE = "deliveries?var-instance={{ $labels.campaign_instance | urlquery }}"


def service_level(values: Values) -> Group:
    """Make the group; its ranges are long, so that it is evaluated more rarely than others."""
    settings = values.of(_LATE)
    return Group("campaign-service-level", settings["interval"], (*_recordings(settings), _late(values)))


def _recordings(settings: Settings) -> Iterable[Recording]:
    """Count the starts, and the late among them, for each range of the service level."""
    starts = "campaign_delivery_start_delay_seconds"
    le = f"{float(settings['within_seconds'])}"
    fast, slow = settings.section("fast"), settings.section("slow")
    for span in dict.fromkeys((fast["short"], fast["long"], slow["short"], slow["long"])):
        count = f"sum without (channel) (increase({starts}_count[{span}]))"
        within = f'increase({starts}_bucket{{le="{le}"}}[{span}])'
        yield Recording(
            _starts(span),
            f"max by (campaign_instance) ({count})",
            "starts of deliveries: the service level and its minimum volume",
        )
        yield Recording(
            _late_share(span),
            f"max by (campaign_instance) (\n  {count}\n  - sum without (channel, le) ({within})\n)\n/\n({_starts(span)} > 0)",
            f"the share of starts that came later than {settings['within']}: the service level",
        )


def _starts(span: str) -> str:
    return f"campaign_instance:campaign_delivery_starts:increase{span}"


def _late_share(span: str) -> str:
    return f"campaign_instance:campaign_delivery_starts_late:ratio_increase{span}"


def _late(values: Values) -> Alert:
    settings = values.of(_LATE)
    burns = [_burn(settings, settings.section(speed)) for speed in ("fast", "slow")]
    return Alert(
        _LATE,
        "warning",
        "campaign",
        "\nor\n".join(burns),
        summary="Deliveries start late",
        description=(
            f"{INSTANCE}: {{{{ $value | humanizePercentage }}}} of the deliveries that started lately did so later than"
            f" {settings['within']} after their contact date; {float(settings['late_share']):.0%} are allowed."
        ),
        next_step=f"campaign-exporter why --all --config.file {values.configuration_file}",
        dashboard=_PAGE,
        when=(
            f"more than {float(settings['late_share']):.0%} of deliveries start later than {settings['within']} after"
            " their contact"
            f" date: {_in_words(settings.section('fast'))}, or {_in_words(settings.section('slow'))}"
        ),
        labels=DATABASE,
    )


def _burn(settings: Settings, burn: Settings) -> str:
    limit = f"{float(settings['late_share']) * float(burn['burn']):g}"
    return (
        f"(\n  {_late_share(burn['short'])} > {limit}\n  and {_late_share(burn['long'])} > {limit}\n"
        f"  and {_starts(burn['long'])} >= {burn['minimum_deliveries']}\n)"
    )


def _in_words(burn: Settings) -> str:
    return (
        f"{burn['burn']} times as many as that over {burn['long']} and over {burn['short']}, of at least"
        f" {burn['minimum_deliveries']}"
    )
