"""Rules that are wrong by one thing, and whether a story notices."""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign_alerts.durations import duration, seconds
from unit.alerts.cases import Case, Rules, complaint, write
from unit.alerts.timeline import STEP

#: Words of an expression: texts, matchers, ranges and offsets, numbers, and all else.
_WORD = re.compile(
    r'"(?:[^"\\]|\\.)*"|\[[0-9a-z]+\]|\boffset [0-9a-z]+\b|[a-zA-Z_:][a-zA-Z0-9_:]*|\d+(?:\.\d+)?|\s+|.', re.DOTALL
)
_MATCHER = re.compile(r'([a-z_]+)(=~|!~|!=|=)("(?:[^"\\]|\\.)*")(,?)')
_SMALL = 5


@dataclass(frozen=True)
class Mutant:
    """A rule in which one thing is changed."""

    place: int
    what: str
    change: str
    rule: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The rule's name."""
        return str(self.rule.get("alert") or self.rule["record"])

    def __str__(self) -> str:
        return f"{self.name}: {self.what}: {self.change}"


def mutants(rules: Rules) -> Iterator[Mutant]:
    """Change each threshold, range, `for`, `keep_firing_for` and matcher of all rules, one at a time."""
    for place, rule in enumerate(rules.rules):
        if rule.get("alert") == "CampaignWatchdog":
            continue
        for what, change, expr in _expressions(rule["expr"]):
            yield Mutant(place, what, change, {**rule, "expr": expr})
        for key in ("for", "keep_firing_for"):
            if key in rule:
                for other in _other_durations(rule[key]):
                    yield Mutant(place, key, f"{rule[key]} to {other}", {**rule, key: other})


def _other_durations(text: str) -> list[str]:
    """Give a little more, a little less, and none."""
    length = seconds(text)
    little = max(STEP, length // 10)
    return list(dict.fromkeys([duration(length + little), duration(length - little), "0s"]))


def _expressions(expr: str) -> Iterator[tuple[str, str, str]]:
    yield from _thresholds_and_ranges(expr)
    yield from _matchers(expr)
    yield from _clauses(expr)


def _thresholds_and_ranges(expr: str) -> Iterator[tuple[str, str, str]]:
    words = _WORD.findall(expr)
    for place, word in enumerate(words):
        what, others = _others(word)
        for other in others:
            yield what, f"{word} to {other} ({_around(words, place)})", "".join([*words[:place], other, *words[place + 1 :]])


def _around(words: Sequence[str], place: int) -> str:
    return "".join(words[max(place - 12, 0) : place + 1]).strip().replace("\n", " ")[-60:]


def _others(word: str) -> tuple[str, list[str]]:
    if re.fullmatch(r"\d+(\.\d+)?", word):
        number = float(word)
        if number <= _SMALL and number == int(number):
            return "threshold", [f"{number + 1:g}", f"{number - 1:g}"]
        return "threshold", [f"{number * 1.1:g}", f"{number * 0.9:g}"]
    if word.startswith("["):
        length = seconds(word[1:-1])
        return "range", [f"[{duration(length * 1.5)}]", f"[{duration(length * 0.5)}]"]
    if word.startswith("offset "):
        length = seconds(word.removeprefix("offset "))
        return "range", [f"offset {duration(length + 300)}", f"offset {duration(length - 300)}"]
    return "", []


def _matchers(expr: str) -> Iterator[tuple[str, str, str]]:
    for match in _MATCHER.finditer(expr):
        label, operator, value, comma = match.groups()
        others = [("gone", ""), ("another value", f'{label}{operator}"mutant"{comma}')]
        words = value[1:-1].split("|")
        if operator in {"=~", "!~"} and len(words) > 1:
            for word in words:
                rest = "|".join(other for other in words if other != word)
                others.append((f"without {word}", f'{label}{operator}"{rest}"{comma}'))
        for change, text in others:
            changed = expr[: match.start()] + text + expr[match.end() :]
            yield "matcher", f"{match.group()} {change}", changed.replace(",}", "}")


def _clauses(expr: str) -> Iterator[tuple[str, str, str]]:
    """Leave out each line that takes something away: what another alert owns."""
    lines = expr.splitlines()
    for place, line in enumerate(lines):
        if line.strip().startswith("unless ") and line.count("(") == line.count(")"):
            yield "clause", f"without {line.strip()[:100]}", "\n".join([*lines[:place], *lines[place + 1 :]])


class Hunter:
    """Looks for a story that notices a mutant. The stories are written once, each for the rules of its alerts alone."""

    def __init__(self, rules: Rules, stories: Sequence[Case], directory: Path) -> None:
        self._rules = rules
        self._directory = directory
        self._stories: dict[tuple[str, ...], list[str]] = {}
        # The short ones first: most mutants are noticed by one of them.
        for number, case in enumerate(sorted(stories, key=lambda case: case.until / case.step)):
            alerts = case.alerts or tuple(dict.fromkeys(firing.alert for firing in case.firing))
            if alerts:
                name = f"case{number}.yml"
                write(directory / name, case.document(rules.of(alerts), "rules.yml"))
                self._stories.setdefault(alerts, []).append(name)

    def survives(self, mutant: Mutant) -> bool:
        """Tell whether no story notices it."""
        changed = Rules([*self._rules.rules[: mutant.place], dict(mutant.rule), *self._rules.rules[mutant.place + 1 :]])
        with tempfile.TemporaryDirectory(dir=self._directory) as name:
            folder = Path(name)
            for alerts, stories in self._stories.items():
                if not self._rules.of(alerts).has(mutant.name):
                    continue
                changed.of(alerts).write(folder / "rules.yml")
                for story in stories:
                    (folder / story).symlink_to(self._directory / story)
                    if complaint(folder / story):
                        return False
        return True
