"""A YAML file as plain data, with the line of each value and every problem of its text.

`${NAME}` in a string stands for an environment variable, so that secrets need not be in the file.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Location = tuple[str | int, ...]
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a configuration: where, what, and the mend."""

    file: Path
    line: int | None
    key: str
    text: str

    def __str__(self) -> str:
        """Write it as one line, `file:line: key: text`."""
        place = str(self.file) if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.text}" if self.key else f"{place}: {self.text}"


class ConfigurationError(Exception):
    """A configuration that cannot be used; `problems` has all that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def key_of(location: Location) -> str:
    """Write a location as people do: `instances[0].hosts[1].name`."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


@dataclass(slots=True)
class Document:
    """The data of a file, and where each value stands."""

    file: Path
    data: Any = None
    problems: list[Problem] = field(default_factory=list)
    _lines: dict[Location, int] = field(default_factory=dict)

    def problem(self, location: Location, text: str) -> Problem:
        """Make a problem of a value; one that is not there is placed at what would hold it."""
        known = location
        while known and known not in self._lines:
            known = known[:-1]
        return Problem(self.file, self._lines.get(known), key_of(location), text)


def read_document(file: Path, environment: Mapping[str, str] = os.environ) -> Document:
    """Read a YAML file; raise ConfigurationError where it is no YAML at all."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError([Problem(file, None, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise ConfigurationError([Problem(file, None, "", "is not UTF-8 text: save it as UTF-8")]) from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigurationError([_yaml_problem(file, error)]) from None
    document = Document(file)
    if root is not None:
        document.data = _Reader(document, environment).value(root, ())
    return document


def _yaml_problem(file: Path, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or "cannot be understood"
    # PyYAML's text may quote the file, where secrets can stand: only its own short words are passed on.
    return Problem(file, mark.line + 1 if mark else None, "", f"is no YAML: {what.splitlines()[0]}")


class _Reader:
    """Turn YAML nodes into data, noting lines, double keys and missing variables."""

    def __init__(self, document: Document, environment: Mapping[str, str]) -> None:
        self._document = document
        self._environment = environment
        self._scalars = yaml.constructor.SafeConstructor()
        self._open: set[int] = set()

    def value(self, node: yaml.Node, location: Location) -> Any:  # noqa: ANN401 - data of any shape
        self._document._lines[location] = node.start_mark.line + 1  # noqa: SLF001 - the reader fills the document
        if id(node) in self._open:
            self._complain(location, "refers to itself: write it out")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, location)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*location, index)) for index, item in enumerate(node.value)]
            return self._scalar(node, location)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        self._scalars.flatten_mapping(node)
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in result:
                self._complain((*location, key), f"stands twice, again in line {key_node.start_mark.line + 1}: keep one")
                continue
            result[key] = self.value(value_node, (*location, key))
        return result

    def _scalar(self, node: yaml.Node, location: Location) -> Any:  # noqa: ANN401 - data of any shape
        try:
            value = self._scalars.construct_object(node, deep=True)  # type: ignore[no-untyped-call]
        except (yaml.YAMLError, ValueError):
            self._complain(location, "is not a value that can be read: put it in quotes")
            return None
        return _VARIABLE.sub(lambda found: self._variable(found[1], location), value) if isinstance(value, str) else value

    def _variable(self, name: str, location: Location) -> str:
        if name not in self._environment:
            self._complain(location, f"the environment variable {name} is not set: set it, or write the value here")
        return self._environment.get(name, "")

    def _complain(self, location: Location, text: str) -> None:
        self._document.problems.append(self._document.problem(location, text))
