"""Golden transcripts of the doctor: one instance that is well, and one that is not."""

import io
import os
import re
from pathlib import Path

import pytest
from rich.console import Console

from campaign_exporter.doctor.examination import examine
from campaign_exporter.doctor.report import Report
from campaign_exporter.rounds import SystemClock
from integration.database.scene import PASSWORD, MakeScene, Scene
from integration.hosts.sites import answer, serving

TRANSCRIPTS = Path(__file__).parent / "transcripts"
HEADER = "12:09:54 >   Application server for Adobe Campaign Classic (7.3.4 build 9364@8f3ef8e of 09/04/2023)\n"
PDUMP = HEADER + "mta@prod (12) - 9.6 MB\nmtachild@prod (15) - 20 MB\nstat@prod (13) - 1.5 MB\nwfserver@prod (14) - 9 MB\n"
CONF = """<serverconf><shared><mta autoStart="true" statServerAddress="localhost:7777"><child><smtp>
<IPAffinity name="news"><IP address="192.0.2.1" publicId="1" heloHost="a.example"/>{more}</IPAffinity>
</smtp></child></mta><stat autoStart="true"/><wfserver autoStart="true"/></shared></serverconf>"""
REDIR = b"<redir status='OK' date='2021-08-27 08:02:07.963-07' build='9364' host='t' localHost='t'/>"
#: What differs from run to run.
CHANGING = (
    (r"127\.0\.0\.1:\d{4,5}", "127.0.0.1:PORT"),
    (r"scene_\d+", "DATABASE"),
    (r"PostgreSQL \d+\.\d+[^\n]*", "PostgreSQL VERSION"),
    (r"\d+\.\d+ ms", "N ms"),
    (r"in \d+ ms", "in N ms"),
    (r"\d+\.\d{3} s a minute", "N s a minute"),
    (r"\d+% of the budget", "N% of the budget"),
    (r"in the server's \([^)]+\)", "in the server's (ZONE)"),
    (r"dearest statement: [^,]+,", "dearest statement: STATEMENT,"),
    (r"\d+\.\d s (ahead of|behind)", "N s off"),
    (r"[\d.e+]+ \w?i?B of [\d.e+]+ \w?i?B left \(\d+%\)", "N of N left (N%)"),
    (r"\b\d s old", "N s old"),
)


def told(scene: Scene) -> str:
    file = io.StringIO()
    # So wide that no line is broken: paths are of another length each time.
    report = Report(Console(file=file, width=10_000, color_system=None))
    for section in examine(scene.config(), SystemClock(), None):
        if section.checks is not None:
            report.tell(f"{section.instance}: {section.title}" if section.instance else section.title, section.checks)
    report.end()
    text = file.getvalue().replace(str(scene.directory), "HERE")
    assert PASSWORD not in text
    for pattern, name in CHANGING:
        text = re.sub(pattern, name, text)
    return text


def host(directory: Path, name: str, *, more: str = "", listing: str = PDUMP) -> dict[str, object]:
    (directory / f"{name}.xml").write_text(CONF.format(more=more))
    (directory / f"{name}.txt").write_text(listing)
    return {
        "name": name,
        "processes": {"file": directory / f"{name}.txt"},
        "configuration": [directory / f"{name}.xml"],
        "directories": {"var": directory},
    }


def compare(name: str, found: str) -> None:
    file = TRANSCRIPTS / f"{name}.txt"
    if os.environ.get("ACCEPT_TRANSCRIPTS"):
        file.write_text(found, encoding="utf-8")
    assert found == file.read_text("utf-8"), "if the new output is right, run it with ACCEPT_TRANSCRIPTS=1"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_an_instance_that_is_well(scene: Scene, tmp_path: Path) -> None:
    scene.insert("XtkOption", iOptionId=1, sName="NmsOperation_LimitConcurrency", iLongValue=10)
    scene.delivery(1)
    with serving(answer(REDIR)) as web:
        scene.instance = {
            "hosts": [host(tmp_path, "mta1")],
            "endpoints": [{"name": "tracking", "kind": "redirection", "url": web.url}],
        }
        compare("well", told(scene))


def test_an_instance_that_is_not_well(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene(with_time_zone=False)
    scene.execute("REVOKE SELECT (tsvalidity, tscontact) ON nmsdelivery FROM campaign_monitor")
    scene.execute("REVOKE SELECT (iactive) ON nmsextaccount FROM campaign_monitor")
    scene.execute("GRANT SELECT ON nmsrecipient, nmsextaccount TO campaign_monitor")
    scene.execute("GRANT SELECT (mdata), UPDATE (istate) ON nmsdelivery TO campaign_monitor")
    scene.execute("GRANT CREATE ON SCHEMA public TO campaign_monitor")
    scene.execute("DROP INDEX nmsdeliverystat_date, nmsbroadlogmid_lastmodified")
    scene.execute("DROP TABLE xtkenumvalue CASCADE")
    scene.instance = {
        "hosts": [
            host(tmp_path, "mta1", more='<IP address="192.0.2.1" publicId="2" heloHost="b.example"/>'),
            host(tmp_path, "mta2", listing=PDUMP.replace("@prod", "@neolane")),
            {"name": "mta3", "processes": {"command": ["nlserver-is-not-there", "pdump"]}},
            {"name": "web1"},
        ],
        "endpoints": [{"name": "tracking", "kind": "redirection", "url": "http://127.0.0.1:9999/r/test"}],
    }
    compare("not-well", told(scene))
