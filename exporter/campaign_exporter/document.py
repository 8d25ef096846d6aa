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
_MERGE = "tag:yaml.org,2002:merge"
_MAXIMAL_BYTES = 4 << 20
_MAXIMAL_VALUES = 100_000
#: PyYAML's messages that go on with the user's own text.
_QUOTING = re.compile(r"\b(alias|anchor|tag handle)\b.*")
#: What to do, by words of PyYAML.
_MENDS = {
    "'\\t'": ": indent with spaces, not with tabs",
    "undefined alias": ": put text that begins with * in quotes",
    "cannot start any token": ": put text that begins with a special character in quotes",
    "mapping values are not allowed": ": put text that holds a colon in quotes, and look at the indentation",
    "found another document": ": remove what stands from the second --- on",
}


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
        line = f"{place}: {self.key}: {self.text}" if self.key else f"{place}: {self.text}"
        return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)


class ConfigurationError(Exception):
    """A configuration that cannot be used; `problems` has all that is wrong with it, by line."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line or 0)
        super().__init__("\n".join(str(problem) for problem in self.problems))


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
    text = _read_text(file)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        document = Document(file)
        if root is not None:
            document.data = _Reader(document, environment).value(root, ())
    except yaml.YAMLError as error:
        raise ConfigurationError([_yaml_problem(file, text, error)]) from None
    except RecursionError:
        raise ConfigurationError([Problem(file, None, "", "is nested too deeply, or refers to itself")]) from None
    return document


def _read_text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(_MAXIMAL_BYTES + 1)
        if len(content) > _MAXIMAL_BYTES:
            raise ConfigurationError([Problem(file, None, "", f"is larger than {_MAXIMAL_BYTES} bytes: is it the right file?")])
        return content.decode()
    except OSError as error:
        raise ConfigurationError([Problem(file, None, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise ConfigurationError([Problem(file, None, "", "is not UTF-8 text: save it as UTF-8")]) from None


def _yaml_problem(file: Path, text: str, error: yaml.YAMLError) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return Problem(file, line, "", "is no YAML: holds a control character: remove it")
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or "cannot be understood"
    mend = next((mend for sign, mend in _MENDS.items() if sign in what), "")
    # PyYAML's text may quote the file, where secrets can stand: only its own words are passed on.
    safe = _QUOTING.sub(r"\1", what.splitlines()[0])
    return Problem(file, mark.line + 1 if mark else None, "", f"is no YAML: {safe}{mend}")


def _other_number(text: str, value: object) -> str | None:
    """Write a number that is another one than people read: YAML 1.1 takes 010 for 8, 1:30 for 90 and 1_0 for 10.

    Raises ValueError for one that is too long to be written.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    other = str(value) != text if isinstance(value, int) else bool({":", "_"} & set(text))
    return str(value) if other else None


class _Reader:
    """Turn YAML nodes into data, noting lines, double keys and missing variables."""

    def __init__(self, document: Document, environment: Mapping[str, str]) -> None:
        self._document = document
        self._environment = environment
        self._scalars = yaml.constructor.SafeConstructor()
        self._open: set[int] = set()

    def value(self, node: yaml.Node, location: Location) -> Any:  # noqa: ANN401 - data of any shape
        lines = self._document._lines  # noqa: SLF001 - the reader fills the document
        lines[location] = node.start_mark.line + 1
        if len(lines) > _MAXIMAL_VALUES:
            # Aliases of aliases: a few lines can stand for more values than any memory holds.
            raise ConfigurationError([Problem(self._document.file, None, "", f"has more than {_MAXIMAL_VALUES} values")])
        if id(node) in self._open:
            self._complain(location, "refers to itself: write it out")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return {key: self.value(each, (*location, key)) for key, each in self._entries(node, location).items()}
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*location, index)) for index, item in enumerate(node.value)]
            return self._scalar(node, location)
        finally:
            self._open.discard(id(node))

    def _entries(self, node: yaml.MappingNode, location: Location) -> dict[str, yaml.Node]:
        """Give the values by key: a key of its own wins over a merged one (`<<`), and stands once."""
        own: dict[str, yaml.Node] = {}
        merged: dict[str, yaml.Node] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged |= self._merged(value_node, location)
            elif not isinstance(key_node, yaml.ScalarNode):
                self._complain(location, f"has a key in line {key_node.start_mark.line + 1} that is no plain text")
            elif key_node.value in own:
                again = key_node.start_mark.line + 1
                self._complain((*location, key_node.value), f"stands twice, again in line {again}: keep one")
            else:
                own[key_node.value] = value_node
        return merged | own

    def _merged(self, node: yaml.Node, location: Location) -> dict[str, yaml.Node]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        result: dict[str, yaml.Node] = {}
        for source in reversed(sources):
            if isinstance(source, yaml.MappingNode):
                result |= self._entries(source, location)
            else:
                self._complain(location, "`<<` must name mappings")
        return result

    def _scalar(self, node: yaml.Node, location: Location) -> Any:  # noqa: ANN401 - data of any shape
        try:
            value = self._scalars.construct_object(node, deep=True)
            other = _other_number(node.value, value)
        except (yaml.YAMLError, ValueError, LookupError, AttributeError):  # PyYAML trusts that a tag fits its text
            self._complain(location, "is not a value that can be read: put it in quotes")
            return None
        if other:
            self._complain(location, f"is read as the number {other}: put it in quotes, or write {other}")
        return _VARIABLE.sub(lambda found: self._variable(found[1], location), value) if isinstance(value, str) else value

    def _variable(self, name: str, location: Location) -> str:
        if name not in self._environment:
            self._complain(location, f"the environment variable {name} is not set: set it, or write the value here")
        return self._environment.get(name, "")

    def _complain(self, location: Location, text: str) -> None:
        self._document.problems.append(self._document.problem(location, text))
