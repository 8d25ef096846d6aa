"""Tell the stories of the rules' unit tests to another engine; print and count those that it reads otherwise.

What holds but for an evaluation or two at a beginning or an end is counted by itself: vmalert sees what a rule records one
evaluation later than Prometheus does, and so an alert that stands on three records later by three.

    engine_stories.py PROMTOOL_OR_VMALERT_TOOL [--edge] [--every N]

Prometheus before 3 takes the sample at the left edge of a range, Prometheus 3 and VictoriaMetrics leave it out; so what stands
in whole steps there ends one evaluation sooner. With --edge each range is a millisecond longer, and all engines see the same
samples: what is read otherwise then, is a difference that matters. Exit code: 0 all stories hold, 1 one does not.
"""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "alerts")]

from unit.alerts.cases import Case, Rules  # noqa: E402 - the path is set above
from unit.alerts.stories import STORIES  # noqa: E402 - the same

_SECONDS = 300
_HOLDS, _SHIFTED, _OTHERWISE = "holds", "shifted", "otherwise"
_RANGE = re.compile(r"\[(\d+(?:ms|[smhdw]))\]")


@click.command()
@click.argument("tool", type=click.Path(exists=True, dir_okay=False))
@click.option("--edge", is_flag=True, help="Make each range a millisecond longer.")
@click.option("--every", default=1, show_default=True, type=click.IntRange(1), help="Take every so manieth story only.")
def main(*, tool: str, edge: bool, every: int) -> None:
    """Run the stories."""
    stories = STORIES[::every]
    found = Counter(_run(stories, tool, edge=edge))
    name = Path(tool).name + (", ranges a millisecond longer" if edge else "")
    click.echo(
        f"{name}: of {len(stories)} stories {found[_HOLDS]} hold, {found[_SHIFTED]} but for an evaluation or two,"
        f" {found[_OTHERWISE]} are read otherwise"
    )
    sys.exit(bool(found[_OTHERWISE]))


def _run(stories: Sequence[Case], tool: str, *, edge: bool) -> Iterator[str]:
    """Run each story, and once more without its first and last evaluations where it does not hold."""
    rules = Rules.load()
    with tempfile.TemporaryDirectory() as directory:
        for number, case in enumerate(stories):
            place = Path(directory) / str(number)
            if not _complaint(place / "exact", case, rules, tool, edge=edge):
                yield _HOLDS
            elif complaint := _complaint(place / "loose", case, rules, tool, edge=edge, loose=True):
                click.echo(f"  otherwise: {case.title}: {complaint}")
                yield _OTHERWISE
            else:
                yield _SHIFTED


def _complaint(directory: Path, case: Case, rules: Rules, tool: str, *, edge: bool, loose: bool = False) -> str:
    directory.mkdir(parents=True)
    rule_file, file = directory / "rules.yml", directory / "case.yml"
    mine = rules.of(case.alerts)
    mine.write(rule_file)
    document = case.document(mine, str(rule_file), loose=loose)
    vmalert = "vmalert" in Path(tool).name
    if vmalert:
        _name_as_vmalert(document)
    text = yaml.safe_dump(document, width=100_000)
    file.write_text(_longer(text) if edge else text, encoding="utf-8")
    if edge:
        rule_file.write_text(_longer(rule_file.read_text(encoding="utf-8")), encoding="utf-8")
    words = ["unittest", "--files", str(file), "--disableAlertgroupLabel"] if vmalert else ["test", "rules", str(file)]
    done = subprocess.run([tool, *words], capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603 - the caller's choice
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return "" if done.returncode == 0 else next((line for line in lines if "expr" in line or "rror" in line), lines[-1])[:200]


def _longer(text: str) -> str:
    return _RANGE.sub(r"[\g<1>1ms]", text)


def _name_as_vmalert(document: dict[str, Any]) -> None:
    """Call things by vmalert's names; its series ALERTS name the group as well."""
    for test in document["tests"]:
        test["metricsql_expr_test"] = test.pop("promql_expr_test")
        for sample in (sample for asked in test["metricsql_expr_test"] for sample in asked["exp_samples"]):
            if "alertname=" in sample["labels"]:
                sample["labels"] = sample["labels"].replace("{", '{alertgroup="all",', 1)


if __name__ == "__main__":
    main()
