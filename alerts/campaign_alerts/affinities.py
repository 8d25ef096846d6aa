"""IP affinities that do not fit."""

from campaign_alerts import text
from campaign_alerts.parts import ALL_DOWN, DATABASE
from campaign_alerts.rule import Alert, Group
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Values

_UNCONFIGURED = "CampaignIpAffinityUnconfigured"
_HOST_DOWN = "CampaignIpAffinityHostDown"
_INCONSISTENT = "CampaignIpAffinityInconsistent"
_LATENT = "CampaignIpAffinityLatent"
_PAGE = "hosts?var-instance={{ $labels.campaign_instance | urlquery }}"
_AFFINITY = "{{ $labels.affinity }}"


def affinities(values: Values) -> Group:
    """Make the group."""
    rules = (_unconfigured(values), _host_down(values), _inconsistent(values), _latent(values))
    return Group("campaign-ip-affinities", values.interval, rules)


def _unconfigured(values: Values) -> Alert:
    settings = values.of(_UNCONFIGURED)
    return Alert(
        _UNCONFIGURED,
        "critical",
        "platform",
        settings.fill("""
            max by (campaign_instance, affinity) (
              max_over_time(campaign_ip_affinity_mismatch{kind="unconfigured"}[$window])
            ) >= 1
        """),
        summary="Launched deliveries use an IP affinity that no server declares",
        description=(
            f"{INSTANCE}: no server declares the IP affinity {_AFFINITY}. Launched deliveries that use it and cannot send:"
            f" {{{{ $value }}}}.{text.at_stake('affinity_unconfigured')}"
        ),
        next_step=f"campaign-exporter why --all --config.file {values.configuration_file}",
        dashboard=_PAGE,
        when="a launched delivery uses an affinity that no host declares, and nothing went out under it within the hour",
        wait=settings["for"],
        keep=values.keep_root,
        labels={"cause": "affinity_unconfigured", **DATABASE},
    )


def _host_down(values: Values) -> Alert:
    settings = values.of(_HOST_DOWN)
    declaring = text.each(
        "group by (host) (last_over_time(campaign_ip_affinity_info{campaign_instance=%q,affinity=%q}[10m]))",
        "campaign_instance",
        "affinity",
        line=" {{ .Labels.host }}",
        by="host",
    )
    return Alert(
        _HOST_DOWN,
        "critical",
        "platform",
        settings.fill(f"""
            max by (campaign_instance, affinity) (max_over_time(campaign_ip_affinity_mismatch{{kind="host_down"}}[$range])) >= 1
            unless on (campaign_instance) {ALL_DOWN}
        """),
        summary="Launched deliveries use an IP affinity whose servers are all down",
        description=(
            f"{INSTANCE}: only servers whose MTA is down declare the IP affinity {_AFFINITY}:{declaring}. Launched"
            " deliveries that"
            f" use it, and wait while others send: {{{{ $value }}}}.{text.at_stake('affinity_host_down')}"
        ),
        next_step="on the servers named above: nlserver pdump",
        dashboard=_PAGE,
        when="a launched delivery uses an affinity that only hosts declare whose sending module is down, and not all are down",
        wait=settings["for"],
        keep=values.keep_root,
        labels={"cause": "affinity_host_down", **DATABASE},
    )


def _inconsistent(values: Values) -> Alert:
    settings = values.of(_INCONSISTENT)
    found = "campaign_ip_affinity_info{campaign_instance=%q,affinity=%q}"
    declaring = text.each(
        f"group by (host) (last_over_time({found}[10m]))",
        "campaign_instance",
        "affinity",
        line=" {{ .Labels.host }}",
        by="host",
    )
    return Alert(
        _INCONSISTENT,
        "warning",
        "platform",
        settings.fill("max by (campaign_instance, affinity) (min_over_time(campaign_ip_affinity_inconsistent[$window])) == 1"),
        summary="An IP affinity is declared on some MTA servers and not on others",
        description=(
            f"{INSTANCE}: the IP affinity {_AFFINITY} is declared only on{declaring}. Its mails go out through fewer"
            " servers than"
            " they could, and not at all once these are down."
        ),
        next_step="compare IPAffinity in the configuration files of the MTA servers",
        dashboard=_PAGE,
        when="an affinity is declared on some of the hosts that are to run an MTA and not on others, and is not acknowledged",
        wait=settings["for"],
        keep=values.keep,
        confirmed=values.window,
    )


def _latent(values: Values) -> Alert:
    settings = values.of(_LATENT)
    return Alert(
        _LATENT,
        "warning",
        "campaign",
        settings.fill(
            "max by (campaign_instance, affinity) (max_over_time(campaign_ip_affinity_latent_definitions[$window])) >= 1"
        ),
        summary="An IP affinity that no server declares can be chosen",
        description=(
            f"{INSTANCE}: no server declares the IP affinity {_AFFINITY}. Typologies and enumeration values that name it:"
            " {{ $value }}. The first delivery that uses it will not be sent."
        ),
        next_step=values.query("SELECT itypologyid, sname, sipaffinity FROM nmstypology WHERE sipaffinity <> ''"),
        dashboard=_PAGE,
        when="a typology or enumeration value names an affinity that no host declares, while no launched delivery uses it",
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )
