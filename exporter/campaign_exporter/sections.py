"""Sections of a configuration: data checked against a model, each problem with its place and the mend."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails

from campaign_exporter.document import Document, Location, Problem


class Section(BaseModel):
    """A mapping of the file: unknown keys are errors, nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)


M = TypeVar("M", bound=BaseModel)


def _beside_the_file(path: Path, info: ValidationInfo) -> Path:
    base: Path = (info.context or {}).get("base", Path())
    if "\0" in str(path):
        raise ValueError("must not hold a NUL character")
    try:
        return base / path.expanduser()
    except RuntimeError:
        raise ValueError("begins with the home of a user that is not known here: write it out") from None


FilePath = Annotated[Path, AfterValidator(_beside_the_file)]


def section_of(model: type[M], document: Document, location: Location = ()) -> M | None:
    """Read the section at a location of a document; note what is wrong with it there, and give None."""
    data = document.data
    for step in location:
        data = data[step]
    try:
        return model.model_validate(data, context={"base": document.file.absolute().parent})
    except ValidationError as error:
        document.problems += [_problem(model, document, location, detail) for detail in error.errors(include_url=False)]
        return None


def did_you_mean(word: str, allowed: list[str]) -> str:
    """Name the nearest of the allowed words, or else all."""
    close = difflib.get_close_matches(word, allowed, n=1)
    return f"did you mean {close[0]}?" if close else f"allowed here: {', '.join(allowed)}"


def _problem(model: type[BaseModel], document: Document, above: Location, detail: ErrorDetails) -> Problem:
    location: Location = above + detail["loc"]
    if detail["type"] == "extra_forbidden":
        allowed = _keys(_section_at(model, detail["loc"][:-1]))
        return document.problem(location, f"unknown key: {did_you_mean(str(location[-1]), allowed)}")
    if detail["type"] == "missing":
        return document.problem(location[:-1], f"lacks the key {location[-1]}: add it")
    text = _WORDS.get(detail["type"]) or detail["msg"].removeprefix("Value error, ").replace("Input should", "must")
    # Where a key of a mapping is wrong, pydantic adds a step of its own.
    return document.problem(location[:-1] if location[-1:] == ("[key]",) else location, text[:1].lower() + text[1:])


_WORDS: Mapping[str, str] = {
    "string_type": "must be text: put it in quotes",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "path_type": "must be a path",
    "tuple_type": "must be a list",
    "frozen_set_type": "must be a list",
    "model_type": "must be a mapping of keys to values",
    "mapping_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
}


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _section_at(model: type[BaseModel], location: Location) -> type[BaseModel]:
    """Follow a location from a model down to the innermost section."""
    for step in location:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        model = (_section_in(fields[step].annotation) if step in fields else None) or model
    return model


def _section_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - whatever may stand behind the name of a field
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _section_in(each))), None)
