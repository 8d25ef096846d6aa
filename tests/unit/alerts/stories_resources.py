"""Public resources, servers behind an endpoint, certificates."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy
from unit.alerts.texts import DOCTOR, told
from unit.alerts.timeline import Line, Target, World, always, during, hours, minutes, scrapes_fail, steps, twice

_IMAGE, _ENDPOINT, _CERTIFICATE = "CampaignImageUnavailable", "CampaignEndpointDown", "CampaignCertificateExpiring"
_BEGINS, _ENDS, _KEEP = minutes(20), minutes(50), minutes(5)
_PAGE = "campaign-deliverability?var-instance=prod"
_SERVERS = ("10.0.0.1", "10.0.0.2")
_DOWN = during(_BEGINS, _ENDS, 0, 1)


def _labels(endpoint: str, kind: str, address: str = "") -> Mapping[str, str]:
    labels = {"severity": "warning", "team": "platform", "campaign_instance": "prod", "endpoint": endpoint, "kind": kind}
    return {**labels, **({"address": address} if address else {})}


def _answers(endpoint: str, kind: str, line: Line, address: str = "", target: Target = A) -> World:
    given = {"endpoint": endpoint, "kind": kind, **({"address": address} if address else {})}
    return {target("campaign_endpoint_up", **given): line}


# --- images -----------------------------------------------------------------------------------------------------------------

_FIRES, _RESOLVED = _BEGINS + minutes(7), _ENDS + _KEEP


def _missing(address: str = "", start: float = _FIRES, end: float | None = _RESOLVED) -> Firing:
    return Firing(_IMAGE, _labels("images", "resource", address), start, end)


_GONE = {**healthy(), **_answers("images", "resource", _DOWN)}
_BOTH = {**_answers("cdn", "resource", _DOWN, _SERVERS[0]), **_answers("cdn", "resource", always(1), _SERVERS[1])}
_SUMMARY = "Images of mails are not there"
_IMAGE_STORIES = (
    Case(
        None,
        "a resource is gone: told once, and not that the collector fails",
        {**_GONE, A("campaign_exporter_collector_success", collector="endpoints"): _DOWN},
        hours(1.2),
        (_missing(),),
        (
            Told(
                _FIRES,
                _IMAGE,
                [
                    (
                        _labels("images", "resource"),
                        told(
                            _IMAGE,
                            _SUMMARY,
                            "prod: images is not given out as it should be. Who opens a mail, also one that was sent weeks"
                            " ago, does not see its images.",
                            DOCTOR,
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case(
        None,
        "one of two servers gives it out: told of the other",
        {**healthy(), **_BOTH, A("campaign_exporter_collector_success", collector="endpoints"): _DOWN},
        hours(1.2),
        (Firing(_IMAGE, _labels("cdn", "resource", _SERVERS[0]), _FIRES, _RESOLVED),),
        (
            Told(
                _FIRES,
                _IMAGE,
                [
                    (
                        _labels("cdn", "resource", _SERVERS[0]),
                        told(
                            _IMAGE,
                            _SUMMARY,
                            "prod: cdn is not given out as it should be by 10.0.0.1, other servers do: some of those who open"
                            " a mail do not see its images.",
                            DOCTOR,
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case(
        (_IMAGE,),
        "no server gives it out: told once",
        {**healthy(), **_BOTH, **_answers("cdn", "resource", _DOWN, _SERVERS[1])},
        hours(1.5),
        (Firing(_IMAGE, _labels("cdn", "resource"), _FIRES, _RESOLVED),),
    ),
    Case(
        (_IMAGE, _ENDPOINT),
        "less than seven minutes are nothing",
        {**healthy(), **_answers("images", "resource", during(_BEGINS, _FIRES, 0, 1))},
        hours(1.5),
    ),
    Case(
        (_IMAGE,),
        "less than seven minutes of one server are nothing",
        {**healthy(), **_BOTH, **_answers("cdn", "resource", during(_BEGINS, _FIRES, 0, 1), _SERVERS[0])},
        hours(1.5),
    ),
    Case(
        (_IMAGE,),
        "one exporter does not get it by its name, and another one gets it of each server",
        {
            **healthy(),
            **_answers("cdn", "resource", _DOWN),
            **_answers("cdn", "resource", always(1), _SERVERS[0], B),
            **_answers("cdn", "resource", always(1), _SERVERS[1], B),
        },
        hours(1.5),
    ),
    Case((_IMAGE,), "of two exporters one gets it", {**_GONE, **_answers("images", "resource", always(1), "", B)}, hours(1.5)),
    Case(
        (_IMAGE,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(scrapes_fail(_GONE, A, _BEGINS + 60, _BEGINS + 120), A, minutes(35), minutes(38)),
        hours(1.5),
        (_missing(),),
    ),
    Case(
        (_IMAGE,),
        "of two exporters one fails",
        scrapes_fail(twice(_GONE, A, B), A, minutes(10), hours(2)),
        hours(1.5),
        (_missing(),),
    ),
)

# --- one of several servers of another endpoint -----------------------------------------------------------------------------

_KINDS = {"links": "redirection", "pages": "ping"}
_ONE_OF_TWO = {
    name: line
    for endpoint, kind in _KINDS.items()
    for server, line_ in zip(_SERVERS, (_DOWN, always(1)), strict=True)
    for name, line in _answers(endpoint, kind, line_, server).items()
}


def _server_told(endpoint: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    kind = _KINDS[endpoint]
    text = f"prod: {endpoint} ({kind}) does not answer as it should at 10.0.0.1; other servers do."
    summary = "An HTTP endpoint does not answer as it should"
    return _labels(endpoint, kind, _SERVERS[0]), told(_ENDPOINT, summary, text, DOCTOR, _PAGE, anchor="one-of-several")


_SERVER_STORIES = (
    Case(
        None,
        "one of two servers of each endpoint does not answer: a ticket each",
        {**healthy(), **_ONE_OF_TWO, A("campaign_exporter_collector_success", collector="endpoints"): _DOWN},
        hours(1.2),
        tuple(Firing(_ENDPOINT, _labels(name, kind, _SERVERS[0]), _FIRES, _RESOLVED) for name, kind in _KINDS.items()),
        (Told(_FIRES, _ENDPOINT, [_server_told(endpoint) for endpoint in _KINDS]),),
    ),
    Case(
        (_ENDPOINT,),
        "no server of a redirection answers: the page alone",
        {
            **healthy(),
            **_answers("links", "redirection", _DOWN, _SERVERS[0]),
            **_answers("links", "redirection", _DOWN, _SERVERS[1]),
        },
        hours(1.5),
        (Firing(_ENDPOINT, {**_labels("links", "redirection"), "severity": "critical"}, _BEGINS + minutes(3), _ENDS + _KEEP),),
    ),
)

# --- certificates -----------------------------------------------------------------------------------------------------------

_FORTNIGHT = 14 * 86400.0
#: A second is under the limit only from the next evaluation on.
_SOON = _BEGINS + 30 + minutes(10)
_NAMES = {"endpoint": "images", "kind": "resource"}


def _ends(line: Line, target: Target = A, **more: str) -> World:
    return {target("campaign_endpoint_certificate_end_timestamp_seconds", **_NAMES, **more): line}


def _renewed(at: float = _ENDS) -> Line:
    return steps(_BEGINS + _FORTNIGHT, (at, 10 * _FORTNIGHT))


def _expiring(address: str = "", end: float | None = _RESOLVED) -> Firing:
    return Firing(_CERTIFICATE, _labels("images", "resource", address), _SOON, end)


_EXPIRING = {**healthy(), **_ends(_renewed())}
_CERTIFICATE_STORIES = (
    Case(
        None,
        "a certificate ends in less than a fortnight, until it is renewed",
        {**_EXPIRING, **_ends(_renewed(), address=_SERVERS[0])},
        hours(1.2),
        (_expiring(), _expiring(_SERVERS[0])),
        (
            Told(
                minutes(40),
                _CERTIFICATE,
                [
                    (
                        _labels("images", "resource", address),
                        told(
                            _CERTIFICATE,
                            "A certificate ends soon",
                            f"prod: the certificate of images{words} ends in 13d 23h 40m 0s. Then browsers and mail clients"
                            " refuse it, and it is down for everybody.",
                            DOCTOR,
                            _PAGE,
                        ),
                    )
                    for address, words in (("", ""), (_SERVERS[0], f" at {_SERVERS[0]}"))
                ],
            ),
        ),
    ),
    Case((_CERTIFICATE,), "a fortnight is enough", {**healthy(), **_ends(always(hours(1.5) + _FORTNIGHT))}, hours(1.5)),
    Case((_CERTIFICATE,), "it is renewed before ten minutes are over", {**healthy(), **_ends(_renewed(_SOON))}, hours(1.5)),
    Case(
        (_CERTIFICATE,),
        "of two exporters one sees an older certificate",
        {**healthy(), **_ends(_renewed()), **_ends(always(10 * _FORTNIGHT), B)},
        hours(1.5),
        (_expiring(),),
    ),
    Case(
        (_CERTIFICATE,),
        "failed scrapes do not resolve it, and two exporters tell it once",
        scrapes_fail(twice(_EXPIRING, A, B), A, minutes(35), minutes(40)),
        hours(1.5),
        (_expiring(),),
    ),
)

STORIES = (*_IMAGE_STORIES, *_SERVER_STORIES, *_CERTIFICATE_STORIES)
