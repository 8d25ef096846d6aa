import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from campaign_simulator.tricky import HOSTILE_LABELS
from integration.database.scene import MakeScene, Scene, grant_option_texts

SINCE = "campaign_delivery_pending_since_timestamp_seconds"
OLDEST = "campaign_deliveries_pending_oldest_timestamp_seconds"
PENDING = "campaign_deliveries_pending"


def add_host(scene: Scene, name: str = "mta1", *, running: str = "", affinities: str = "") -> None:
    """Give the instance a server that is to run mta and stat."""
    listing = scene.directory / f"{name}.txt"
    configuration = scene.directory / f"{name}.xml"
    lines = [f"{module}@prod ({number}) - 10 MB" for number, module in enumerate(running.split(), 100)]
    listing.write_text(
        "\n".join(["HH:MM:SS >   Application server for Adobe Campaign Classic", *(lines or ["No tasks"])]) + "\n"
    )
    configuration.write_text(
        f"""<serverconf><mta autoStart="true" statServerAddress="localhost"><child><IPAffinity name="{affinities}">
        <IP address="10.0.0.1" publicId="1" heloHost="a.example"/></IPAffinity></child></mta>
        <stat autoStart="true"/></serverconf>"""
    )
    hosts = scene.instance.setdefault("hosts", [])
    hosts.append({"name": name, "processes": {"file": listing}, "configuration": [configuration]})


def epoch(scene: Scene, expression: str) -> float:
    value: float = scene.execute(f"SELECT date_part('epoch', {expression})")[0][0]
    return value


def test_each_cause_from_its_rows(scene: Scene) -> None:
    add_host(scene, running="mta stat mtachild", affinities="blue")
    scene.insert("NmsExtAccount", iExtAccountId=-7, iActive=0)
    scene.insert("NmsTypology", iTypologyId=9, sIPAffinity="red")
    later, now = (scene.execute(f"SELECT now() + interval '{hours} hours'")[0][0] for hours in (2, 0))

    def add(number: int, *parts: object, **columns: object) -> None:
        row: dict[str, object] = {"iToDeliver": 10 + number, "iProcessed": 10, **columns}
        scene.delivery(number, 51, parts=parts, **row)

    add(1, now, tsContact=later)
    add(2, later, "infinity", iProcessed=0)
    add(3, later)
    add(4, now, tsValidity=now)
    add(5, now, iDeliveryProviderId=-7)
    add(6, now, sIPAffinity="Blue")
    add(7, now, iTypologyId=9)
    add(8)
    add(9, now, later, sIPAffinity="blue", iTypologyId=9)
    add(10, later, None)
    add(11, iDeliveryMode=4)
    seen = scene.watch().round("processes", "affinity", "pending")
    assert seen.counted(PENDING) == {
        ("scheduled",): 1,
        ("waiting_wave",): 1,
        ("waiting_retry",): 1,
        ("validity_expired",): 1,
        ("account_inactive",): 1,
        ("affinity_unconfigured",): 2,
        ("parts_missing",): 1,
        ("unknown",): 3,
    }
    assert seen.value("campaign_pending_messages", cause="waiting_wave") == 12
    assert seen.value("campaign_pending_messages", cause="unknown") == 9 + 10 + 11
    blind = {cause for (cause,), value in seen.samples("campaign_pending_cause_evaluated").items() if not value}
    assert blind == {"concurrency_limit", "mid_sourcing_lag"}, "no limit is set, and this is no marketing instance"
    assert seen.samples("campaign_ip_affinity_mismatch") == {("Blue", "unconfigured"): 1, ("red", "unconfigured"): 1}
    assert seen.success("affinity") == 1


def test_the_mta_is_down_or_the_affinity_is_on_a_host_that_is(scene: Scene) -> None:
    add_host(scene, "mta1", running="", affinities="blue")
    add_host(scene, "mta2", running="mta stat", affinities="green")
    scene.delivery(1, sIPAffinity="blue")
    scene.delivery(2, sIPAffinity="green")
    seen = scene.watch().round("processes", "affinity", "pending")
    assert seen.counted(PENDING) == {("affinity_host_down",): 1, ("unknown",): 1}
    assert seen.samples("campaign_ip_affinity_mismatch") == {("blue", "host_down"): 1}
    (scene.directory / "mta2.txt").write_text("HH:MM:SS >   Application server for Adobe Campaign Classic\nNo tasks\n")
    assert seen.round("processes", "affinity", "pending").counted(PENDING) == {("mta_down",): 2}


def test_latent_affinities(scene: Scene) -> None:
    add_host(scene, running="mta stat", affinities="blue;green")
    for number, name in enumerate(("red", "red", "blue", "odd", "used", None, ""), 1):
        scene.insert("NmsTypology", iTypologyId=number, sIPAffinity=name)
    scene.insert("XtkEnum", iEnumId=1, sName="IPAffinity")
    scene.insert("XtkEnum", iEnumId=2, sName="notIPAffinity")
    for number, (enum, name) in enumerate(((1, "red"), (1, "green"), (2, "other"), (1, None)), 1):
        scene.insert("XtkEnumValue", iEnumValueId=number, iEnumId=enum, sName=name)
    scene.delivery(1, 55, sIPAffinity="used")
    seen = scene.watch().round("processes", "affinity")
    assert seen.samples("campaign_ip_affinity_latent_definitions") == {("red",): 3, ("odd",): 1}


def test_typologies_that_cannot_be_read_clear_nobody(scene: Scene) -> None:
    add_host(scene, running="mta stat", affinities="blue")
    scene.delivery(1, sIPAffinity="red")
    scene.execute("REVOKE SELECT (sipaffinity) ON nmstypology FROM campaign_monitor")
    seen = scene.watch().round("processes", "affinity", "pending")
    assert seen.failures("affinity") == {"permission": 1}
    assert seen.samples("campaign_ip_affinity_info") == {("blue", "mta1"): 1}
    assert seen.value("campaign_pending_cause_evaluated", cause="affinity_unconfigured") == 0
    assert seen.counted(PENDING) == {("unknown",): 1}


def test_a_time_zone_that_nobody_names_is_complained_of_once(make_scene: MakeScene, caplog: pytest.LogCaptureFixture) -> None:
    scene = make_scene(with_time_zone=False)
    scene.insert("XtkOption", iOptionId=1, sName="WdbcTimeZone", sStringValue="Nowhere/../etc")
    seen = scene.watch()
    for _ in range(3):
        scene.clock.ahead += 61
        seen.round("pending")
    assert seen.success("pending") == 1
    assert caplog.text.count("set database.timezone") == 1


def test_affinities_that_differ_in_an_unprintable_character_are_two(scene: Scene) -> None:
    add_host(scene, running="mta stat")
    for number, name in enumerate(("a\x01", "a\x02"), 1):
        scene.delivery(number, sIPAffinity=name)
        scene.insert("NmsTypology", iTypologyId=number, sIPAffinity=f"latent {name}")
    seen = scene.watch().round("processes", "affinity")
    assert seen.failures("affinity") == {}
    assert len(seen.samples("campaign_ip_affinity_mismatch")) == 2
    assert len(seen.samples("campaign_ip_affinity_latent_definitions")) == 2


@pytest.mark.parametrize("by", ["statistics", "deliveries"])
def test_flowing_mail_refutes_an_affinity_that_no_host_declares(scene: Scene, by: str) -> None:
    add_host(scene, running="mta stat", affinities="blue")
    scene.delivery(1, sIPAffinity="red")
    scene.delivery(2, 95, sIPAffinity="red", iProcessed=5)
    seen = scene.watch().round("processes", "affinity", "pending")
    assert seen.counted("campaign_ip_affinity_mismatch") == {("red", "unconfigured"): 1}
    if by == "statistics":
        scene.execute("INSERT INTO nmsdeliverystat (tsdate, ideliveryid, iretrieserror) VALUES (now(), 2, 1)")
    else:
        scene.execute("UPDATE nmsdelivery SET tsbroadend = now() WHERE ideliveryid = 2")
    seen.round("processes", "affinity", "pending")
    assert seen.counted("campaign_ip_affinity_mismatch") == {}
    assert seen.counted(PENDING) == {("unknown",): 1}


def test_mail_from_before_an_affinity_left_the_files_refutes_it_no_longer_than_a_bucket_lasts(scene: Scene) -> None:
    add_host(scene, running="mta stat", affinities="blue;red")
    scene.delivery(1, sIPAffinity="red")
    scene.execute("INSERT INTO nmsdeliverystat (tsdate, ideliveryid, ifirstsuccess) VALUES (now() - interval '20m', 1, 5)")
    seen = scene.watch().round("affinity")
    configuration = scene.directory / "mta1.xml"
    configuration.write_text(configuration.read_text().replace("blue;red", "blue"))
    scene.clock.ahead += 30
    seen.round("affinity")
    assert seen.counted("campaign_ip_affinity_mismatch") == {}
    scene.clock.ahead += 900
    seen.round("affinity")
    assert seen.counted("campaign_ip_affinity_mismatch") == {("red", "unconfigured"): 1}
    scene.execute("INSERT INTO nmsdeliverystat (tsdate, ideliveryid, ifirstsuccess) VALUES (now() - interval '10m', 1, 5)")
    seen.round("affinity")
    assert seen.counted("campaign_ip_affinity_mismatch") == {}, "some MTA still sends under it"


def test_a_fact_that_is_gone_is_said_round_after_round_until_it_is_back(scene: Scene) -> None:
    scene.delivery(1, 61)
    seen = scene.watch().round("pending")
    assert seen.success("pending") == 1
    scene.execute("ALTER TABLE nmsdeliverypart RENAME TO gone")
    for count in (1, 2, 3):
        seen.round("pending")
        assert seen.success("pending") == 0
        # The first round finds out; after that each of next passes and holders says so.
        assert seen.failures("pending") == {"missing": 2 * count - 1}
        assert seen.value("campaign_exporter_collector_available", collector="pending") == 0
    assert seen.counted(PENDING) == {("unknown",): 1}
    assert seen.value("campaign_pending_cause_evaluated", cause="waiting_retry") == 0
    scene.execute("ALTER TABLE gone RENAME TO nmsdeliverypart")
    scene.clock.ahead += 61
    assert seen.round("pending").success("pending") == 1


def test_a_table_that_only_a_part_stands_on_makes_the_collector_unavailable(scene: Scene) -> None:
    add_host(scene, running="mta stat", affinities="blue")
    scene.execute("DROP TABLE nmstypology")
    seen = scene.watch().round("processes", "affinity")
    assert seen.value("campaign_exporter_collector_available", collector="affinity") == 0
    assert seen.counted("campaign_ip_affinity_info") == {("blue", "mta1"): 1}, "what the files say is told all the same"


def test_simulated_sending_refutes_nothing(scene: Scene) -> None:
    add_host(scene, running="mta stat", affinities="blue")
    scene.delivery(1, sIPAffinity="red")
    scene.execute("INSERT INTO nmsdeliverystat (tsdate, ideliveryid, ifirstsuccess, iverifymode) VALUES (now(), 1, 5, 1)")
    seen = scene.watch().round("processes", "affinity")
    assert seen.counted("campaign_ip_affinity_mismatch") == {("red", "unconfigured"): 1}


def test_since_is_the_contact_date_or_the_modification_and_survives_a_restart(scene: Scene) -> None:
    scene.delivery(1, tsLastModified=None)
    scene.delivery(2, tsContact=None, tsLastModified=None)
    scene.delivery(3, tsContact="infinity")
    state = scene.state()
    seen = scene.watch(state).round("pending")
    first = seen.samples(SINCE, cause="unknown")
    assert abs(first["1", "Delivery 1"] - epoch(scene, "now() - interval '1 hour'")) < 10
    assert abs(first["2", "Delivery 2"] - time.time()) < 10
    assert seen.samples(SINCE, cause="scheduled") == {}
    assert seen.value(PENDING, cause="scheduled") == 1
    assert seen.value(OLDEST, cause="scheduled") is None
    scene.execute("UPDATE nmsdelivery SET tslastmodified = now(), slabel = slabel || '!' WHERE ideliveryid = 2")
    seen.close()
    state.close()
    again = scene.watch(scene.state()).round("pending")
    assert again.samples(SINCE, cause="unknown") == {
        ("1", "Delivery 1"): first["1", "Delivery 1"],
        ("2", "Delivery 2!"): first["2", "Delivery 2"],
    }


@pytest.mark.parametrize("how", ["option", "configuration", "server"])
@pytest.mark.parametrize("local", ["2026-01-15 10:00", "2026-07-15 10:00"])
def test_timestamps_without_time_zone_are_read_in_campaigns(make_scene: MakeScene, how: str, local: str) -> None:
    scene = make_scene(with_time_zone=False)
    zone = "America/New_York"
    if how == "option":
        scene.insert("XtkOption", iOptionId=1, sName="WdbcTimeZone", sStringValue=zone)
        grant_option_texts(scene)
    elif how == "configuration":
        scene.database_settings["timezone"] = zone
    else:
        scene.execute(f"ALTER DATABASE {scene.database} SET timezone = '{zone}'")
    scene.delivery(1, tsContact=local, tsLastModified=local)
    seen = scene.watch().round("deliveries", "pending")
    expected = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).timestamp()
    assert seen.value(OLDEST, cause="unknown") == expected


def test_timestamps_with_time_zone_are_what_they_are(scene: Scene) -> None:
    scene.execute(f"ALTER DATABASE {scene.database} SET timezone = 'Asia/Tokyo'")
    scene.delivery(1, tsContact="2026-01-15 10:00Z", tsLastModified="2026-01-15 10:00Z")
    assert scene.watch().round("pending").value(OLDEST, cause="unknown") == 1768471200


def test_a_time_zone_that_could_not_be_read_is_not_done_without(make_scene: MakeScene) -> None:
    scene = make_scene(with_time_zone=False)
    scene.insert("XtkOption", iOptionId=1, sName="WdbcTimeZone", sStringValue="Asia/Tokyo")
    grant_option_texts(scene)
    scene.delivery(1, tsContact="2026-01-15 10:00", tsLastModified="2026-01-15 10:00")
    seen = scene.watch()
    with scene.connect() as blocker:
        blocker.autocommit = False
        blocker.execute("LOCK TABLE xtkoption IN ACCESS EXCLUSIVE MODE")
        assert seen.round("pending").failures("pending") == {"lock": 1}
        blocker.rollback()
    assert seen.round("pending").value(OLDEST, cause="unknown") == 1768471200 - 9 * 3600


def test_hostile_labels_stand_in_the_table_unharmed(scene: Scene) -> None:
    for number, label in enumerate(HOSTILE_LABELS, 1):
        scene.delivery(number, sLabel=label)
    labels = {int(number): label for number, label in scene.watch().round("pending").samples(SINCE, cause="unknown")}
    assert len(labels) == len(HOSTILE_LABELS)
    assert labels[1] == HOSTILE_LABELS[0]
    assert labels[len(HOSTILE_LABELS)] == f"DM{len(HOSTILE_LABELS)}"


def test_the_table_is_bounded_and_holds_the_gravest_and_oldest(scene: Scene) -> None:
    scene.collectors = {"pending": {"table_size": 3}}
    for number in range(1, 6):
        scene.delivery(number, tsLastModified=f"2026-01-0{6 - number}Z", tsContact=None)
    scene.delivery(6, tsValidity="2026-01-01Z", tsContact=None, tsLastModified="2025-12-01Z")
    seen = scene.watch().round("pending", "pending")
    assert [number for number, _ in seen.samples(SINCE, cause="unknown")] == ["5", "4", "3"]
    assert seen.value("campaign_exporter_series_dropped_total", family=SINCE) == 6
    assert seen.value(PENDING, cause="unknown") == 5


@pytest.mark.parametrize(
    ("row", "seconds"),
    [
        ({"iLongValue": 10}, 600),
        ({"iLongValue": 0, "dDoubleValue": 2.5}, 150),
        ({"iLongValue": -3}, 1800),
        ({"iLongValue": None, "dDoubleValue": float("nan")}, 1800),
        (None, 1800),
    ],
)
def test_the_alert_delay(scene: Scene, row: dict[str, object] | None, seconds: float) -> None:
    if row is not None:
        scene.insert("XtkOption", iOptionId=1, sName="NmsMTA_Alert_Delay", **row)
    assert scene.watch().round("pending").value("campaign_pending_alert_delay_seconds") == seconds
