"""A real Prometheus scrapes a real exporter over TLS, with a password and a client certificate."""

import subprocess
from pathlib import Path

import requests

from integration.core.exporter_process import free_port, wait_until
from integration.web.authority import HASH, PASSWORD, Authority
from integration.web.secured import CERTIFICATES, CLIENTS, process

SCRAPING = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: campaign
    scheme: https
    basic_auth: {username: alice, password_file: password}
    tls_config: {ca_file: ca.pem, cert_file: client.pem, key_file: client.key}
    static_configs: [{targets: ["localhost:PORT"]}]
  - job_name: stranger
    scheme: https
    tls_config: {ca_file: ca.pem}
    static_configs: [{targets: ["localhost:PORT"]}]
"""


def test_prometheus_scrapes_and_goes_on_when_all_is_exchanged(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("server", "localhost")
    authority.issue("client", "prometheus.example")
    (tmp_path / "password").write_text(PASSWORD)
    users = f"basic_auth_users: {{alice: {HASH}}}\n"
    with process(tmp_path, CERTIFICATES + CLIENTS + "  client_allowed_sans: [prometheus.example]\n" + users) as running:
        (tmp_path / "prometheus.yml").write_text(SCRAPING.replace("PORT", str(running.port)))
        port = free_port()
        command = ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
        command += [f"--web.listen-address=127.0.0.1:{port}"]

        def errors() -> dict[str, str]:
            reply = requests.get(f"http://127.0.0.1:{port}/api/v1/targets", timeout=5).json()
            return {
                target["labels"]["job"]: f"{target['health']} {target['lastError']}"
                for target in reply["data"]["activeTargets"]
            }

        def up(count: int) -> bool:
            query = {"query": 'sum_over_time(up{job="campaign"}[1h])'}
            found = requests.get(f"http://127.0.0.1:{port}/api/v1/query", params=query, timeout=5).json()["data"]["result"]
            return bool(found) and float(found[0]["value"][1]) >= count

        with (tmp_path / "prometheus.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as prometheus:
            try:
                wait_until(lambda: up(1), 40)
                assert errors()["campaign"] == "up "
                wait_until(lambda: "certificate required" in errors()["stranger"], 40)
                authority.issue("server", "localhost")
                authority.issue("client", "prometheus.example")
                wait_until(lambda: "read again" in running.log.read_text())
                wait_until(lambda: up(5), 40)
                assert errors()["campaign"] == "up "
            finally:
                prometheus.kill()
