"""What surrounds the sending: certificates and servers of endpoints, mail servers, files of the hosts."""

import math
from collections.abc import Callable, Sequence

from campaign_exporter import catalogue as c
from campaign_exporter import catalogue_surroundings as s
from campaign_exporter.domain.deliveries import CHANNELS
from campaign_exporter.domain.mta_log import PHRASES
from campaign_exporter.domain.smtp_paths import KINDS
from campaign_exporter.metric import Metric
from dashboards.world.story import Window, during
from dashboards.world.teller import At, Teller

_ENDPOINTS = {"tracking": "redirection", "app": "ping", "images": "resource", "events": "ping"}
_DAY = 86_400
_SERVERS = {"203.0.113.1": "mail.example", "203.0.113.2": "post.example", "203.0.113.3": "Big Mail"}
_PUBLIC_IDS = ("1001", "1002", "2001")
_REFUSING = "203.0.113.3"


def tell_surroundings(teller: Teller) -> None:
    """Tell all of it."""
    _endpoints(teller)
    for host, affinities in teller.campaign.hosts.items():
        teller.tell_always(c.HOST_UP, 1, of={"host": host, "source": "files"})
        teller.tell_always(c.PREPARATION_LIMIT, 3600, of={"host": host})
        for place, affinity in enumerate(affinities):
            of = {"host": host, "affinity": affinity}
            if place:  # the first has a mask
                teller.tell_always(s.AFFINITY_ADDRESSES, 1 + len(host + affinity) % 4, of=of)
            teller.tell_always(s.AFFINITY_PUBLIC_ID, 1, of=of | {"public_id": _PUBLIC_IDS[0]})
        _files(teller, host)
    _event_queue(teller)
    _mail_servers(teller)
    for channel in CHANNELS.values():
        teller.tell_always(s.MESSAGES_IN_RECOVERY, 800 if channel == "email" else 0, of={"channel": channel}, database=True)
    teller.tell(s.ADDRESS_ERROR_LAST, lambda hour: teller.start + int(3600 * hour) - 40, database=True)


def _endpoints(teller: Teller) -> None:
    for number, (endpoint, kind) in enumerate(_ENDPOINTS.items()):
        of = {"endpoint": endpoint, "kind": kind, "address": ""}
        silent: Sequence[Window] = teller.story.silent_endpoints.get(endpoint, ())
        teller.tell(s.ENDPOINT_STATUS, _either(silent, 500, 200), of=of)
        teller.tell_always(s.ENDPOINT_BYTES, 180 + 4000 * number, of=of)
        teller.tell_always(
            s.ENDPOINT_CERTIFICATE_END, teller.start + ((9 if teller.story.neglected else 30) + 40 * number) * _DAY, of=of
        )


def _event_queue(teller: Teller) -> None:
    of = {"endpoint": "events", "address": ""}
    neglected = teller.story.neglected
    teller.tell(s.EVENT_QUEUE_LENGTH, lambda hour: 350 if during(hour, neglected) else int(20 + 15 * math.sin(hour)), of=of)
    teller.tell_always(s.EVENT_QUEUE_LIMIT, 400, of=of)


def _either(windows: Sequence[Window], within: float, otherwise: float) -> At:
    return lambda hour: within if during(hour, windows) else otherwise


def _mail_servers(teller: Teller) -> None:
    refused = teller.story.refused
    teller.tell_always(s.SMTP_WINDOW, 3600, database=True)
    teller.tell_always(s.SMTP_PATHS, len(_SERVERS) * len(_PUBLIC_IDS), database=True)
    for mx, owner in _SERVERS.items():
        windows = refused if mx == _REFUSING else ()
        _fared(teller, (s.SMTP_SERVER_CONNECTIONS, s.SMTP_SERVER_CONNECTION_ERRORS), {"mx": mx, "owner": owner}, windows)
        for public_id in _PUBLIC_IDS:
            _path(teller, {"mx": mx, "public_id": public_id}, windows)
    for public_id in _PUBLIC_IDS:
        _fared(teller, (s.SMTP_ADDRESS_CONNECTIONS, s.SMTP_ADDRESS_CONNECTION_ERRORS), {"public_id": public_id}, ())
    for affinity in {name for names in teller.campaign.hosts.values() for name in names}:
        _fared(teller, (s.AFFINITY_CONNECTIONS, s.AFFINITY_CONNECTION_ERRORS), {"affinity": affinity}, ())


def _fared(teller: Teller, metrics: tuple[Metric, Metric], of: dict[str, str], windows: Sequence[Window]) -> None:
    teller.tell(metrics[0], lambda hour: int(9000 + 800 * math.sin(hour)), of=of, database=True)
    teller.tell(metrics[1], _either(windows, 6000, 120), of=of, database=True)


def _path(teller: Teller, of: dict[str, str], windows: Sequence[Window]) -> None:
    teller.tell_always(s.SMTP_PATH_CONNECTIONS, 3000, of=of, database=True)
    teller.tell(s.SMTP_PATH_ERRORS, _either(windows, 2100, 60), of=of, database=True)
    teller.tell_always(s.SMTP_PATH_MESSAGES, 2800, of=of, database=True)
    for kind in KINDS:
        more = 2000 if kind == "refused" else 12
        teller.tell(s.SMTP_PATH_ERRORS_BY_KIND, _either(windows, more, 12), of=of | {"kind": kind}, database=True)
    reply = {"code": "421", "reply": "421 4.7.0 Try again later"}
    teller.tell_always(s.SMTP_LAST_REPLY, 1, of=of | reply, database=True)


def _files(teller: Teller, host: str) -> None:
    of = {"host": host}
    elsewhere: Sequence[Window] = teller.story.elsewhere.get(host, ())
    teller.tell(s.TEMPORARY_OTHER_DEVICE, _either(elsewhere, 1, 0), of=of)
    teller.tell(s.WORKING_FILES, lambda hour: int(120 + 60 * math.sin(hour)), of=of)
    teller.tell(s.WORKING_BYTES, lambda hour: int((120 + 60 * math.sin(hour)) * 20_000), of=of)
    teller.tell(s.WORKING_OLDEST, lambda hour: teller.start + int(3600 * hour) - 90, of=of)
    for what in s.FILES_CUT.values["what"]:
        teller.tell_always(s.FILES_CUT, 0, of=of | {"what": what})
    teller.tell(s.CORE_FILES, _either(elsewhere, 1, 0), of=of)
    teller.tell(s.CORE_NEWEST, lambda hour: teller.start + _DAY // 2 if during(hour, elsewhere) else None, of=of)
    teller.tell_always(s.MTA_LOG_UNREAD, 0, of=of)
    for kind in PHRASES:
        rate, faulty = 4.0 if kind in {"quota", "flow_control"} else 0.0, elsewhere if kind == "cross_device" else ()
        teller.count(s.MTA_LOG_LINES, _rises(rate, faulty), of=of | {"kind": kind})


def _rises(rate: float, windows: Sequence[Window]) -> Callable[[float], float]:
    return lambda hour: 2.0 if during(hour, windows) else rate
