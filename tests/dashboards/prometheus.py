"""A real Prometheus on a history that was never scraped."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dashboards.world.exposition import Exposition


def fill(exposition: Exposition, data: Path, scratch: Path) -> None:
    """Make the blocks of a history."""
    data.mkdir(parents=True, exist_ok=True)
    for file in exposition.write(scratch):
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(file), str(data)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        file.unlink()


@contextmanager
def prometheus(data: Path, scratch: Path, lookback: str = "150s") -> Iterator[str]:
    """Run a Prometheus that scrapes nothing; give its address. A series is gone after `lookback` without a sample."""
    config = scratch / f"{data.name}.yml"
    config.write_text("scrape_configs: []\n", encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    flags = [f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address={address}"]
    flags += ["--storage.tsdb.retention.time=20y", f"--query.lookback-delta={lookback}", "--log.level=error"]
    with (
        (scratch / f"{data.name}.log").open("w") as log,
        subprocess.Popen(["prometheus", *flags], stdout=log, stderr=log) as process,
    ):
        try:
            _wait_until_ready(f"http://{address}", process)
            yield f"http://{address}"
        finally:
            process.terminate()


def ask(url: str, path: str, **parameters: str | float) -> Any:  # noqa: ANN401 - whatever Prometheus says
    """Ask its API; give what it answers."""
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=60) as answer:
        return json.load(answer)["data"]


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError("Prometheus did not start")
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("Prometheus does not become ready")
