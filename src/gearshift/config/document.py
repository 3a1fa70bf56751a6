"""Own how a config file becomes plain data: YAML or TOML, mappings with text keys, lists and scalars.

Invariant: what comes out is small (at most `MAX_NODES` values with every alias followed) and says each key once. A file
that is too large, not UTF-8 or no config at all is refused with its line, before anything is built of it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from gearshift.errors import ConfigError

MAX_BYTES: Final = 1024 * 1024
MAX_NODES: Final = 100_000
"""Aliases multiply: a few lines of YAML can stand for billions of values (CVE-2003-1564, "billion laughs")."""

Document: TypeAlias = dict[str, Any]
"""Raw data as it was written."""


def read(path: Path) -> Document:
    """Read the file at `path`, by its extension; raise ConfigError when it is no config."""
    try:
        if not path.is_file():
            kind = "no file" if not path.exists() else "a directory or device"
            fault = f"found {kind}, expected a YAML or TOML file; `gearshift init` writes one"
            raise ConfigError([fault], source=str(path))
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise ConfigError([f"found a file that cannot be read ({problem.strerror})"], source=str(path)) from None
    try:
        return parse(data, path.suffix)
    except ValueError as problem:
        raise ConfigError([str(problem)], source=str(path)) from None


def parse(data: bytes, suffix: str) -> Document:
    """Read the bytes of a config in the format of `suffix`; raise ValueError with the fault."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"found more than {MAX_BYTES} bytes, expected a config")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise ValueError(f"found bytes that are not UTF-8 at offset {problem.start}, expected UTF-8 text") from None
    match suffix.lower():
        case ".yaml" | ".yml":
            found = parse_yaml(text)
        case ".toml":
            found = _parse_toml(text)
        case _:
            raise ValueError(f'found the extension "{suffix}", expected .yaml, .yml or .toml')
    if not isinstance(found, dict):
        kind = "nothing" if found is None else f"a {type(found).__name__}"
        fault = f"found {kind} at the top, expected a mapping with sections such as providers and models"
        raise ValueError(fault)  # noqa: TRY004 - a fault of the file, as the others are
    document: Document = found
    return document


def parse_yaml(text: str) -> Any:  # noqa: ANN401 - raw data
    """Read YAML; raise ValueError with line and column."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"{place}found invalid YAML: {problem.problem or problem.context}") from None
    except yaml.YAMLError as problem:
        raise ValueError(f"found invalid YAML: {str(problem).splitlines()[0]}") from None
    except RecursionError:
        raise ValueError("found lists or mappings nested too deeply, expected a config") from None
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
    ):  # PyYAML's constructors of tagged scalars raise any of them
        raise ValueError("found a value that is not of its YAML tag or notation, expected plain YAML") from None


def lines(text: str) -> Callable[[Iterable[str | int]], int]:
    """Give a function that finds the line, from 1, of a path in YAML that was read by `parse`.

    Of a path that is not there, it gives the line of what is nearest above.
    """
    root = yaml.compose(text, yaml.SafeLoader)

    def line(path: Iterable[str | int]) -> int:
        node, found = root, 1
        for step in path:
            match node:
                case yaml.MappingNode(value=pairs):
                    marked = next(((key, value) for key, value in pairs if key.value == step), None)
                case yaml.SequenceNode(value=items) if isinstance(step, int) and step < len(items):
                    marked = items[step], items[step]
                case _:
                    marked = None
            if marked is None:
                break
            found, node = marked[0].start_mark.line + 1, marked[1]
        return found

    return line


def _parse_toml(text: str) -> Document:
    try:
        return tomllib.loads(text)
    except ValueError as problem:  # TOMLDecodeError, or a number with too many digits
        raise ValueError(f"found invalid TOML: {problem}") from None
    except RecursionError:
        raise ValueError("found lists or tables nested too deeply, expected a config") from None


class _Loader(yaml.SafeLoader):
    """Load plain YAML, refusing what would surprise: keys said twice, keys that are no text, bombs."""

    def get_single_data(self) -> Any:  # noqa: ANN401 - raw data
        """Check the tree before anything is built of it."""
        node = self.get_single_node()
        if node is None:
            return None
        _count(node, {})
        return self.construct_document(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        """Build a mapping whose keys are text, each said once; a merge (`<<`) may be overridden, as YAML has it."""
        said: set[str] = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.tag != "tag:yaml.org,2002:str":
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r:.80} is no text, expected text; put it in quotes",
                    problem_mark=key.start_mark,
                )
            if key.value in said:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r:.80} is said twice, expected it once", problem_mark=key.start_mark
                )
            said.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _count(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Count the values that a node stands for, each alias as often as it is followed."""
    known = sizes.get(id(node))
    if known is not None:
        return known
    sizes[id(node)] = MAX_NODES + 1  # what a node finds of itself inside itself
    match node:
        case yaml.MappingNode(value=pairs):
            children = [child for pair in pairs for child in pair]
        case yaml.SequenceNode(value=children):
            pass
        case _:
            children = []
    size = 1 + sum(_count(child, sizes) for child in children)
    if size > MAX_NODES:
        raise yaml.MarkedYAMLError(
            problem=f"aliases or lists that stand for more than {MAX_NODES} values, expected a config",
            problem_mark=node.start_mark,
        )
    sizes[id(node)] = size
    return size
