import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from campaign_simulator.postgres import PostgresError, PostgresServer
from campaign_simulator.programs import (
    BIN_VARIABLE,
    embedded_bin_directory,
    find_bin_directory,
    make_scratch_directory,
    server_account,
)


@pytest.fixture(scope="module", params=["system", "embedded"])
def server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    programs = find_bin_directory() if request.param == "system" else embedded_bin_directory()
    with PostgresServer(bin_directory=programs, settings={"work_mem": "5MB"}) as running:
        yield running


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """Make a cluster in a directory that stays when its server stops."""
    home = make_scratch_directory(server_account())
    with PostgresServer(home / "data") as server, psycopg.connect(server.dsn()) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    yield home / "data"
    shutil.rmtree(home)


def ask(server: PostgresServer, query: str, **parameters: str) -> str:
    with psycopg.connect(server.dsn(**parameters)) as connection:
        row = connection.execute(query.encode()).fetchone()
    return str(row[0]) if row else ""


def ends_within(seconds: float, process: int) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_it_answers_over_tcp_and_socket(server: PostgresServer) -> None:
    assert ask(server, "SELECT current_database()") == "campaign"
    assert ask(server, "SELECT current_user", host=str(server.socket_directory)) == "postgres"
    assert ask(server, "SHOW server_version").split()[0] == server.version


def test_settings_are_quick_and_ours(server: PostgresServer) -> None:
    assert ask(server, "SHOW work_mem") == "5MB"
    assert ask(server, "SHOW fsync") == "off"
    assert ask(server, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(server, "SHOW shared_preload_libraries") == "pg_stat_statements"


def test_other_roles_need_their_password(server: PostgresServer) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'right'")
    assert ask(server, "SELECT current_user", user="reader", password="right") == "reader"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        ask(server, "SELECT 1", user="reader", password="wrong")


def test_data_survive_a_power_cut_and_a_restart(server: PostgresServer) -> None:
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    server.kill()
    assert not server.running
    with pytest.raises(psycopg.OperationalError):
        ask(server, "SELECT 1")
    server.start()
    server.restart()
    assert ask(server, "SELECT count(*) FROM kept") == "0"


def test_a_paused_server_takes_connections_and_stays_silent(server: PostgresServer) -> None:
    with psycopg.connect(server.dsn()) as connection:
        server.pause()
        with socket.create_connection(("127.0.0.1", server.port), timeout=1) as client:
            client.settimeout(0.2)
            client.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")  # the question whether it speaks TLS
            with pytest.raises(TimeoutError):
                client.recv(1)
        server.resume()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_starting_and_stopping_twice_is_harmless(server: PostgresServer) -> None:
    server.start()
    server.stop("immediate")
    server.stop()
    server.start()
    assert server.running


def test_a_directory_of_the_users_is_kept_and_all_else_is_gone(cluster: Path) -> None:
    with PostgresServer(cluster) as server:
        home = server.socket_directory
        assert home.is_dir()
        assert ask(server, "SELECT count(*) FROM kept") == "0"
    assert not server.running
    assert not home.exists()
    assert cluster.is_dir()


def test_programs_out_of_reach_are_copied(tmp_path: Path) -> None:
    wheel = embedded_bin_directory()
    assert wheel is not None
    package = wheel.parent.parent
    shutil.copytree(package / "pginstall", tmp_path / package.name / "pginstall", symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, tmp_path / libraries.name, symlinks=True)
    tmp_path.chmod(0o700)
    with PostgresServer(bin_directory=tmp_path / package.name / "pginstall" / "bin") as server:
        assert ask(server, "SELECT 1") == "1"


def test_a_bad_setting_is_told_with_the_servers_own_words(cluster: Path) -> None:
    with (
        pytest.raises(PostgresError, match=r"does not start on port \d+: .*shared_buffers.*lots"),
        PostgresServer(cluster, settings={"shared_buffers": "lots"}),
    ):
        pytest.fail("it started")


def test_a_port_that_another_server_has_is_told(cluster: Path, server: PostgresServer) -> None:
    with (
        pytest.raises(PostgresError, match="Address already in use"),
        PostgresServer(cluster, port=server.port),
    ):
        pytest.fail("it started")


def test_a_directory_without_programs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BIN_VARIABLE, str(tmp_path))
    with pytest.raises(PostgresError, match=f"{BIN_VARIABLE}={tmp_path} holds no initdb"), PostgresServer():
        pytest.fail("it started")


def test_no_server_outlives_a_killed_owner() -> None:
    program = (
        "import sys, time; from campaign_simulator.postgres import PostgresServer; s = PostgresServer(); s.start(); "
        "print(s.socket_directory, (s.data_directory / 'postmaster.pid').read_text().split()[0], flush=True); "
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        home, process = owner.stdout.readline().split()
        os.kill(owner.pid, signal.SIGKILL)
    assert ends_within(5, int(process))
    deadline = time.monotonic() + 5
    while Path(home).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(home).exists()
