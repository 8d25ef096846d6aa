"""The exporter as a process: pages, reload, signals, hostile clients."""

import gzip
import http.client
import json
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from integration.core.exporter_process import COMMAND, LISTING, Exporter, exporter, free_port, wait_until

CONFIGURATION = """
instances:
  - name: prod
    hosts:
      - {name: mta1, expected_processes: [mta], processes: {file: pdump.txt, max_age: 1d}}
      - {name: mta2, directories: {var: .}}
collectors: {processes: {interval: 1s}, disks: {interval: 1s}, affinity: {interval: 1s}}
state_directory: state
"""


def write(directory: Path, text: str = CONFIGURATION) -> Path:
    (directory / "pdump.txt").write_text(LISTING)
    (directory / "exporter.yml").write_text(text)
    return directory / "exporter.yml"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    with exporter(write(tmp_path_factory.mktemp("served")), "--web.enable-lifecycle") as running:
        running.wait_ready()
        yield running


def test_metrics_plain_and_gzipped_are_the_same(served: Exporter) -> None:
    plain = served.ask()
    assert plain.status == 200
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert plain.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in plain.headers
    packed = served.ask(Accept_Encoding="deflate, gzip;q=0.5")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.body).startswith(b"# HELP campaign_instance_info")
    assert "content-encoding" not in served.ask(Accept_Encoding="gzip;q=0, *").headers


def test_head_has_no_body(served: Exporter) -> None:
    reply = served.ask(method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["content-length"]) > 1000


@pytest.mark.parametrize(
    "path", ["/x", "/metrics/", "/-/", "/-/healthy/", "//metrics", "/metrics%2f", "/../metrics", "/index.html"]
)
def test_unknown_paths_are_not_found(served: Exporter, path: str) -> None:
    assert served.ask(path).status == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/metrics", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
        ("PUT", "/-/ready", "GET, HEAD"),
        ("GET", "/-/reload", "POST, PUT"),
    ],
)
def test_other_methods_are_refused(served: Exporter, method: str, path: str, allowed: str) -> None:
    reply = served.ask(path, method)
    assert (reply.status, reply.headers["allow"]) == (405, allowed)


def test_the_landing_page_leads_to_the_metrics(served: Exporter) -> None:
    reply = served.ask("/")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert '<a href="/metrics">' in reply.text


def test_promtool_reads_it_without_complaint(served: Exporter) -> None:
    done = subprocess.run(["promtool", "check", "metrics"], input=served.ask().body, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_reload_adopts_a_good_configuration_and_refuses_a_bad_one(tmp_path: Path) -> None:
    file = write(tmp_path)
    with exporter(file, "--web.enable-lifecycle") as running:
        running.wait_ready()
        first = running.value("campaign_exporter_config_last_reload_success_timestamp_seconds")
        write(tmp_path, CONFIGURATION.replace("interval: 1s", "interval: often", 1))
        reply = running.ask("/-/reload", "POST")
        assert reply.status == 500
        assert "collectors.processes.interval: must be a duration such as 15s, 1m30s or 2d" in reply.text
        assert running.value("campaign_exporter_config_last_reload_successful") == 0
        assert running.value("campaign_exporter_config_last_reload_success_timestamp_seconds") == first
        assert running.value("campaign_process_up", "mta1", "mta") == 1
        write(tmp_path, CONFIGURATION.replace("mta2", "mta3").replace("name: prod", "name: live"))
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: running.value("campaign_exporter_config_last_reload_successful") == 1)
        wait_until(lambda: running.value("campaign_host_up", "mta3", "directories") == 1)
        text = running.ask().text
        assert 'campaign_instance="live"' in text
        assert 'campaign_instance="prod"' not in text
        assert first is not None
        assert (running.value("campaign_exporter_config_last_reload_success_timestamp_seconds") or 0) > first
        assert running.ask("/-/reload", "PUT").text == "reloaded\n"
        wait_until(lambda: "live/processes" in (tmp_path / "state/state.json").read_text())
        wait_until(lambda: "prod/processes" not in (tmp_path / "state/state.json").read_text())


def test_reload_by_web_is_off_unless_enabled(tmp_path: Path) -> None:
    with exporter(write(tmp_path), "--web.telemetry-path", "/custom") as running:
        assert running.ask("/-/reload", "POST").status == 403
        assert running.ask("/metrics").status == 404
        assert running.ask("/custom").status == 200
        assert '<a href="/custom">' in running.ask("/").text


def test_ready_comes_after_the_first_rounds(tmp_path: Path) -> None:
    text = CONFIGURATION.replace("{file: pdump.txt, max_age: 1d}", "{command: [sleep, '1.5']}").replace(
        "interval: 1s", "interval: 5s"
    )
    with exporter(write(tmp_path, text)) as running:
        assert running.ask("/-/ready").status == 503
        assert running.ask("/-/healthy").status == 200
        assert running.ask().status == 200
        assert running.value("campaign_exporter_collector_success", "processes") is None
        running.wait_ready()
        assert running.value("campaign_exporter_collector_success", "processes") == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_time_while_everything_hangs(tmp_path: Path, number: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes connections, says nothing
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        text = f"""
instances:
  - name: prod
    database: {{dsn: "postgresql://u@{address}/db", connect_timeout: 30s}}
    hosts: [{{name: mta1, processes: {{command: [sleep, "100"]}}}}]
    endpoints: [{{name: e, kind: ping, url: "http://{address}/"}}]
state_directory: state
"""
        with exporter(write(tmp_path, text)) as running, socket.create_connection(("127.0.0.1", running.port)) as idle:
            idle.sendall(b"GET /metrics HT")
            time.sleep(1)
            status, seconds = running.stop(number)
            assert status == 0
            assert seconds < 5


def test_a_taken_port_is_one_line_and_leaves_no_state(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [COMMAND, "serve", "--config.file", str(write(tmp_path)), "--web.listen-address", address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert done.stderr == f"cannot listen on {address}: Address already in use: name another --web.listen-address\n"
    assert not (tmp_path / "state").exists()


def listening(host: str, port: int) -> bool:
    with socket.create_connection((host, port), 5):
        return True


@pytest.mark.parametrize("form", [":{}", "[::1]:{}", "localhost:{}", "0.0.0.0:{}"])
def test_forms_of_the_address(tmp_path: Path, form: str) -> None:
    port = free_port()
    command = [COMMAND, "serve", "--config.file", str(write(tmp_path)), "--web.listen-address", form.format(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        hosts = {":{}": ["127.0.0.1", "::1"], "[::1]:{}": ["::1"]}.get(form, ["127.0.0.1"])
        for host in hosts:
            wait_until(partial(listening, host, port))
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_the_log_is_json_lines(tmp_path: Path) -> None:
    file = write(tmp_path, CONFIGURATION.replace("pdump.txt", '"none\\u2028\\n\\t.txt"'))
    with exporter(file, "--log.format", "json", "--log.level", "debug") as running:
        running.wait_ready()
        running.ask("/metrics")
        with socket.create_connection(("127.0.0.1", running.port)) as client:
            client.sendall(b"nonsense\r\n\r\n")
            client.recv(100)
        assert running.stop()[0] == 0
        lines = [json.loads(line) for line in running.log.read_text().rstrip("\n").split("\n")]
    assert all({"ts", "level", "caller", "msg"} <= line.keys() for line in lines)
    assert any("part=mta1 reason=missing" in line["msg"] for line in lines)
    assert lines[-1]["msg"] == "stopped"


def scrape_times(running: Exporter, count: int = 40) -> list[float]:
    times = []
    for _ in range(count):
        began = time.perf_counter()
        assert running.ask().status == 200
        times.append(time.perf_counter() - began)
    return times


def test_hostile_clients_do_not_slow_a_scrape(served: Exporter) -> None:
    address = ("127.0.0.1", served.port)
    with ExitStack() as clients:
        for number in range(200):
            client = clients.enter_context(socket.create_connection(address))
            client.sendall(
                [b"", b"GET /metrics HTTP/1.1\r\nHost: x\r\n", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01"][
                    number % 4
                ]
            )
        huge = clients.enter_context(socket.create_connection(address))
        huge.sendall(b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 60_000)
        for _ in range(30):  # vanish in the middle of the answer
            client = socket.create_connection(address)
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        assert statistics.median(scrape_times(served)) < 0.05
    assert served.ask("/-/healthy").status == 200


def test_huge_headers_and_bodies_are_refused_or_passed_over(served: Exporter) -> None:
    assert served.ask(X="y" * 30_000).status in {200, 400, 431}
    with socket.create_connection(("127.0.0.1", served.port), 5) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000)
        assert b" 400 " in client.recv(100)
    assert served.ask().status == 200


def test_an_ordinary_client_gets_its_answer_at_once(served: Exporter) -> None:
    # 40 ms would tell of an answer in two packets that waits for an acknowledgement.
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    times = []
    for _ in range(20):
        began = time.perf_counter()
        connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
        connection.getresponse().read()
        times.append(time.perf_counter() - began)
    connection.close()
    assert statistics.median(times) < 0.02
