"""Own leading nouns to another protocol: without the words that only their own can say.

Invariant: what stays behind is told, each word by its place; a noun that is nothing but such words is refused. A noun
without any comes out as the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Final, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.codec import Codec
from gearshift.protocols.fields import NULL, OBJECT
from gearshift.types.chat import Extra, Media, Message, Tool, ToolCall
from gearshift.types.record import Loss

S = TypeVar("S", bound=Struct)

_TYPE: Final = "type"
_EXTRAS: Final = frozenset({"extra", "message"})
"""Fields that hold words without a noun; `message`: those of a `ChoiceDelta`."""
_ITEM: Final = "item"  # of `openai_responses`: a turn that is no message
_text = msgspec.json.Decoder(str)


class Way(Struct, frozen=True):
    """Lead nouns to `codec`; `losses` gains a line for each of their words that stays behind."""

    codec: Codec
    losses: list[Loss]
    refuse: Callable[[str], Exception]

    def cross(self, value: S, path: str) -> S:
        """Give a noun without what only its own protocol can say."""
        changes: dict[str, object] = {}
        for name in _telling(type(value)):
            inner = getattr(value, name)
            if not inner:
                continue
            if name in _EXTRAS:
                self._check(value, path, inner)
                said = (key for key, raw in inner.items() if bytes(raw) != NULL)
                self.losses.extend(unsaid(f"{path}{key}", self.codec) for key in said)
                changes[name] = {}
            elif isinstance(inner, Struct):
                changes[name] = self.cross(inner, path)
            elif any(map(_tells, inner)):
                changes[name] = tuple(self.cross(each, f"{path}{name}[{place}].") for place, each in enumerate(inner))
        if isinstance(value, Media) and value.url is None and value.data is None:
            raise self.refuse(untold(f"{path}{value.kind}", self.codec))
        return msgspec.structs.replace(value, **changes) if changes else value

    def _check(self, value: Struct, path: str, extra: Extra) -> None:
        """Refuse parts and tools that are none but in their own protocol."""
        if _TYPE in extra and isinstance(value, Media | Tool | ToolCall):
            raise self.refuse(untold(f"{path}{_TYPE}={_word(extra[_TYPE])}", self.codec))
        if _ITEM in extra and isinstance(value, Message):
            kind = OBJECT.read(extra[_ITEM], _ITEM).get(_TYPE, NULL)
            raise self.refuse(untold(f"{path}{_ITEM}={_word(Raw(kind))}", self.codec))


def _tells(value: Struct) -> bool:
    """Say whether a noun holds words of its own protocol; most hold none."""
    for name in _telling(type(value)):
        inner = getattr(value, name)
        if inner and (name in _EXTRAS or (_tells(inner) if isinstance(inner, Struct) else any(map(_tells, inner)))):
            return True
    return type(value) is Media and value.url is None and value.data is None  # `isinstance` takes five times as long


@cache
def _telling(kind: type[Struct]) -> tuple[str, ...]:
    """Give the fields of a noun that hold words of its own protocol, itself or in the nouns within."""
    hints = get_type_hints(kind)
    return tuple(
        name
        for name in kind.__struct_fields__
        if name in _EXTRAS or any(_telling(each) for each in _nouns(hints[name]))
    )


def _nouns(hint: object) -> Iterator[type[Struct]]:
    """Give the nouns that a field may hold."""
    if isinstance(hint, type) and issubclass(hint, Struct):
        yield hint
    for inner in get_args(hint):
        yield from _nouns(inner)


def _word(raw: Raw) -> str:
    try:
        return _text.decode(raw)[:40]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "?"


def untold(field: str, codec: Codec) -> str:
    """Say that a field cannot be said in the protocol of `codec`."""
    return (
        f"{field}: {codec.name} has no words for it, so it cannot be said in that protocol; "
        "leave it out, or name a model whose provider speaks your protocol"
    )


def unsaid(field: str, codec: Codec) -> Loss:
    """Say that `codec` has no such field."""
    return Loss(field=field, kind="dropped", detail=f"{codec.name} has no such field")
