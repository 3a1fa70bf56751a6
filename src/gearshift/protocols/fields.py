"""Own the reading of single fields: raw JSON to a value of the expected kind, or a fault told in words.

Invariant: a fault names the path, what was found and what was expected; it shows no text of the caller, but a word
where one of a few was expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Final, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Raw

from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.types.chat import CacheMark

CACHE: Final = "cache_control"
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_WORDS: Final = {
    "int": "a number",
    "float": "a number",
    "str": "a string",
    "bool": "a boolean",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
_FOUND: Final = {
    ord('"'): "a string",
    ord("["): "a list",
    ord("{"): "an object",
    ord("t"): "a boolean",
    ord("f"): "a boolean",
    ord("n"): "null",
}
_INNER: Final = re.compile(r"Expected `([^`]+)`, got `(\w+)` - at `\$((?:\.\w+|\[\d+\])+)`")
_MAX_SHOWN: Final = 32
NULL: Final = b"null"
_text = msgspec.json.Decoder(str)
_number = msgspec.json.Decoder(float)
ABSENT: Final = Raw()
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
"""A number of tokens."""
Spoken: TypeAlias = "dict[str, object]"
"""A JSON object on its way to the wire: plain values and raw JSON."""


class Misfit(Exception):
    """Say that a field is not what it must be; `path` leads to it, such as `messages[2].content`."""

    def __init__(self, path: str, problem: str) -> None:
        """Keep where and what."""
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def within(self, path: str) -> Misfit:
        """Give the same fault as seen from outside: `path` leads to what holds the field."""
        joint = "" if self.path.startswith("[") else "."
        return Misfit(f"{path}{joint}{self.path}", self.problem)

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class Kind(Generic[T_co]):
    """Read values of one type; `expected` says it in words."""

    __slots__ = ("_decode", "expected")

    def __init__(self, decoder: msgspec.json.Decoder[T_co], expected: str) -> None:
        """Take the decoder, for mypy cannot follow a union given as a value."""
        self._decode = decoder.decode
        self.expected = expected

    def read(self, raw: Raw, name: str) -> T_co:
        """Give the value of field `name`; raise Misfit."""
        try:
            return self._decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._misfit(bytes(raw), name, error) from None

    def _misfit(self, raw: bytes, name: str, error: Exception) -> Misfit:
        if not isinstance(error, msgspec.ValidationError):
            return Misfit(name, f"found text that is not valid Unicode, expected {self.expected}")
        if inner := _INNER.match(str(error)):
            expected = " or ".join(_WORDS.get(word, word) for word in inner[1].split(" | "))
            path = (name + inner[3]).removeprefix(".")
            return Misfit(path, f"found {_WORDS.get(inner[2], inner[2])}, expected {expected}")
        found = _FOUND.get(raw[0], "a number")
        if found == "a number" and "number" in self.expected and len(raw) <= _MAX_SHOWN:
            found = raw.decode()
        return Misfit(name, f"found {found}, expected {self.expected}")


class Sole(Kind[T_co]):
    """Read objects that say no key twice: two readers could take one for two different wishes."""

    __slots__ = ()

    def read(self, raw: Raw, name: str) -> T_co:
        """Give the value of field `name`; raise Misfit."""
        value = super().read(raw, name)
        JsonObject(bytes(raw), lambda problem: Misfit(name, problem))
        return value


def take(members: Members, name: str, kind: Kind[T], at: str = "") -> T:
    """Take a field that must be there; `at` is the path of what holds it, with its dot."""
    raw = members.pop(name, None)
    if raw is None:
        raise Misfit(at + name, f"missing, expected {kind.expected}")
    return kind.read(raw, at + name)


def maybe(members: Members, name: str, kind: Kind[T], at: str = "") -> T | None:
    """Take a field that may be missing or null."""
    raw = members.pop(name, None)
    if raw is None or (len(raw) == len(NULL) and bytes(raw) == NULL):
        return None
    return kind.read(raw, at + name)


def each(items: Iterable[Members], decode: Callable[[Members], T], name: str) -> tuple[T, ...]:
    """Give what each of a list's items says; a fault is told with its place in `name`."""
    said: list[T] = []
    try:
        for item in items:
            said.append(decode(item))  # noqa: PERF401 - what came before a fault tells its place
    except Misfit as misfit:
        raise misfit.within(f"{name}[{len(said)}]") from None
    return tuple(said)


def word(raw: Raw) -> str | None:
    """Give a name as the upstream said it, a number too; None where it said none, or something odd."""
    text = bytes(raw)
    if not text or text[:1].isdigit():
        return text.decode() or None
    try:
        return _text.decode(text) or None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def whole(raw: Raw) -> int:
    """Give a time in whole seconds, 0 where none was said that can be one."""
    try:
        return int(_number.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, OverflowError, ValueError):
        return 0


def mark(members: Members, name: str, at: str = "") -> CacheMark | None:
    """Take a mark of the prompt cache, of the form that Anthropic gave it; one of another form stays where it is."""
    if name not in members:
        return None
    spoken = members[name]
    said = maybe(members, name, OBJECT, at)
    if said is None:
        return None
    kind = bytes(said.pop("type", ABSENT))
    ttl = said.pop("ttl", ABSENT)
    if kind != b'"ephemeral"' or said or bytes(ttl)[:1] not in {b"", b'"'}:
        members[name] = spoken
        return None
    return CacheMark(ttl=_text.decode(ttl) if bytes(ttl) else None)


def say_mark(cache: CacheMark | None) -> Spoken:
    """Say a mark of the prompt cache."""
    if cache is None:
        return {}
    return {"cache_control": {"type": "ephemeral", **({} if cache.ttl is None else {"ttl": cache.ttl})}}


def keep(extra: Members, name: str, rest: Members) -> None:
    """Keep what a noun does not cover of the object `name`, under that very name."""
    if rest:
        extra[name] = raw(rest)


def raw(value: object) -> Raw:
    """Give a value as raw JSON."""
    return Raw(msgspec.json.encode(value))


TEXT: Final = Kind(msgspec.json.Decoder(str), "a string")
BOOLEAN: Final = Kind(msgspec.json.Decoder(bool), "a boolean")
NUMBER: Final = Kind(msgspec.json.Decoder(float), "a number")
POSITIVE: Final = Kind(msgspec.json.Decoder(Annotated[int, Meta(ge=1, le=2**53)]), "a whole number of at least 1")
INTEGER: Final = Kind(msgspec.json.Decoder(int), "a whole number")
OBJECT: Final[Kind[Members]] = Kind(msgspec.json.Decoder(dict[str, Raw]), "an object")
LIST: Final[Kind[list[Raw]]] = Kind(msgspec.json.Decoder(list[Raw]), "a list")
OBJECTS: Final[Kind[list[Members]]] = Kind(msgspec.json.Decoder(list[dict[str, Raw]]), "a list of objects")
TAGS: Final[Kind[dict[str, str | int | float | bool]]] = Sole(
    msgspec.json.Decoder(dict[str, str | int | float | bool]),
    "an object whose values are strings, numbers or booleans",
)
TEXTS: Final[Kind[list[str]]] = Kind(msgspec.json.Decoder(list[str]), "a list of strings")
