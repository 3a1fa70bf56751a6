"""Own secrets: where a config says they are, and how they are kept from showing.

Invariant: a config holds references (`env:NAME`, `file:PATH`), never a secret; no message, repr or log line shows one.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from gearshift.errors import ConfigError

MAX_BYTES: Final = 16 * 1024
"""No key is longer; a wrong path (a log, a device) is refused instead of read."""


class Secret:
    """Hold a secret that shows itself only when asked by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Take the secret's text."""
        self._value = value

    def reveal(self) -> str:
        """Give the secret's text: for a request header, and nothing else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        """Compare in a time that does not tell how much matched."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        """Refuse to be written anywhere."""
        raise TypeError("a Secret is not written to disk or wire; pass its reference instead")


def resolve_secret(reference: str, environ: Mapping[str, str]) -> Secret:
    """Read the secret that `env:NAME` or `file:PATH` refers to, without the white space around it.

    Raises ConfigError with one fault when there is none, or an empty one.
    """
    kind, _, name = reference.partition(":")
    text = environ.get(name, "").strip() if kind == "env" else _read(Path(name))
    if not text:
        found = f"the environment variable {name} unset or empty; set it" if kind == "env" else f"{name} empty; fill it"
        raise ConfigError([f"found {found}"], source=reference)
    if not text.isascii() or not text.isprintable():  # it becomes an HTTP header
        raise ConfigError([f"found bytes in {name} that no key has, expected one line of ASCII"], source=reference)
    return Secret(text)


def resolve_document(reference: str, environ: Mapping[str, str]) -> Secret:
    """Read the JSON document of secrets that `env:NAME` or `file:PATH` refers to.

    A variable holds the document itself or, as Google's own tools have it, the path of its file. Raises ConfigError
    with one fault when there is none.
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        text = resolve_secret(reference, environ).reveal()
        if text.startswith("{"):
            return Secret(text)
        name = text
    text = _read(Path(name))
    if not text.startswith("{"):
        raise ConfigError([f"found no JSON object in {name}, expected the file of a credential"], source=reference)
    return Secret(text)


def _read(path: Path) -> str:
    if not path.is_file():
        raise ConfigError([f"found no file {path}; create it"], source=f"file:{path}")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as problem:
        fault = f"found a file {path} that cannot be read ({problem.strerror}); change its owner or mode"
        raise ConfigError([fault], source=f"file:{path}") from None
    if len(data) > MAX_BYTES:
        raise ConfigError([f"found more than {MAX_BYTES} bytes in {path}, expected a key"], source=f"file:{path}")
    return data.decode("utf-8", "replace").strip()
