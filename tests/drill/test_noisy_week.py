"""A noisy week: pages for what really went wrong, and for nothing else; docs/noisy-week.md says how often each alert fires."""

from collections import Counter

import pytest

from drill.compressed import ROOT, alerts, shipped
from drill.noisy_week import WEEK, counted, week

pytestmark = [pytest.mark.drill, pytest.mark.timeout(1800)]
_PAGE = ROOT / "docs" / "noisy-week.md"
_HEADER = """\
# A noisy week

<!-- Written by `make drill`: change tests/drill/noisy_week.py. -->

Seven simulated days, told to promtool minute by minute: the simulator's engine sends, the exporter's own code says what it
would tell, and on each day scrapes are lost, rounds fail, endpoints and hosts do not answer for single minutes, sessions wait,
all processes restart once, and the exporter once. Beside that, something really goes wrong. A firing is counted when it begins.
What is `muted` was told by its root alert.

| day | what went wrong | what fired |
|---|---|---|
"""


@pytest.fixture(scope="module")
def firings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[tuple[str, str, str]]]:
    found = week(tmp_path_factory.mktemp("week"))
    _PAGE.write_text(_page(found), encoding="utf-8")
    return found


def _page(found: dict[str, Counter[tuple[str, str, str]]]) -> str:
    rows = []
    for day, incidents in WEEK.items():
        fired = [
            f"{count} {name} ({severity}{f', {cause}' if cause else ''})"
            for (name, severity, cause), count in sorted(found[day].items())
        ]
        rows.append(f"| {day} | {'; '.join(one.what for one in incidents) or 'nothing'} | {', '.join(fired) or 'nothing'} |\n")
    total: Counter[tuple[str, str]] = Counter()
    for counts in found.values():
        for (name, severity, _), count in counts.items():
            total[name, severity] += count
    rows.append("\n| alert | severity | firings in the week | a day |\n|---|---|---|---|\n")
    known = sorted({(alert.name, alert.severity) for alert in alerts(shipped()) if alert.severity != "none"})
    rows += [
        f"| {name} | {severity} | {total[name, severity]} | {total[name, severity] / len(WEEK):.2f} |\n"
        for name, severity in known
    ]
    return _HEADER + "".join(rows)


def test_a_day_of_mere_noise_fires_nothing(firings: dict[str, Counter[tuple[str, str, str]]]) -> None:
    assert firings["Saturday"] == Counter()


@pytest.mark.parametrize(
    ("day", "alert"),
    [
        ("Monday", "CampaignMtaDown"),
        ("Monday", "CampaignDeliveryFailed"),
        ("Tuesday", "CampaignDeliveryErrorsHigh"),
        ("Tuesday", "CampaignDeliveryFailed"),
        ("Wednesday", "CampaignEndpointDown"),
        ("Thursday", "CampaignDatabaseUnreachable"),
        ("Friday", "CampaignAllMtasDown"),
        ("Sunday", "CampaignIpAffinityUnconfigured"),
        ("Sunday", "CampaignHostUnobserved"),
        ("Sunday", "CampaignExporterDown"),
    ],
)
def test_what_went_wrong_fires_once(day: str, alert: str, firings: dict[str, Counter[tuple[str, str, str]]]) -> None:
    fired = {name for name, _, _ in firings[day]}
    assert alert in fired
    pages = {name for name, severity, _ in firings[day] if severity == "critical"} - {"CampaignDeliveryStuckPending"}
    wanted = {
        "Wednesday": {"CampaignEndpointDown"},
        "Thursday": {"CampaignDatabaseUnreachable"},
        "Friday": {"CampaignAllMtasDown"},
    }
    wanted["Sunday"] = {"CampaignIpAffinityUnconfigured", "CampaignExporterDown"}
    assert pages == wanted.get(day, set())


def test_what_promtool_says_is_read_whole() -> None:
    said = (
        '    expr: "x", time: 1d,\n  exp: nil\n  got: {alertname="A", severity="critical"} 2E+00,'
        ' {alertname="B", cause="c", severity="info"} 1E+00]'
    )
    assert counted(said) == Counter({("A", "critical", ""): 2, ("B", "info", "c"): 1})
    assert counted("") == Counter()
