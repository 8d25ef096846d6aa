"""Processes of the servers that run Campaign."""

from collections.abc import Iterable

from campaign_alerts import text
from campaign_alerts.parts import ALL_DOWN, INSTANCE_HOST_PROCESS_UP, nowhere
from campaign_alerts.rule import Alert, Group, Recording, Rule
from campaign_alerts.text import HOST, INSTANCE
from campaign_alerts.values import Values

_ALL_DOWN = "CampaignAllMtasDown"
_MTA_DOWN = "CampaignMtaDown"
_MISSING = "CampaignProcessMissing"
_UNOBSERVED = "CampaignHostUnobserved"
_MEMORY = "CampaignProcessMemoryHigh"
_RESTARTING = "CampaignProcessRestarting"
_CONFIGURATION = "CampaignServerConfigurationFault"
_INSTANCE_PAGE = "hosts?var-instance={{ $labels.campaign_instance | urlquery }}"
_PAGE = f"{_INSTANCE_PAGE}&var-host={{{{ $labels.host | urlquery }}}}"
_PROCESS = "{{ $labels.process }}"
_LOOK = f"on {HOST}: nlserver pdump"
_RESTART = "The daily restart is over sooner."
#: Processes for which deliveries wait, with the cause that these are given then, and what it means.
_ROOTS = {
    "stat": ("stat_server_down", "without it the MTA sends no mail"),
    "wfserver": ("workflow_engine_down", "no workflow runs, and deliveries of campaigns are not launched"),
}


def hosts(values: Values) -> Group:
    """Make the group."""
    rules: list[Rule] = [*_recordings(values), _all_mtas_down(values), _mta_down(values)]
    rules += [*_root_missing(values), _other_missing(values), _unobserved(values), _memory_high(values)]
    rules += [_restarting(values), _configuration_fault(values)]
    return Group("campaign-hosts", values.interval, tuple(rules))


def _recordings(values: Values) -> Iterable[Recording]:
    up = f"max by (campaign_instance, host, process) (max_over_time(campaign_process_up[{values.window}]))"
    yield Recording(
        INSTANCE_HOST_PROCESS_UP,
        up,
        f"0 where a process was seen to be down all through the last {values.window}, by any exporter: what is told of"
        " processes depends on it",
    )
    yield Recording(
        ALL_DOWN,
        values.of(_ALL_DOWN).fill(f"""
            count by (campaign_instance, process) ({INSTANCE_HOST_PROCESS_UP}{{process=~"mta|sms"}} == 0)
            unless on (campaign_instance, process) (
              {INSTANCE_HOST_PROCESS_UP} == 1
              or
              max by (campaign_instance, host, process) (last_over_time(campaign_process_up[$last_seen_up])) == 1
              unless on (campaign_instance, host, process) {INSTANCE_HOST_PROCESS_UP}
            )
        """),
        "hosts on which a sending process is down, where it runs on none: also not on one that cannot be seen, as far as it was"
        " seen last; what must not tell the same again depends on it",
    )


def _all_mtas_down(values: Values) -> Alert:
    settings = values.of(_ALL_DOWN)
    due = text.number(
        "sum(max by (channel) (max_over_time(campaign_messages_due{campaign_instance=%q}[2m])))", "campaign_instance"
    )
    return Alert(
        _ALL_DOWN,
        "critical",
        "platform",
        ALL_DOWN,
        summary="No server runs the process that sends: nothing goes out",
        description=(
            f"{INSTANCE}: {_PROCESS} runs on no server. Servers that are to run it: {{{{ $value }}}}."
            f"{text.at_stake('mta_down')}\nMessages that are left in deliveries in progress: {due}."
        ),
        next_step="on each of these servers: nlserver pdump",
        dashboard=_INSTANCE_PAGE,
        when="mta, or sms, runs on none of the hosts that are to run it (sms counts as the MTA of the SMS channel)",
        wait=settings["for"],
        keep=values.keep_root,
        confirmed=values.window,
        labels={"cause": "mta_down"},
    )


def _mta_down(values: Values) -> Alert:
    settings = values.of(_MTA_DOWN)
    others = text.number(
        f'count({INSTANCE_HOST_PROCESS_UP}{{campaign_instance=%q,process="mta"}} == 1) or vector(0)', "campaign_instance"
    )
    return Alert(
        _MTA_DOWN,
        "warning",
        "platform",
        f'{INSTANCE_HOST_PROCESS_UP}{{process="mta"}} == 0\nunless on (campaign_instance, process) {ALL_DOWN}',
        summary="The MTA is down on one server",
        description=(
            f"{INSTANCE}: mta does not run on {HOST}. Servers on which it is seen to run, and which send on: {others}."
            " IP affinities that only this one declares stand still."
        ),
        next_step=_LOOK,
        dashboard=_PAGE,
        when="mta is down on a host, and not known to be down on all",
        wait=settings["for"],
        keep=values.keep,
        confirmed=values.window,
    )


def _root_missing(values: Values) -> Iterable[Alert]:
    settings = values.of(_MISSING)
    for process, (cause, meaning) in _ROOTS.items():
        expr = nowhere(process)
        if process == "stat":
            expr += f'\nunless on (campaign_instance) {ALL_DOWN}{{process="mta"}}'
        yield Alert(
            _MISSING,
            "critical",
            "platform",
            expr,
            summary="A process that the sending depends on does not run",
            description=f"{INSTANCE}: {process} does not run on {HOST}: {meaning}.{text.at_stake(cause)}",
            next_step=_LOOK,
            dashboard=_PAGE,
            when=f"{process} runs nowhere" + (", while an MTA does" if process == "stat" else ""),
            wait=settings["for"],
            keep=values.keep_root,
            confirmed=values.window,
            anchor=process,
            labels={"cause": cause},
        )


def _other_missing(values: Values) -> Alert:
    settings = values.of(_MISSING)
    roots = f'{INSTANCE_HOST_PROCESS_UP}{{process=~"{"|".join(_ROOTS)}"}}'
    return Alert(
        _MISSING,
        "warning",
        "platform",
        f'{INSTANCE_HOST_PROCESS_UP}{{process!~"mta|{"|".join(_ROOTS)}"}} == 0\n'
        f"unless on (campaign_instance, process) {ALL_DOWN}\n"
        f"or\n{roots} == 0\nand on (campaign_instance, process) {INSTANCE_HOST_PROCESS_UP} == 1",
        summary="A process that is to run does not run",
        description=f"{INSTANCE}: {_PROCESS} does not run on {HOST}, where it is to start by itself. {_RESTART}",
        next_step=_LOOK,
        dashboard=_PAGE,
        when="another process that is to run on a host does not; or stat or wfserver, while it runs on another host",
        wait=settings["for_others"],
        keep=values.keep,
        confirmed=values.window,
        anchor="others",
    )


def _unobserved(values: Values) -> Alert:
    settings = values.of(_UNOBSERVED)
    return Alert(
        _UNOBSERVED,
        "warning",
        "platform",
        settings.fill("max by (campaign_instance, host, source) (max_over_time(campaign_host_up[$range])) == 0"),
        summary="A server cannot be observed",
        description=(
            f"{INSTANCE}: the {{{{ $labels.source }}}} of {HOST} cannot be read. Whether its processes run, or which IP"
            " affinities it has, is not known meanwhile, and causes that depend on it are not told."
        ),
        next_step=f"campaign-exporter doctor --config.file {values.configuration_file}",
        dashboard=_PAGE,
        when="no exporter can read that source of a host",
        wait=settings["for"],
        keep=values.keep,
        confirmed=settings["range"],
    )


def _memory_high(values: Values) -> Alert:
    settings = values.of(_MEMORY)
    limit = text.number(
        "min(last_over_time(campaign_process_memory_limit_bytes"
        '{campaign_instance=%q,host=%q,process=%q,level=~"warning|restart"}[5m]))',
        "campaign_instance",
        "host",
        "process",
        form="humanize1024",
    )
    return Alert(
        _MEMORY,
        "warning",
        "platform",
        settings.fill("""
            max by (campaign_instance, host, process) (min_over_time(campaign_process_memory_bytes[$range]))
            > on (campaign_instance, host, process)
            min by (campaign_instance, host, process) (
              last_over_time(campaign_process_memory_limit_bytes{level=~"warning|restart"}[$range])
            )
        """),
        summary="A process takes more memory than Campaign allows",
        description=(
            f"{INSTANCE}: {_PROCESS} on {HOST} takes {{{{ $value | humanize1024 }}}}B, above the limit of {limit}B that its"
            " configuration or Adobe's default sets."
        ),
        next_step=_LOOK,
        dashboard=_PAGE,
        when="the largest process of a module is above the lowest limit from which Campaign warns of it or restarts it",
        wait=settings["for"],
        keep=values.keep,
        confirmed=settings["range"],
    )


def _restarting(values: Values) -> Alert:
    settings = values.of(_RESTARTING)
    return Alert(
        _RESTARTING,
        "warning",
        "platform",
        settings.fill("""
            max by (campaign_instance, host, process) (increase(campaign_process_restarts_total[$range])) >= $restarts
        """),
        summary="A process dies and is started again",
        description=(
            f'{INSTANCE}: {_PROCESS} on {HOST} was restarted {{{{ $value | printf "%.0f" }}}} times within {settings["range"]}.'
            " Once a day is normal."
        ),
        next_step=_LOOK,
        dashboard=_PAGE,
        when=f"a process was started anew {settings['restarts']} times within {settings['range']}",
    )


def _configuration_fault(values: Values) -> Alert:
    settings = values.of(_CONFIGURATION)
    return Alert(
        _CONFIGURATION,
        "warning",
        "platform",
        settings.fill(
            "max by (campaign_instance, host, kind) (min_over_time(campaign_server_configuration_fault[$window])) == 1"
        ),
        summary="A server's configuration is faulty",
        description=f"{INSTANCE}: the configuration files of {HOST} have the fault {{{{ $labels.kind }}}}.",
        next_step=f"on {HOST}: read serverConf.xml and the instance's config file; the runbook says what to look for",
        dashboard=_PAGE,
        when="a configuration file says what Adobe forbids",
        wait=settings["for"],
        keep=values.keep,
        confirmed=values.window,
        anchor="{{ $labels.kind }}",
    )
