"""`campaign-exporter why` as a process, beside a running exporter, on a simulated instance."""

import json
import statistics
import subprocess
import time
from typing import Any

import pytest

from campaign_simulator.clue_faults import SECRETS
from campaign_simulator.endpoints import SESSION_TOKEN
from e2e.watched import PATIENCE, Scene
from integration.core.exporter_process import COMMAND, wait_until


def why(scene: Scene, *words: str) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, "why", *words, "--config.file", str(scene.directory / "each-second.yaml")]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def document(scene: Scene, *words: str) -> Any:  # noqa: ANN401 - JSON
    done = why(scene, *words, "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.alone
def test_it_says_what_the_metrics_say_within_two_seconds(scene: Scene) -> None:
    with scene.fault("affinity-undeclared", "nowhere.fr"), scene.fault("parts-missing"), scene.fault("delivery-scheduled"):
        wait_until(lambda: scene.pending("affinity_unconfigured") == 2 and scene.pending("parts_missing") == 1, PATIENCE)
        waiting = document(scene, "--all")["waiting"]
        stuck = [one for one in waiting if one["cause"] in {"affinity_unconfigured", "parts_missing"}]
        assert len(stuck) == 3
        seconds = []
        for one in stuck:
            began = time.monotonic()
            told = document(scene, str(one["delivery_id"]))
            seconds.append(time.monotonic() - began)
            assert told["cause"] == one["cause"]
            metric = scene.value(
                "delivery_pending_since_timestamp_seconds", str(one["delivery_id"]), one["label"], one["cause"]
            )
            assert metric is not None
            assert abs(told["since"] - metric) < 0.01, "since when is what the exporter remembers"
            assert told["not_seen"] == []
        assert statistics.median(seconds) < 2


def test_no_secret_is_in_any_output(scene: Scene) -> None:
    password = (scene.directory / "monitor-password").read_text().strip()
    secrets = [*SECRETS, SESSION_TOKEN, password, "a-password-to-keep-secret"]
    with scene.fault("job-log", "capacity", "quota"):
        waiting = document(scene, "--all")["waiting"]
        outputs = [why(scene, str(one["delivery_id"]), *form) for one in waiting[:3] for form in ((), ("--output", "json"))]
        outputs += [why(scene, "--all"), why(scene, "no such delivery"), why(scene, "M")]
        printed = "".join(done.stdout + done.stderr for done in outputs)
        assert not [secret for secret in secrets if secret in printed]


def test_a_database_that_is_gone_is_said_at_once(scene: Scene) -> None:
    with scene.fault("database-down"):
        done = why(scene, "--all")
        assert done.returncode == 1
        assert "prod: not read: " in done.stderr
        assert not done.stdout
    wait_until(lambda: scene.value("up") == 1, PATIENCE)
