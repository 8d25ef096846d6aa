"""What was seen when a cause was tested, in a sentence: for it, against it, or what was not seen."""

import difflib
import math
from collections.abc import Callable, Mapping

from campaign_exporter.diagnosis.conditions import holder_lives
from campaign_exporter.diagnosis.facts import Delivery, Holder, Platform
from campaign_exporter.domain.deliveries import MID_SOURCING, state_name
from campaign_exporter.domain.workflows import LAUNCHERS, MID_SOURCING_COPY
from campaign_exporter.why.words import coming, counted, duration, gone, listed, moment

Evidence = Callable[[Delivery, Platform], str]


def _scheduled(delivery: Delivery, platform: Platform) -> str:
    if delivery.contact is None:
        return "it has no contact date"
    if delivery.contact > platform.now:
        return f"its contact date is still to come: {coming(delivery.contact, platform.now)}"
    return f"its contact date has passed: {gone(delivery.contact, platform.now)}"


def _next_pass(delivery: Delivery, platform: Platform) -> str:
    parts = delivery.parts
    if parts is None:
        return "its parts (NmsDeliveryPart) cannot be read"
    if not parts.exist:
        return "it has no parts"
    if parts.next_pass is None:
        return "a part is due, without a date"
    if parts.next_pass > platform.now:
        return f"the next pass of its parts is still to come: {coming(parts.next_pass, platform.now)}"
    return f"a part is due since {gone(parts.next_pass, platform.now)}"


def _retry(delivery: Delivery, platform: Platform) -> str:
    if delivery.mode != MID_SOURCING or delivery.parts is None or delivery.parts.exist:
        return _next_pass(delivery, platform)
    return f"it has no parts here, and is in {state_name(delivery.state)}, by the copy of its state; {_renewal(platform)}"


def _validity(delivery: Delivery, platform: Platform) -> str:
    if delivery.validity is None:
        return "no end of its validity is set"
    if math.isinf(delivery.validity):
        return "its validity never ends"
    if delivery.validity <= platform.now:
        return f"its validity ended {gone(delivery.validity, platform.now)}"
    return f"it is valid until {moment(delivery.validity)}"


def _account(delivery: Delivery, _platform: Platform) -> str:
    if delivery.account_active is None:
        return "the accounts (NmsExtAccount) cannot be read"
    return f"its routing account is {'active' if delivery.account_active else 'inactive'}"


def module_on_hosts(module: str, platform: Platform) -> str:
    """Tell where a module runs, where it does not, and where that cannot be told."""
    up = [name for name, host in platform.hosts.items() if host.up.get(module)]
    down = [name for name in platform.hosts_to_run(module) if platform.hosts[name].up.get(module) is False]
    dark = [name for name, host in platform.hosts.items() if host.may_run(module) and module not in host.up]
    told = [
        f"{word} on {listed(names)}" for word, names in (("runs", up), ("is down", down), ("cannot be seen", dark)) if names
    ]
    return f"{module} {', '.join(told)}" if told else f"no host is to run {module}"


def _module(delivery: Delivery, platform: Platform) -> str:
    return module_on_hosts(delivery.module, platform)


def _stat(_delivery: Delivery, platform: Platform) -> str:
    return f"{module_on_hosts('mta', platform)}; {module_on_hosts('stat', platform)}"


def _unconfigured(delivery: Delivery, platform: Platform) -> str:
    name = delivery.affinity
    if name is None:
        return "it uses no IP affinity" if platform.typologies_seen else "the typologies (NmsTypology) cannot be read"
    if declaring := _declaring(name, platform):
        return f"its affinity {name} is declared on {listed(declaring)}"
    dark = [host for host, facts in platform.hosts.items() if facts.may_run(delivery.module) and facts.affinities is None]
    if dark or not platform.hosts:
        return f"its affinity is {name}; what is declared on {listed(dark, 'the hosts')} cannot be seen"
    if name in platform.flowing:
        return f"its affinity {name} is declared on no server that we see, yet messages went out under it within the hour"
    return f"its affinity {name} is declared on no server; {_declared(name, platform)}"


def _host_down(delivery: Delivery, platform: Platform) -> str:
    declaring = _declaring(delivery.affinity, platform) if delivery.affinity else []
    if not declaring:
        return _unconfigured(delivery, platform).partition(";")[0]
    there = {host: platform.hosts[host].up.get(delivery.module) for host in declaring}
    words = {True: "runs", False: "is down", None: "cannot be seen"}
    told = [f"{host}, where {delivery.module} {words[up]}" for host, up in there.items()]
    return f"its affinity {delivery.affinity} is declared on {'; '.join(told[:5])}"


def _declaring(affinity: str, platform: Platform) -> list[str]:
    return [host for host, facts in platform.hosts.items() if facts.affinities and affinity in facts.affinities]


def _declared(wanted: str, platform: Platform) -> str:
    """Tell what the hosts declare instead, and which of it looks like what is wanted."""
    names = {name for host in platform.hosts.values() for name in host.affinities or ()}
    alike = [name for name in names if name.casefold() == wanted.casefold()] or difflib.get_close_matches(wanted, names, n=1)
    hint = f" (is {alike[0]} meant? names compare exactly, with case)" if alike else ""
    return f"declared are: {listed(names)}{hint}"


def _concurrency(delivery: Delivery, platform: Platform) -> str:
    jobs = platform.campaign_jobs
    if jobs is None:
        return "option NmsOperation_LimitConcurrency, or the campaign workflows, cannot be read"
    if not delivery.of_campaign:
        return "no campaign is to launch it"
    others = len(jobs.preparing - {delivery.delivery_id})
    return (
        f"{jobs.besides(delivery.delivery_id)} campaign jobs run ({counted(jobs.workflows, 'workflow')},"
        f" {counted(others, 'delivery', 'deliveries')} in preparation); {jobs.limit} may"
    )


def _engine(delivery: Delivery, platform: Platform) -> str:
    if platform.workflows is None:
        return "the workflows (XtkWorkflow) cannot be read"
    states = [
        f"{name} is {platform.workflows[name].trouble or 'at work'}" if name in platform.workflows else f"{name} is not there"
        for name in LAUNCHERS
    ]
    prefix = "" if delivery.launched_by_engine else "neither a campaign nor a workflow is to launch it; "
    return prefix + "; ".join([module_on_hosts("wfserver", platform), *states])


def _approval(delivery: Delivery, _platform: Platform) -> str:
    if delivery.validations is None:
        return "what approvals it needs cannot be read"
    return f"approval is asked for: {listed(delivery.validations)}" if delivery.validations else "no approval is asked for"


def _preparation(delivery: Delivery, platform: Platform) -> str:
    if delivery.modified is None:
        return "when it was last modified is not known"
    took = duration(platform.now - delivery.modified)
    limit = duration(platform.preparation_seconds)
    return f"it is in {state_name(delivery.state)} for {took}; Campaign allows {limit} (maxPreparationJobsSec)"


def _blocked(_delivery: Delivery, platform: Platform) -> str:
    if platform.waits is None:
        return "waits cannot be seen: the role is not in pg_read_all_stats"
    waits = {table: seconds for table, seconds in platform.waits.items() if seconds > 0}
    if not waits:
        return "no session waits for a sending table"
    told = [f"{table} for {duration(seconds)}" for table, seconds in waits.items()]
    return f"sessions wait for {listed(told)}"


def _parts(delivery: Delivery, platform: Platform) -> str:
    if delivery.parts is not None and not delivery.parts.exist:
        return "NmsDeliveryPart has no part of it: there is nothing to send"
    return _next_pass(delivery, platform)


def _orphans(delivery: Delivery, platform: Platform) -> str:
    parts = delivery.parts
    if parts is None or parts.holders is None:
        return "who holds its parts (NmsDeliveryPart.iProcessId) cannot be read"
    if not parts.holders:
        return "not all of its due parts are held by a process"
    told = [
        f"{each.process_id} on {each.hostname or 'an unnamed host'}, which {_standing(each, delivery.module, platform)}"
        for each in parts.holders
    ]
    return f"its due parts are held by process {'; '.join(sorted(told)[:5])}"


def _standing(holder: Holder, module: str, platform: Platform) -> str:
    """Tell whether a holder lives, or why that cannot be told."""
    lives, host = holder_lives(holder, module, platform), platform.host_called(holder.hostname)
    if lives is None and host is not None and host.pids is not None:
        return "is not listed there, nor is any mtachild: it may be one that lives"
    return {True: "runs", False: "is dead", None: "cannot be seen"}[lives]


def _copy(_delivery: Delivery, platform: Platform) -> str:
    if platform.role != "marketing":
        return "this is no marketing instance"
    return _renewal(platform)


def _renewal(platform: Platform) -> str:
    """Tell how the workflow stands that copies what a mid-sourcing server does."""
    if platform.workflows is None or MID_SOURCING_COPY not in platform.workflows:
        return f"workflow {MID_SOURCING_COPY} cannot be seen"
    workflow = platform.workflows[MID_SOURCING_COPY]
    overdue = workflow.overdue(platform.now)
    late = f"{duration(overdue)} overdue" if overdue else "on time"
    told = f"{MID_SOURCING_COPY} is {workflow.trouble or late}; {module_on_hosts('wfserver', platform)}"
    return told if platform.last_copy is None else f"{told}; copied up to {gone(platform.last_copy, platform.now)}"


EVIDENCE: Mapping[str, Evidence] = {
    "scheduled": _scheduled,
    "waiting_wave": _next_pass,
    "waiting_retry": _retry,
    "validity_expired": _validity,
    "account_inactive": _account,
    "mta_down": _module,
    "stat_server_down": _stat,
    "affinity_unconfigured": _unconfigured,
    "affinity_host_down": _host_down,
    "concurrency_limit": _concurrency,
    "workflow_engine_down": _engine,
    "awaiting_approval": _approval,
    "preparation_stuck": _preparation,
    "database_blocked": _blocked,
    "parts_missing": _parts,
    "parts_orphaned": _orphans,
    "mid_sourcing_lag": _copy,
}
