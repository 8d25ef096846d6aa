"""The exporters that are measured, each set up as its own documentation recommends, on one database."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psycopg
import yaml
from psycopg import sql

from benchmarks.machine import ROOT, end, free_port
from benchmarks.scraper import Client
from campaign_simulator.instance import Simulator
from campaign_simulator.roles import MONITOR_ROLE

OURS = "campaign-exporter"
CLIENT = "prometheus_client"
SQL = "sql_exporter"
POSTGRES = "postgres_exporter"
QUERY = "query-exporter"
RIVALS = (SQL, POSTGRES, QUERY)
#: The database role of each, by which its connections and statements are told apart.
ROLES = {OURS: MONITOR_ROLE, SQL: "bench_sql", POSTGRES: "bench_postgres", QUERY: "bench_query"}
_PASSWORD = "bench"  # noqa: S105 - of a throw-away server on loopback
#: As ours.
INTERVAL = 15
_START_SECONDS = 300


class Question(NamedTuple):
    """Something that is asked of the database: one metric, the columns that are its labels, and the one that is its value."""

    name: str
    help: str
    labels: tuple[str, ...]
    value: str
    query: str
    may_be_empty: bool = False


@dataclass(frozen=True)
class Running:
    """An exporter that serves."""

    name: str
    port: int
    pid: int


class Site:
    """A simulated instance, a directory for configurations, and the roles of those who look at it."""

    def __init__(
        self, simulator: Simulator, directory: Path, *, database_port: int | None = None, interval: int = INTERVAL
    ) -> None:
        self.simulator = simulator
        self.directory = directory
        #: Seconds between two looks of those that look by themselves.
        self.interval = interval
        #: Where the database is for the exporters: there may be a network between.
        self.database_port = database_port or simulator.postgres.port

    def admit(self) -> None:
        """Make the roles, and let them read all; the monitoring role exists."""
        with self.simulator.connect() as connection:
            for role in (ROLES[name] for name in RIVALS):
                create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                connection.execute(create.format(sql.Identifier(role), sql.Literal(_PASSWORD)))
                connection.execute(sql.SQL("GRANT pg_read_all_data, pg_monitor TO {}").format(sql.Identifier(role)))

    def url(self, name: str, scheme: str = "postgresql", parameters: str = "") -> str:
        """Give the address of the database for an exporter."""
        return f"{scheme}://{ROLES[name]}:{_PASSWORD}@127.0.0.1:{self.database_port}/campaign{parameters}"

    def write(self, name: str, content: object) -> Path:
        """Write a configuration."""
        path = self.directory / name
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return path


def backends(connection: psycopg.Connection, names: Sequence[str]) -> dict[str, int]:
    """Count the connections that each exporter has on the server."""
    query = "SELECT usename, count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1"
    found = {str(role): int(count) for role, count in connection.execute(query)}
    return {name: found.get(ROLES[name], 0) for name in names}


@contextlib.contextmanager
def ours(site: Site, *, instances: int = 1) -> Iterator[Running]:
    """Run this exporter as it is shipped; several instances are the same one under other names."""
    content = yaml.safe_load(site.simulator.configuration_file.read_text(encoding="utf-8"))
    [described] = content["instances"]
    described["database"]["dsn"] = f"postgresql://{MONITOR_ROLE}@127.0.0.1:{site.database_port}/campaign"
    if instances > 1:
        content["instances"] = [{**described, "name": f"prod{number:02}"} for number in range(instances)]
    content["state_directory"] = str(site.directory / "state")
    file = site.write("campaign-exporter.yaml", content)
    port = free_port()
    command = [str(Path(sys.executable).parent / "campaign-exporter"), "serve", "--config.file", str(file)]
    command += ["--web.listen-address", f"127.0.0.1:{port}", "--log.level", "error"]
    with _run(OURS, command, port, site) as running:
        yield running


@contextlib.contextmanager
def served(name: str, series: int, *words: str) -> Iterator[Running]:
    """Run our web server, or prometheus_client's, with so many series and nothing else."""
    port = free_port()
    with _run(name, [sys.executable, "-m", "benchmarks.served", name, str(series), str(port), *words], port) as running:
        yield running


@contextlib.contextmanager
def rival(name: str, site: Site, questions: Sequence[Question]) -> Iterator[Running]:
    """Run one of the others, asking questions."""
    port = free_port()
    command, environment = _SET_UP[name](site, questions, port)
    with _run(
        name, command, port, site, environment, until=[each.name for each in questions if not each.may_be_empty]
    ) as running:
        yield running


@contextlib.contextmanager
def _run(
    name: str,
    command: Sequence[str],
    port: int,
    site: Site | None = None,
    environment: Mapping[str, str] | None = None,
    until: Sequence[str] = (),
) -> Iterator[Running]:
    """Run a program until left, from when its page tells some metrics on; its log goes to the site's directory."""
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((site.directory / f"{name}.log").open("ab")) if site else subprocess.DEVNULL
        everything = {**os.environ, **(environment or {})}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=everything, cwd=ROOT)  # noqa: S603 - programs named here
        stack.callback(end, [process])
        _wait(name, port, process, until)
        yield Running(name, port, process.pid)


def _wait(name: str, port: int, process: "subprocess.Popen[bytes]", metrics: Sequence[str]) -> None:
    """Wait until each metric has a sample; some write the name of the exporter before it, or that of the column behind it."""
    wanted = [re.compile(rf"^(sql_)?{metric}\w*\{{".encode(), re.MULTILINE) for metric in metrics]
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        # One that asks the database at a scrape must be given its time, or it is asked again and again.
        client = Client(port, timeout=_START_SECONDS)
        body = client.scrape().body
        client.close()
        if body and all(each.search(body) for each in wanted):
            return
        if process.poll() is not None:
            raise RuntimeError(f"{name} has ended with status {process.returncode}: see its log")
        time.sleep(0.1)
    raise RuntimeError(f"{name} does not tell {', '.join(metrics)} within {_START_SECONDS} s")


SetUp = tuple[list[str], dict[str, str]]


def _sql_exporter(site: Site, questions: Sequence[Question], port: int) -> SetUp:
    # One job with an interval, and a connection: https://github.com/justwatchcom/sql_exporter#usage
    queries = [
        {"name": each.name, "help": each.help, "labels": list(each.labels), "values": [each.value], "query": each.query}
        for each in questions
    ]
    connections = [site.url(SQL, "postgres", "?sslmode=disable")]
    jobs = [{"name": "campaign", "interval": f"{site.interval}s", "connections": connections, "queries": queries}]
    file = site.write("sql_exporter.yml", {"jobs": jobs})
    return ["prometheus-sql-exporter", "-config.file", str(file), "-web.listen-address", f"127.0.0.1:{port}"], {}


def _postgres_exporter(site: Site, questions: Sequence[Question], port: int) -> SetUp:
    # Custom queries as in its README; what it asks by itself is left out, so that all answer the same.
    content = {
        each.name: {
            "query": each.query,
            "metrics": [
                *({label: {"usage": "LABEL", "description": label}} for label in each.labels),
                {each.value: {"usage": "GAUGE", "description": each.help}},
            ],
        }
        for each in questions
    }
    file = site.write("postgres_exporter.yml", content)
    flags = ["--disable-default-metrics", "--disable-settings-metrics", "--no-collector.database", "--no-collector.bgwriter"]
    listen = f"--web.listen-address=127.0.0.1:{port}"
    command = ["prometheus-postgres-exporter", listen, f"--extend.query-path={file}", *flags]
    return command, {"DATA_SOURCE_NAME": site.url(POSTGRES, parameters="?sslmode=disable")}


def _query_exporter(site: Site, questions: Sequence[Question], port: int) -> SetUp:
    # A gauge for each metric, and a query with an interval: https://github.com/albertodonato/query-exporter#configuration-file-format
    metrics = {each.name: {"type": "gauge", "description": each.help, "labels": list(each.labels)} for each in questions}
    queries = {
        each.name: {
            "databases": ["campaign"],
            "metrics": [each.name],
            "interval": site.interval,
            "sql": f"SELECT {', '.join((*each.labels, f'{each.value} AS {each.name}'))} FROM ({each.query}) AS answer",  # noqa: S608 - ours
        }
        for each in questions
    }
    databases = {"campaign": {"dsn": site.url(QUERY, "postgresql+psycopg")}}
    file = site.write("query_exporter.yml", {"databases": databases, "metrics": metrics, "queries": queries})
    program = str(ROOT / ".venv/query-exporter/bin/query-exporter")
    return [program, "-H", "127.0.0.1", "-p", str(port), "--config", str(file), "-L", "error"], {}


_SET_UP = {SQL: _sql_exporter, POSTGRES: _postgres_exporter, QUERY: _query_exporter}
