"""Each panel of each dashboard is drawn by Grafana's own libraries, and shows what it is to show."""

import re
from pathlib import Path
from typing import Any

import pytest

from dashboards.site import DASHBOARDS
from dashboards.studio import Studio
from dashboards.world.scenes import TRICKY

#: The histories of all scenes are written and read before the first of them.
pytestmark = pytest.mark.timeout(600)
UIDS = sorted(file.stem for file in DASHBOARDS.glob("*.json"))
LOOKS = [(theme, width) for width in (1920, 400) for theme in ("dark", "light")]
#: What a unit makes of a number; the others leave it a number.
_UNIT_SIGNS = {
    "s": r"(s|ms|µs|mins?|hours?|days?|weeks?)$",
    "percentunit": r"%$",
    "bytes": r"(B|KiB|MiB|GiB)$",
    "bps": r"b/s$",
    "dateTimeFromNow": r"ago$",
}
#: In an incident these speak up: what must be read there.
_SHOWN: dict[str, dict[str, tuple[str, ...]]] = {
    "campaign-overview": {
        "Firing alerts": ("4", "5"),
        "Instances": ("GONE", "critical", "unknown", "legacy"),
        "What fires, and where": ("CampaignIpAffinityUnconfigured", "CampaignExporterDown", "tracking redirection"),
        "Deliveries that are stuck, by cause": ("affinity_unconfigured", "mta_down", "validity_expired"),
        "MTAs that do not run": ("prod",),
        "Endpoints that do not answer": ("prod tracking redirection", "prod images resource"),
        "Longest wait for a lock": ("hours",),
        "Fullest disks": ("97",),
    },
    "campaign-deliveries": {
        "Deliveries that wait": ("critical", "3"),
        "At stake": ("4.97 hours", "1.72"),
        "Deliveries that are stuck": ("affinity_unconfigured", "parts_orphaned", "mid_sourcing_lag"),
        "Longest wait, by cause": ("awaiting_approval", "delayed from here on"),
        "Messages that are stuck, by cause": ("affinity_unconfigured",),
        "Each cause now": ("critical", "affinity_unconfigured"),
        "Deliveries in progress": ("40 mins", "Retail weekly"),
        "Deliveries by state": ("failed",),
    },
    "campaign-mta": {
        "What does not fit": ("missing", "2"),
        "Processes now": ("DOWN",),
        "Processes that do not run": ("prod mta1 mta", "prod mta2 trackinglogd"),
        "IP affinities and the hosts that declare them": ("MISSING", "DOWN"),
        "IP affinities that do not fit": ('Retail.fr "été" 🎉', "missing", "latent", "uneven"),
        "Faults in server configurations": ("publicId used twice",),
        "Memory against the limit": ("prod mta2 web", "124%"),
        "Fullest disk": ("97%",),
        "Disks": ("97%", "93%"),
    },
    "campaign-throughput": {
        "Share that fails at the first attempt": ("prod", "23.1%"),
        "By instance": ("prod", "23.1%"),
    },
    "campaign-load": {
        "Messages that will be too late": ("later", "13.1"),
        "Deliveries under way": ("11.1 hours", "Retail weekly"),
    },
    "campaign-deliverability": {
        "Connections that fail": ("72.6",),
        "Share of connections that fail, by mail server": ("203.0.113.3 Big Mail", "72.6%"),
        "Paths with most errors": ("70%", "421 4.7.0 Try again later"),
        "Images, links and certificates": ("DOWN", "redirection"),
        "Images and certificates": ("1.14",),
        "Temporary files and core files": ("ELSEWHERE",),
        "Lines of the MTA's log, an hour": ("cross_device",),
    },
    "campaign-tracking": {
        "The chain holds": ("trackinglogd", "85.7"),
        "Newest tracking log": ("hours",),
        "The chain, by instance": ("DOWN", "prod"),
    },
    "campaign-hygiene": {
        "Left behind": ("685",),
        "Cleanup": ("days", "3"),
        "Work tables": ("orphaned",),
        "Technical workflows": ("failed", "cleanup"),
        "Oldest open transaction": ("idle_in_transaction", "hours"),
        "Events that were not processed": ("status 1", "906"),
        "Sessions that wait for a lock, by table": ("nmsdelivery",),
        "Message Center queue": ("prod events", "87.5%"),
    },
    "campaign-exporter": {
        "Collectors now": ("FAILING",),
        "Exporters": ("exporter-c:11951", "DOWN"),
        "Facts that could not be read, a minute": ("exporter-a:11951 database connect",),
        "Databases that an exporter does not reach": ("exporter-b:11951 prod",),
    },
}


def numbers(panel: dict[str, Any]) -> list[dict[str, Any]]:
    return [field for field in panel["fields"] if field["type"] == "number" and field["count"]]


def read(panel: dict[str, Any]) -> str:
    """Give all that a person can read in a panel, on its page and on its canvas."""
    return re.sub(r"\s+", " ", " ".join((panel["text"], *panel["drawn"])))


@pytest.mark.parametrize("uid", UIDS)
@pytest.mark.parametrize("scene", ["healthy", "incident", "fleet"])
@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_every_panel_shows_data_and_no_error(stage: Studio, album: Path, uid: str, scene: str, theme: str, width: int) -> None:
    if scene == "fleet" and (theme, width) != ("dark", 1920):
        return  # fifty instances differ from three by their number only
    seen = stage.show(uid, scene, theme=theme, width=width)
    seen.save(album / f"{uid}-{scene}-{theme}-{width}.png")
    assert seen.complaints == []
    assert seen.width == width, "it can be scrolled sideways"
    for title, panel in seen.panels.items():
        assert (panel["state"], panel["error"], panel["nothing"]) == ("Done", "", False), title
        assert panel["box"]["width"] > 200
        assert panel["box"]["height"] > 100
        if panel["type"] != "text":
            assert any(field["count"] for field in panel["fields"]), f"{title} has no data"
        if panel["type"] == "timeseries":
            assert panel["canvases"], title


@pytest.mark.parametrize("uid", UIDS)
@pytest.mark.parametrize("width", [1920, 400])
def test_every_unit_is_applied(stage: Studio, uid: str, width: int) -> None:
    for title, panel in stage.show(uid, "incident", width=width).panels.items():
        for field in numbers(panel):
            sign = _UNIT_SIGNS.get(field["unit"])
            words = [text for text in field["texts"] if sign and not re.search(sign, text)]
            # A value mapping may say a word instead.
            assert not any(re.search(r"\d", word) for word in words), (title, field["name"], words)
        drawn = read(panel).replace(" ", "")
        shown = [text.replace(" ", "") for field in numbers(panel) for text in (field["shown"], *field["texts"])]
        assert not shown or any(text in drawn for text in shown), f"{title} shows none of its values"


@pytest.mark.parametrize("uid", UIDS)
@pytest.mark.parametrize("width", [1920, 400])
def test_every_legend_can_be_read(stage: Studio, uid: str, width: int) -> None:
    for title, panel in stage.show(uid, "incident", width=width).panels.items():
        if panel["type"] != "timeseries":
            continue
        rows = [row for row in panel["legend"] if row["text"].strip()]
        assert rows, f"{title} has no legend"
        names = [row["text"].split("\t")[0].split("\n")[0].strip() for row in rows]
        assert all(names), title
        assert not [name for name in names if "{" in name or name.startswith("Value")], title
        assert len(set(names)) == len(names), f"{title}: two series of one name"
        assert all(row["size"] >= 11 for row in rows), title
        assert all(row["box"]["width"] > 100 for row in rows), title


@pytest.mark.parametrize("uid", UIDS)
def test_an_incident_shows_where_it_should(stage: Studio, uid: str) -> None:
    panels = stage.show(uid, "incident").panels
    quiet = stage.show(uid, "healthy").panels
    for title, words in _SHOWN[uid].items():
        text = read(panels[title])
        assert [word for word in words if word not in text] == [], title
        assert any(word not in read(quiet[title]) for word in words), f"{title} looks the same on a quiet day"


@pytest.mark.parametrize("uid", UIDS)
def test_a_quiet_day_alarms_nobody(stage: Studio, uid: str) -> None:
    for title, panel in stage.show(uid, "healthy").panels.items():
        text = read(panel)
        assert not re.search(r"DOWN|GONE|MISSING|FAILING|critical [1-9]|\bunknown\b", text) or panel["type"] == "text", title


@pytest.mark.parametrize("uid", UIDS)
def test_without_data_every_panel_says_so(stage: Studio, album: Path, uid: str) -> None:
    seen = stage.show(uid, "empty")
    seen.save(album / f"{uid}-empty.png")
    assert seen.complaints == []
    for title, panel in seen.panels.items():
        assert (panel["state"], panel["error"]) == ("Done", ""), title
        assert panel["nothing"] or panel["type"] == "text", f"{title} shows something where nothing is"
        assert "No data" in panel["text"] or panel["type"] == "text", title


def test_labels_of_people_are_shown_as_they_are(stage: Studio) -> None:
    text = read(stage.show("campaign-deliveries", "incident").panels["Deliveries that are stuck"])
    for label in TRICKY:
        assert re.sub(r"\s+", " ", label).strip()[:100] in text


def test_an_instance_that_is_gone_is_not_passed_over(stage: Studio) -> None:
    seen = stage.show("campaign-overview", "incident", chosen=(("instance", "legacy"),))
    assert seen.complaints == []
    assert "GONE" in read(seen.panels["Instances"])
    for title, panel in seen.panels.items():
        assert (panel["state"], panel["error"]) == ("Done", ""), title


@pytest.mark.parametrize("chosen", [("prod",), ("prod", "mid")])
def test_only_the_chosen_instances_are_shown(stage: Studio, chosen: tuple[str, ...]) -> None:
    seen = stage.show("campaign-overview", "incident", chosen=tuple(("instance", name) for name in chosen))
    text = read(seen.panels["Instances"])
    assert [name for name in ("prod", "mid", "marketing", "legacy") if name in text] == [*chosen]


def test_only_the_chosen_host_is_shown(stage: Studio) -> None:
    seen = stage.show("campaign-mta", "incident", chosen=(("instance", "prod"), ("host", "mta2")))
    text = read(seen.panels["Processes now"])
    assert "prod / mta2" in text
    assert "mta1" not in text


@pytest.mark.parametrize("uid", UIDS)
def test_every_link_is_filled_in(stage: Studio, uid: str) -> None:
    links = [link for panel in stage.show(uid, "incident").panels.values() for link in panel["links"]]
    assert not [link for link in links if "$" in link or "undefined" in link]
    targets = {re.match(r"/d/([\w-]+)|https://.*/Campaign\w+\.md", link) for link in links}
    assert None not in targets
    assert {target[1] for target in targets if target and target[1]} <= set(UIDS)
