"""The histories in which dashboards are drawn are true to the catalogue."""

from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from campaign_exporter import catalogue
from campaign_exporter.catalogue import METRICS
from dashboards.world.exposition import Exposition, NotDeclared
from dashboards.world.scenes import HEALTHY, SCENES, TRICKY

_TIMES = range(1_795_000_000, 1_795_000_060, 30)


def page() -> Exposition:
    return Exposition(_TIMES)


@pytest.mark.parametrize("of", [{}, {"cause": "mta_down", "host": "mta1"}, {"cause": "a_whim"}])
def test_labels_and_values_that_are_not_declared_are_refused(of: dict[str, str]) -> None:
    with pytest.raises(NotDeclared):
        page().add(catalogue.DELIVERIES_PENDING, [1, 1], of, target="a", instance="prod")


def test_what_is_of_the_exporter_is_of_no_instance() -> None:
    with pytest.raises(NotDeclared):
        page().add(catalogue.STATE_WRITE_SUCCESS, [1, 1], {}, target="a", instance="prod")
    with pytest.raises(NotDeclared):
        page().add_foreign("up", [1, 1], campaign_instance="prod")


def test_labels_of_people_are_written_so_that_they_can_be_read_again(tmp_path: Path) -> None:
    history = page()
    for label in TRICKY:
        of = {"delivery_id": "1", "label": label, "cause": "unknown"}
        history.add(catalogue.DELIVERY_PENDING_SINCE, [1, None], of, target="a", instance="prod")
    text = "".join(file.read_text("utf-8") for file in history.write(tmp_path))
    (family,) = text_string_to_metric_families(text)  # type: ignore[no-untyped-call] # it has no types
    assert [sample.labels["label"] for sample in family.samples] == list(TRICKY)


def test_a_healthy_day_tells_of_every_metric(tmp_path: Path) -> None:
    # What is told only when something is wrong, and what only a host's agent or a replica tells, is left out.
    absent = {"campaign_ip_affinity_mismatch", "campaign_ip_affinity_latent_definitions"}
    absent |= {"campaign_delivery_pending_since_timestamp_seconds"}
    scene = type(HEALTHY)("short", HEALTHY.campaigns, hours=2, step=1800, channels=("email",))
    text = "".join(file.read_text("utf-8") for file in scene.exposition().write(tmp_path))
    told = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {name.removesuffix("_total") for name in METRICS} - told == absent


def test_each_scene_has_a_name_of_its_own() -> None:
    assert all(scene.name == name for name, scene in SCENES.items())
