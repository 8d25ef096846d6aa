"""Public resources, such as the images of mails, and the certificates that endpoints show."""

from campaign_alerts.rule import Alert, Group
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Values

_IMAGE = "CampaignImageUnavailable"
_CERTIFICATE = "CampaignCertificateExpiring"
_PAGE = "deliverability?var-instance={{ $labels.campaign_instance | urlquery }}"


def resources(values: Values) -> Group:
    """Make the group."""
    return Group("campaign-resources", values.interval, (_unavailable(values), _expiring(values)))


def no_answer(kind: str) -> str:
    """Hold where an endpoint of a kind does not answer as it should, by none of its servers."""
    answers = f'max_over_time(campaign_endpoint_up{{kind="{kind}"}}[$window])'
    return f"max by (campaign_instance, endpoint, kind) ({answers}) == 0"


def one_of_several(matcher: str) -> str:
    """Hold where one of the servers behind an address does not answer as it should, and another one does."""
    return (
        "max by (campaign_instance, endpoint, kind, address) ("
        f'max_over_time(campaign_endpoint_up{{address!="",{matcher}}}[$window])) == 0\n'
        "and on (campaign_instance, endpoint)\n"
        "max by (campaign_instance, endpoint) (max_over_time(campaign_endpoint_up[$window])) == 1"
    )


def _unavailable(values: Values) -> Alert:
    settings = values.of(_IMAGE)
    return Alert(
        _IMAGE,
        "warning",
        "platform",
        settings.fill(no_answer("resource") + "\nor\n" + one_of_several('kind="resource"')),
        summary="Images of mails are not there",
        description=(
            f"{INSTANCE}: {{{{ $labels.endpoint }}}} is not given out as it should be"
            "{{ with $labels.address }} by {{ . }}, other servers do: some of those who open a mail do{{ else }}. Who opens a"
            " mail, also one that was sent weeks ago, does{{ end }} not see its images."
        ),
        next_step=f"campaign-exporter doctor --config.file {values.configuration_file}",
        dashboard=_PAGE,
        when="a public resource is not given out, or with another type, by any of its servers or by one of several",
        wait=settings["for"],
        keep=values.keep,
        confirmed=values.window,
    )


def _expiring(values: Values) -> Alert:
    settings = values.of(_CERTIFICATE)
    return Alert(
        _CERTIFICATE,
        "warning",
        "platform",
        settings.fill("""
            min by (campaign_instance, endpoint, kind, address) (
              last_over_time(campaign_endpoint_certificate_end_timestamp_seconds[$window])
            ) - time() < $before_seconds
        """),
        summary="A certificate ends soon",
        description=(
            f"{INSTANCE}: the certificate of {{{{ $labels.endpoint }}}}"
            "{{ with $labels.address }} at {{ . }}{{ end }} ends in {{ $value | humanizeDuration }}. Then browsers and mail"
            " clients refuse it, and it is down for everybody."
        ),
        next_step=f"campaign-exporter doctor --config.file {values.configuration_file}",
        dashboard=_PAGE,
        when=f"a certificate on the way to an endpoint ends within {settings['before']}",
        wait=settings["for"],
        keep=values.keep,
    )
