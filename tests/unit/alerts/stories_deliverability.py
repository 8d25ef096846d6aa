"""Mail servers that do not take our connections, and mails that are too large."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy
from unit.alerts.texts import told
from unit.alerts.timeline import Line, Target, World, always, during, hours, minutes, scrapes_fail, twice
from unit.alerts.vanishing import vanishing

_FAILING, _SIZE = "CampaignSmtpConnectionsFailing", "CampaignMessageSizeHigh"
_BEGINS, _ENDS, _KEEP = minutes(20), minutes(50), minutes(5)
_PAGE, _SIZE_PAGE = "campaign-deliverability?var-instance=prod", "campaign-throughput?var-instance=prod"
_MX = "203.0.113.1"


def _labels(severity: str, **labels: str) -> Mapping[str, str]:
    return {"severity": severity, "team": "deliverability", "campaign_instance": "prod", "needs": "database", **labels}


# --- connections ------------------------------------------------------------------------------------------------------------


def _server(errors: Line, connections: float = 1000, target: Target = A, mx: str = _MX, owner: str = "Big\nMail") -> World:
    return {
        target("campaign_smtp_server_connections", mx=mx, owner=owner): always(connections),
        target("campaign_smtp_server_connection_errors", mx=mx, owner=owner): errors,
    }


def _refused(start: float = _BEGINS + minutes(10), end: float | None = _ENDS + _KEEP) -> Firing:
    return Firing(_FAILING, _labels("warning", mx=_MX), start, end)


_FAILED = {**healthy(), **_server(during(_BEGINS, _ENDS, 600, 10))}
_ASK = (
    'psql -c "SELECT ipublicid, sum(itotalconnections), sum(irefusedconnections), sum(itimeoutconnections)'
    " FROM nmsemailerrorstat WHERE tsdate > now() - interval '1 hour' GROUP BY 1 ORDER BY 3 DESC LIMIT 10\""
)
_REPLIES = {"1": "421 4.7.0 Try again later", "2": "421 4.7.0 Try again later", "3": "", "4": "554 blocked"}
_CONNECTION_STORIES = (
    Case(
        None,
        "a mail server refuses most connections: who it is and what it says is told",
        {
            **_FAILED,
            **{
                A("campaign_smtp_last_reply_info", mx=_MX, public_id=number, code="", reply=reply): always(1)
                for number, reply in _REPLIES.items()
            },
            **_server(always(10), mx="203.0.113.2", owner="Other"),
        },
        hours(1.2),
        (_refused(),),
        (
            Told(
                minutes(40),
                _FAILING,
                [
                    (
                        _labels("warning", mx=_MX),
                        told(
                            _FAILING,
                            "A mail server does not take our connections",
                            f"prod: 60% of the connections to {_MX} (Big Mail) came to nothing. Its last replies to our"
                            " addresses:\n- 421 4.7.0 Try again later\n- 554 blocked",
                            _ASK,
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case((_FAILING,), "a half is not more than a half", {**healthy(), **_server(always(500))}, hours(1.5)),
    Case(
        (_FAILING,),
        "one more is, for as long as it is seen",
        {**healthy(), **_server(during(_BEGINS, _ENDS, 501, 500))},
        hours(1.5),
        (_refused(),),
    ),
    Case((_FAILING,), "few connections say little", {**healthy(), **_server(always(999), 999)}, hours(1.5)),
    Case(
        (_FAILING,),
        "less than ten minutes are nothing",
        {**healthy(), **_server(during(_BEGINS, _BEGINS + minutes(10), 600, 10))},
        hours(1.5),
    ),
    Case(
        (_FAILING,),
        "failed scrapes do not resolve it, and two exporters tell it once",
        scrapes_fail(twice(_FAILED, A, B), A, minutes(35), minutes(40)),
        hours(1.5),
        (_refused(),),
    ),
    Case(
        (_FAILING,),
        "a gap of all exporters does not resolve it",
        scrapes_fail(_FAILED, A, minutes(35), minutes(40)),
        hours(1.5),
        (_refused(),),
    ),
    *vanishing(
        _refused(minutes(10)),
        _server(always(600)),
        "campaign_smtp_server_connection_errors",
        "campaign_smtp_server_connections",
    ),
)

# --- size -------------------------------------------------------------------------------------------------------------------

_STEP = minutes(10)
_LARGE, _SMALL = hours(1.5), hours(3)
_EACH = 11 * _STEP


def _bytes(size: float, other: float = 0.0, messages: float = _EACH) -> Line:
    """Count bytes of messages that have a size, and another one for a while, in the steps in which messages are counted."""

    def line(moment: float) -> float:
        taken = [number * _STEP for number in range(1, int(moment // _STEP) + 1)]
        return sum(messages * (other if other and _LARGE <= each < _SMALL else size) for each in taken)

    return line


def _few(share: float) -> World:
    """Let so few messages go out that they say little."""
    total = "campaign_messages_total"
    world = {name: line for name, line in healthy().items() if not name.startswith(total)}
    counted = _bytes(1, 0, _EACH * share)
    return {**world, A(total, result="success", **{"pass": "first"}): counted}


def _volume(line: Line, target: Target = A) -> World:
    return {target("campaign_message_bytes_total"): line}


#: The second of six steps of an hour that is large takes the average over 60 kB; the second last takes it back.
_SIZE_FIRES, _SIZE_RESOLVED = _LARGE + _STEP + minutes(10), _SMALL + 4 * _STEP + _KEEP
_TOO_LARGE = {**healthy(), **_volume(_bytes(50_000, 100_000))}
_SIZE_FIRING = Firing(_SIZE, _labels("info"), _SIZE_FIRES, _SIZE_RESOLVED)
_SIZE_STORIES = (
    Case(
        (_SIZE,),
        "mails are twice as large for a while",
        _TOO_LARGE,
        hours(4.5),
        (_SIZE_FIRING,),
        (
            Told(
                hours(3) - 30,
                _SIZE,
                [
                    (
                        _labels("info"),
                        told(
                            _SIZE,
                            "Messages are larger than Adobe advises",
                            "prod: the messages of the last 1h have 100kB on average, if dVolume is in the configured unit."
                            " Adobe advises 60 kB at most: larger ones take longer, and providers may cut them.",
                            'psql -c "SELECT ideliveryid, sum(dvolume) FROM nmsdeliverystat'
                            " WHERE tsdate > now() - interval '1 hour' GROUP BY 1 ORDER BY 2 DESC LIMIT 10\"",
                            _SIZE_PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case((_SIZE,), "59.9 kB are in order", {**healthy(), **_volume(_bytes(59_900))}, hours(3)),
    Case(
        (_SIZE,),
        "61 kB are not",
        {**healthy(), **_volume(_bytes(61_000))},
        hours(3),
        (Firing(_SIZE, _labels("info"), _STEP + minutes(10)),),
    ),
    Case(
        (_SIZE,),
        "1,050 messages say enough",
        {**_few(1050 / 39_600), **_volume(_bytes(9e5, 0, _EACH * 1050 / 39_600))},
        hours(3),
        (Firing(_SIZE, _labels("info"), hours(1) + minutes(10)),),
    ),
    Case((_SIZE,), "900 messages say little", {**_few(900 / 39_600), **_volume(_bytes(9e5, 0, _EACH / 44))}, hours(3)),
    Case(
        (_SIZE,),
        "two exporters tell it once, and one may fail",
        scrapes_fail(twice(_TOO_LARGE, A, B), B, hours(2), hours(2.5)),
        hours(4.5),
        (_SIZE_FIRING,),
    ),
)

STORIES = (*_CONNECTION_STORIES, *_SIZE_STORIES)
