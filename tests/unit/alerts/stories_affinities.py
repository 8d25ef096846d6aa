"""IP affinities that do not fit."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy, listed, pending
from unit.alerts.texts import WHY_ALL, told
from unit.alerts.timeline import Line, Target, World, always, during, hours, minutes, only, scrapes_fail, twice, withdrawn

_UNCONFIGURED, _HOST_DOWN = "CampaignIpAffinityUnconfigured", "CampaignIpAffinityHostDown"
_INCONSISTENT, _LATENT = "CampaignIpAffinityInconsistent", "CampaignIpAffinityLatent"
_BEGINS, _ENDS = minutes(20), minutes(50)
_KEEP, _KEEP_ROOT = minutes(5), minutes(10)
_PAGE = "campaign-mta?var-instance=prod"
_MISMATCH = "campaign_ip_affinity_mismatch"


def _labels(severity: str, team: str = "platform", **labels: str) -> Mapping[str, str]:
    return {"severity": severity, "team": team, "campaign_instance": "prod", "affinity": "retail.fr", **labels}


def _mismatch(kind: str, start: float = _BEGINS, end: float = _ENDS, count: float = 2, target: Target = A) -> World:
    """Let deliveries use an affinity that does not fit; where none does, there is no series."""
    return {target(_MISMATCH, affinity="retail.fr", kind=kind): only(start, end, always(count))}


# --- declared on no server --------------------------------------------------------------------------------------------------

_UNCONFIGURED_LABELS = _labels("critical", cause="affinity_unconfigured", needs="database")
#: What was seen last is seen for two minutes.
_UNCONFIGURED_FIRES, _UNCONFIGURED_RESOLVED = _BEGINS + minutes(3), _ENDS + minutes(2) + _KEEP_ROOT


def _unconfigured(start: float = _UNCONFIGURED_FIRES, end: float | None = _UNCONFIGURED_RESOLVED) -> Firing:
    return Firing(_UNCONFIGURED, _UNCONFIGURED_LABELS, start, end)


_UNCONFIGURED_STORIES = (
    Case(
        None,
        "deliveries use an affinity that no server declares",
        {
            **healthy(),
            **_mismatch("unconfigured"),
            **pending(
                A,
                "affinity_unconfigured",
                only(_BEGINS, _ENDS, always(_BEGINS)),
                during(_BEGINS, _ENDS, 2, 0),
                during(_BEGINS, _ENDS, 5050, 0),
            ),
            **listed(
                A,
                "affinity_unconfigured",
                ("5", "Soldes", only(_BEGINS, _ENDS, always(_BEGINS))),
                ("6", "Spring sale", only(_BEGINS, _ENDS, always(_BEGINS + 60))),
            ),
        },
        hours(1.2),
        (_unconfigured(),),
        (
            Told(
                _UNCONFIGURED_FIRES,
                _UNCONFIGURED,
                [
                    (
                        _UNCONFIGURED_LABELS,
                        told(
                            _UNCONFIGURED,
                            "Launched deliveries use an IP affinity that no server declares",
                            "prod: no server declares the IP affinity retail.fr. Launched deliveries that use it and"
                            " cannot send: 2."
                            "\nAt stake: 2 deliveries wait with 5.05k messages."
                            "\n- 3m 0s: Soldes (5)\n- 2m 0s: Spring sale (6)",
                            WHY_ALL,
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case(
        (_UNCONFIGURED,),
        "one delivery is enough",
        {**healthy(), **_mismatch("unconfigured", count=1)},
        hours(1.5),
        (_unconfigured(),),
    ),
    Case((_UNCONFIGURED,), "none is none", {**healthy(), **_mismatch("unconfigured", count=0)}, hours(1.5)),
    Case(
        (_UNCONFIGURED,),
        "less than a minute is nothing",
        {**healthy(), **_mismatch("unconfigured", _BEGINS, _BEGINS + 60)},
        hours(1.5),
    ),
    Case((_UNCONFIGURED,), "a server that is down is another matter", {**healthy(), **_mismatch("host_down")}, hours(1.5)),
    Case(
        (_UNCONFIGURED,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(
            scrapes_fail({**healthy(), **_mismatch("unconfigured")}, A, _BEGINS + 60, _BEGINS + 120),
            A,
            minutes(35),
            minutes(38),
        ),
        hours(1.5),
        (_unconfigured(),),
    ),
    Case(
        (_UNCONFIGURED,),
        "withdrawn values resolve nothing for eleven minutes",
        withdrawn({**healthy(), **_mismatch("unconfigured")}, minutes(30), minutes(41), _MISMATCH),
        hours(1.5),
        (_unconfigured(),),
    ),
    Case(
        (_UNCONFIGURED,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_mismatch("unconfigured")}, A, B), A, minutes(10), hours(2)),
        hours(1.5),
        (_unconfigured(),),
    ),
)

# --- declared on servers that are down --------------------------------------------------------------------------------------

_HOST_DOWN_LABELS = _labels("critical", cause="affinity_host_down", needs="database")
_HOST_DOWN_FIRES, _HOST_DOWN_RESOLVED = _BEGINS + minutes(4), _ENDS + minutes(1) + _KEEP_ROOT


def _host_down(start: float = _HOST_DOWN_FIRES, end: float | None = _HOST_DOWN_RESOLVED) -> Firing:
    return Firing(_HOST_DOWN, _HOST_DOWN_LABELS, start, end)


def _process_down(host: str, start: float = _BEGINS, end: float = _ENDS) -> World:
    return {A("campaign_process_up", host=host, process="mta"): during(start, end, 0, 1)}


_ONLY_MTA1: World = {
    **_mismatch("host_down"),
    **_process_down("mta1"),
    A("campaign_ip_affinity_info", host="mta2", affinity="retail.fr"): always(None),
    A("campaign_ip_affinity_info", host="mta3", affinity="retail.fr"): always(1),
}
_HOST_DOWN_STORIES = (
    Case(
        None,
        "deliveries use an affinity whose servers are down; that one MTA is down is a ticket besides",
        {**healthy(), **_ONLY_MTA1},
        hours(1.2),
        (
            _host_down(),
            Firing(
                "CampaignMtaDown",
                {"severity": "warning", "team": "platform", "campaign_instance": "prod", "host": "mta1", "process": "mta"},
                _BEGINS + minutes(5),
                _ENDS + _KEEP,
            ),
        ),
        (
            Told(
                _HOST_DOWN_FIRES,
                _HOST_DOWN,
                [
                    (
                        _HOST_DOWN_LABELS,
                        told(
                            _HOST_DOWN,
                            "Launched deliveries use an IP affinity whose servers are all down",
                            "prod: only servers whose MTA is down declare the IP affinity retail.fr: mta1 mta3. Launched"
                            " deliveries"
                            " that use it, and wait while others send: 2.",
                            "on the servers named above: nlserver pdump",
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case(
        (_HOST_DOWN,),
        "where all MTAs are down that is told instead",
        {**healthy(), **_ONLY_MTA1, **_process_down("mta2")},
        hours(1.5),
    ),
    Case((_HOST_DOWN,), "none is none", {**healthy(), **_mismatch("host_down", count=0)}, hours(1.5)),
    Case(
        (_HOST_DOWN,), "one delivery is enough", {**healthy(), **_mismatch("host_down", count=1)}, hours(1.5), (_host_down(),)
    ),
    Case(
        (_HOST_DOWN,),
        "the daily restart takes less than three minutes",
        {**healthy(), **_mismatch("host_down", _BEGINS, _BEGINS + minutes(3))},
        hours(1.5),
    ),
    Case((_HOST_DOWN,), "declared on no server is another matter", {**healthy(), **_mismatch("unconfigured")}, hours(1.5)),
    Case(
        (_HOST_DOWN,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(
            scrapes_fail({**healthy(), **_mismatch("host_down")}, A, _BEGINS + 60, _BEGINS + 120), A, minutes(35), minutes(38)
        ),
        hours(1.5),
        (_host_down(),),
    ),
    Case(
        (_HOST_DOWN,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_mismatch("host_down")}, A, B), B, minutes(10), hours(2)),
        hours(1.5),
        (_host_down(),),
    ),
)

# --- declared on some servers -----------------------------------------------------------------------------------------------

_INCONSISTENT_LABELS = _labels("warning")
_INCONSISTENT_FIRES, _INCONSISTENT_RESOLVED = _BEGINS + minutes(2) + minutes(15), _ENDS + _KEEP


def _differs(line: Line, target: Target = A) -> World:
    return {target("campaign_ip_affinity_inconsistent", affinity="retail.fr"): line}


def _inconsistent(start: float = _INCONSISTENT_FIRES, end: float | None = _INCONSISTENT_RESOLVED) -> Firing:
    return Firing(_INCONSISTENT, _INCONSISTENT_LABELS, start, end)


_SOMEWHERE = _differs(during(_BEGINS, _ENDS, 1, 0))
_INCONSISTENT_STORIES = (
    Case(
        None,
        "an affinity is declared on one of two servers",
        {
            **healthy(),
            **_SOMEWHERE,
            A("campaign_ip_affinity_info", host="mta2", affinity="retail.fr"): only(0, _BEGINS, always(1)),
        },
        hours(1.2),
        (_inconsistent(),),
        (
            Told(
                _INCONSISTENT_FIRES,
                _INCONSISTENT,
                [
                    (
                        _INCONSISTENT_LABELS,
                        told(
                            _INCONSISTENT,
                            "An IP affinity is declared on some MTA servers and not on others",
                            "prod: the IP affinity retail.fr is declared only on mta1. Its mails go out through fewer"
                            " servers than they"
                            " could, and not at all once these are down.",
                            "compare IPAffinity in the configuration files of the MTA servers",
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case(
        (_INCONSISTENT,),
        "a roll-out of seventeen minutes is none",
        {**healthy(), **_differs(during(_BEGINS, _BEGINS + minutes(17), 1, 0))},
        hours(1.5),
    ),
    Case(
        (_INCONSISTENT,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(scrapes_fail({**healthy(), **_SOMEWHERE}, A, _BEGINS + 60, _BEGINS + 120), A, minutes(42), minutes(45)),
        hours(1.5),
        (_inconsistent(),),
    ),
    Case(
        (_INCONSISTENT,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_SOMEWHERE}, A, B), B, minutes(10), hours(2)),
        hours(1.5),
        (_inconsistent(),),
    ),
)

# --- named, and not used yet ------------------------------------------------------------------------------------------------

_LATENT_LABELS = _labels("warning", "campaign", needs="database")
_LATENT_FIRES, _LATENT_RESOLVED = _BEGINS + minutes(30), minutes(70) + minutes(2) + _KEEP


def _named(end: float = minutes(70), count: float = 3) -> World:
    return {A("campaign_ip_affinity_latent_definitions", affinity="retail.fr"): only(_BEGINS, end, always(count))}


def _latent(start: float = _LATENT_FIRES, end: float | None = _LATENT_RESOLVED) -> Firing:
    return Firing(_LATENT, _LATENT_LABELS, start, end)


_LATENT_STORIES = (
    Case(
        None,
        "typologies name an affinity that no server declares",
        {**healthy(), **_named()},
        hours(1.5),
        (_latent(),),
        (
            Told(
                _LATENT_FIRES,
                _LATENT,
                [
                    (
                        _LATENT_LABELS,
                        told(
                            _LATENT,
                            "An IP affinity that no server declares can be chosen",
                            "prod: no server declares the IP affinity retail.fr. Typologies and enumeration values that"
                            " name it: 3."
                            " The first delivery that uses it will not be sent.",
                            "psql -c \"SELECT itypologyid, sname, sipaffinity FROM nmstypology WHERE sipaffinity <> ''\"",
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case((_LATENT,), "half an hour is nothing", {**healthy(), **_named(end=_BEGINS + minutes(28))}, hours(1.5)),
    Case((_LATENT,), "one definition is enough", {**healthy(), **_named(count=1)}, hours(1.5), (_latent(),)),
    Case((_LATENT,), "none is none", {**healthy(), **_named(count=0)}, hours(1.5)),
    Case(
        (_LATENT,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(scrapes_fail({**healthy(), **_named()}, A, minutes(30), minutes(31.5)), A, minutes(60), minutes(63)),
        hours(1.5),
        (_latent(),),
    ),
    Case(
        (_LATENT,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_named()}, A, B), B, minutes(10), hours(2)),
        hours(1.5),
        (_latent(),),
    ),
)

STORIES = (*_UNCONFIGURED_STORIES, *_HOST_DOWN_STORIES, *_INCONSISTENT_STORIES, *_LATENT_STORIES)
