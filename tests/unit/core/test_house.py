"""The rules of the house that a machine can check. Each failure names the mend."""

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from campaign_exporter import catalogue
from campaign_exporter.metric import Metric

ROOT = Path(__file__).parents[3]
EXPORTER = ROOT / "exporter/campaign_exporter"
SIMULATOR = ROOT / "simulator/campaign_simulator"
FORBIDDEN_LABELS = {"instance", "job", "type", "env", "cluster", "service", "region"}


def complain(found: list[str], mend: str) -> None:
    assert not found, f"{mend}:\n" + "\n".join(found)


def python() -> Iterator[tuple[Path, str]]:
    for folder in ("exporter", "simulator", "alerts", "grafana", "tests", "scripts", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            with suppress(FileNotFoundError):  # somebody may be renaming it
                yield path, path.read_text(encoding="utf-8")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def trees(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported(folder: Path, unwanted: Callable[[str], bool]) -> list[str]:
    return [f"{name(path)}: {module}" for path, tree in trees(folder) for module in imports(tree) if unwanted(module)]


def test_files_are_short() -> None:
    counts = {name(path): len(text.splitlines()) for path, text in python()}
    complain(
        [f"{file}: {lines} lines" for file, lines in counts.items() if lines >= 500], "split: a file has less than 500 lines"
    )


def test_functions_are_short() -> None:
    long = [
        f"{name(path)}:{node.lineno}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path, text in python()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno and node.end_lineno - node.lineno >= 50
    ]
    complain(long, "split: a function has 50 lines at most")


def test_exporter_and_simulator_do_not_know_each_other() -> None:
    complain(
        imported(SIMULATOR, lambda module: module.startswith("campaign_exporter")),
        "the simulator must stand without the exporter",
    )
    found = imported(EXPORTER, lambda module: module.startswith("campaign_simulator"))
    complain(
        [line for line in found if "/demo" not in line],
        "the exporter must stand without the simulator; only the demo joins the two",
    )


def test_sql_stands_in_one_place() -> None:
    names = (
        "statements",
        "delivery_statements",
        "log_statements",
        "outlook_statements",
        "tracking_statements",
        "deliverability_statements",
        "hygiene_statements",
        "recipient_statements",
        "catalogue_statements",
        "database",
    )
    read = {f"sources/{name}.py" for name in names}
    # These print some for a person to run.
    printed = {"grants.py", "why/advice.py", "doctor/mends.py"}
    sql = re.compile(r"^\s*(SELECT\b.*\bFROM|WITH\b.*\bSELECT|INSERT INTO|UPDATE\b.*\bSET|DELETE FROM)\b", re.DOTALL)
    found = [
        f"{name(path)}:{node.lineno}"
        for path, tree in trees(EXPORTER)
        if str(path.relative_to(EXPORTER)) not in read | printed
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and sql.search(node.value)
    ]
    complain(found, "move the statement to sources/statements.py, or delivery_statements.py if only a person asks it")


def test_collectors_and_the_domain_have_no_thread_and_no_clock() -> None:
    unwanted = {"threading", "time", "datetime", "concurrent.futures", "asyncio"}
    for part in ("collectors", "diagnosis"):
        complain(
            imported(EXPORTER / part, unwanted.__contains__), "take the clock of the round, and leave threads to the sources"
        )
    outside = {"threading", "time", "socket", "subprocess", "requests", "psycopg", "os", "campaign_exporter.catalogue"}
    complain(imported(EXPORTER / "domain", outside.__contains__), "the domain is pure: move what touches the world to a source")


def test_the_domain_and_the_sources_know_no_metrics() -> None:
    unwanted = {"prometheus_client", "campaign_exporter.catalogue", "campaign_exporter.snapshot"}
    # What an agent says is said in the metrics of the catalogue.
    readers = ("agent_texts.py: campaign_exporter.catalogue", "agent_reports.py: campaign_exporter.catalogue")
    for part in ("domain", "sources"):
        found = [line for line in imported(EXPORTER / part, unwanted.__contains__) if not line.endswith(readers)]
        complain(found, "let a source return values; a collector makes samples of them")


@pytest.mark.parametrize("metric", catalogue.METRICS.values(), ids=lambda metric: metric.name)
def test_each_metric_is_declared_well(metric: Metric) -> None:
    assert metric.name.startswith("campaign_"), "begin the name with campaign_"
    assert metric.help.endswith("."), "end the help with a full stop"
    assert "\n" not in metric.help, "write the help as one line"
    assert metric.name.endswith("_total") == (metric.kind == "counter"), "counters, and only they, end in _total"
    assert not FORBIDDEN_LABELS & set(metric.label_names), (
        "the label clashes with those of Prometheus's targets: name it otherwise"
    )
    assert set(metric.values) <= set(metric.labels), "values are given for a label that is not there"
    assert metric.collector in {"", *catalogue.COLLECTORS}, "name a collector of COLLECTORS"
    assert (metric.kind == "histogram") == bool(metric.buckets), "a histogram has buckets"
    assert metric.name.endswith("_seconds") or metric.name.endswith("_seconds_total") or "timestamp" not in metric.name


def test_what_catches_everything_stands_at_an_edge() -> None:
    allowed = {"exporter/campaign_exporter/job.py", "exporter/campaign_exporter/sources/fanout.py"}
    found = [
        f"{name(path)}:{node.lineno}"
        for path, tree in trees(EXPORTER)
        if name(path) not in allowed
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or {"Exception", "BaseException"} & {each.id for each in ast.walk(node.type) if isinstance(each, ast.Name)}
        )
    ]
    complain(found, "catch the exceptions that are meant, by name")


def test_suppressions_carry_a_reason() -> None:
    bare = re.compile(r"#\s*(noqa|pragma)\b(:\s*[A-Z]+[0-9]+(,\s*[A-Z]+[0-9]+)*)?\s*$")
    found = [
        f"{name(path)}:{number}: {line.strip()}"
        for path, text in python()
        for number, line in enumerate(text.splitlines(), 1)
        if bare.search(line)
    ]
    complain(found, "say behind the suppression why it is right")


def test_names_of_test_files_are_unique() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    complain(sorted({each for each in names if names.count(each) > 1}), "rename: tests are no packages, so a name stands once")
