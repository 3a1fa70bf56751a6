"""Own how a fault reads: `routers.auto.candidates[1]: found "smal", expected a model, deployment or glob`.

Invariant: one line per fault, with its key (or the environment variable that set it); no value that may be a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gearshift.config.names import suggestion
from gearshift.config.overrides import Path
from gearshift.config.values import show

_SECRETS: Final = frozenset({"auth", "key", "keys", "admin_key"})
"""Keys whose values are never shown, whatever they look like."""
_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "literal_error": "one of {expected}",
}
"""What each of pydantic's errors means; https://docs.pydantic.dev/latest/errors/validation_errors/, read 2026-11."""


def render(problem: ValidationError, root: type[BaseModel], origins: Mapping[Path, str]) -> list[str]:
    """Give one line for each fault of a validation against `root`; `origins` are the overridden keys."""
    return [_line(error, root, origins) for error in problem.errors(include_url=False)]


def locate(path: Path, origins: Mapping[Path, str]) -> str:
    """Write a path as `routers.auto.candidates[1]`, after the variable that set it, if one did."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    for depth in range(len(path), 0, -1):
        if variable := origins.get(path[:depth]):
            return f"{variable} ({text})"
    return text or "the config"


def _line(error: ErrorDetails, root: type[BaseModel], origins: Mapping[Path, str]) -> str:
    path = tuple(step for step in error["loc"] if step != "[key]")
    place = locate(path, origins)
    found, context = error["input"], error.get("ctx", {})
    match error["type"]:
        case "gearshift":
            return f"{place}: {context['message']}"
        case "missing":
            return f"{place}: found nothing, expected a value; add it"
        case "extra_forbidden":
            known = sorted(_keys(root, path[:-1]))
            hint = suggestion(str(path[-1]), known) or f"; known keys: {', '.join(known)}"
            return f"{place}: found an unknown key{hint}"
        case kind:
            expected = _EXPECTED.get(kind, error["msg"]).format(**context)
            return f"{place}: found {_shown(found, path, expected)}, expected {expected}"


def _shown(found: object, path: Path, expected: str) -> str:
    """Name a found value; a text that stands where a whole section belongs may be a secret too."""
    misplaced = isinstance(found, str) and expected in {"a mapping", "a list"}
    return "a value (not shown)" if misplaced or not _SECRETS.isdisjoint(path) else show(found)


def _keys(root: type[BaseModel], path: Path) -> list[str]:
    """List the keys that the section at `path` may have."""
    section, skipped = root, 0
    for step in path:
        if skipped:  # the name or number of a section in a mapping or list of them
            skipped -= 1
            continue
        fields = {field.alias or name: field.annotation for name, field in section.model_fields.items()}
        section, skipped = section_of(fields[str(step)])
    return [field.alias or name for name, field in section.model_fields.items()]


def section_of(annotation: object) -> tuple[type[BaseModel], int]:
    """Find the section in a field's type, and how many mappings and lists are around it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, 0
    depth = int(get_origin(annotation) in {dict, tuple})
    for argument in get_args(annotation):
        try:
            section, inner = section_of(argument)
        except LookupError:
            continue
        return section, depth + inner
    raise LookupError(annotation)
