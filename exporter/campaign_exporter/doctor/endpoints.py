"""The endpoints: do they answer, how fast, with which build, and for how long their certificates last."""

from collections.abc import Iterator, Mapping
from functools import partial

from campaign_exporter.catalogue import ENDPOINT_UP
from campaign_exporter.collectors.endpoints import Probe, probes_of
from campaign_exporter.config import Endpoint
from campaign_exporter.doctor.check import Check, finding, ok
from campaign_exporter.doctor.patient import Patient
from campaign_exporter.errors import (
    AuthenticationFailed,
    BadAnswer,
    ConnectFailed,
    Missing,
    PermissionDenied,
    SourceError,
    TimedOut,
    TlsFailed,
    Unreadable,
)
from campaign_exporter.sources.endpoints import Answer, Look
from campaign_exporter.sources.fanout import Fanout

#: Days before the end of a certificate at which it is time to renew it.
RENEW_DAYS = 14
_DAY = 86400.0
_OK, _SERVER_ERROR = 200, 500
_COMPARE = "compare url and kind with what the address answers to curl"
_MENDS: Mapping[type[SourceError], str] = {
    TlsFailed: "renew the certificate; if its authority is your own, name its certificate as ca_file",
    AuthenticationFailed: "put a valid token into the session_token_file",
    TimedOut: "open the address from this machine with curl: a proxy, a firewall or a busy server holds it",
    ConnectFailed: "open the address from this machine with curl: is the server up, the port open, HTTPS_PROXY right?",
    BadAnswer: _COMPARE,
    Unreadable: _COMPARE,
    Missing: "name a file that is there",
    PermissionDenied: "let the user that runs the exporter read the file",
}


def examine(patient: Patient) -> Iterator[Check]:
    """Ask all endpoints side by side."""
    timeout = patient.whole.collectors.endpoints.deadline
    probes = [probe for endpoint in patient.instance.endpoints for probe in probes_of(endpoint)]
    looks = Fanout().run({each.name: partial(each.probe.look, timeout * 0.9) for each in probes}, timeout)
    for each in probes:
        seen = looks[each.name]
        look = Look(error=seen) if isinstance(seen, SourceError) else seen
        if look.answer is None:
            yield no_answer(each, look)
            continue
        yield answered(each.endpoint, look.answer, each)
        if look.answer.certificate_ends is not None:
            yield certificate(each.endpoint, (look.answer.certificate_ends - patient.clock.time()) / _DAY, each)


def no_answer(probe: Probe, look: Look) -> Check:
    """Judge an endpoint that did not answer as it should, by what was seen nevertheless."""
    why = f'{ENDPOINT_UP.name}{{endpoint="{probe.endpoint.name}"}} is 0'
    return finding("answer", _subject(probe.endpoint, probe), str(look.error), why=why, mend=_mend(probe.endpoint, look))


def _mend(endpoint: Endpoint, look: Look) -> str:
    if look.queue is not None:
        return "nothing empties Message Center's queue, the endpoint itself is well: go on with runbook CampaignEventQueueStuck"
    if isinstance(look.error, BadAnswer) and look.status is not None and look.status >= _SERVER_ERROR:
        return "Campaign or its web server is at fault: look at the logs of both on that server"
    if isinstance(look.error, BadAnswer) and look.status == _OK and endpoint.kind == "ping":
        return f"where Campaign itself says Error, look at the log of its web process; else {_COMPARE}"
    return next((mend for meaning, mend in _MENDS.items() if isinstance(look.error, meaning)), "see the exporter's log")


def answered(endpoint: Endpoint, answer: Answer, probe: Probe | None = None) -> Check:
    """Tell of a good answer."""
    build = f", build {answer.build}" if answer.build else ""
    plain = ", over plain HTTP" if endpoint.url.startswith("http:") else ""
    return ok("answer", _subject(endpoint, probe), f"{endpoint.kind} in {answer.duration_seconds * 1000:.0f} ms{build}{plain}")


def certificate(endpoint: Endpoint, days: float, probe: Probe | None = None) -> Check:
    """Judge a certificate by the days that it still lasts."""
    text = f"lasts {days:.0f} more days"
    if days >= RENEW_DAYS:
        return ok("certificate", _subject(endpoint, probe), text)
    why = "then browsers and mail clients refuse it, and the endpoint is down for everybody"
    return finding("certificate", _subject(endpoint, probe), text, why=why, mend="renew it")


def _subject(endpoint: Endpoint, probe: Probe | None) -> str:
    return f"endpoint {probe.name if probe else endpoint.name}"
