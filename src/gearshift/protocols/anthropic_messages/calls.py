"""Own calls of tools and their results: their ids and what they hold, wire to nouns and back.

Invariants: `input` is kept byte for byte; an id is said the same for a call and for its result, streamed or not, and no
two are said as one.
Source: the Anthropic API reference, "Messages": the pattern of `tool_use.id` is `^[a-zA-Z0-9_-]+$` (2026-11).
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Raw

from gearshift.protocols.fields import ABSENT, CACHE, NULL, OBJECT, TEXT, mark, take
from gearshift.protocols.json_patch import Members
from gearshift.protocols.losses import mapped
from gearshift.types.chat import ToolCall
from gearshift.types.record import Loss

_ID: Final = re.compile(r"[a-zA-Z0-9_-]+")
_ODD: Final = re.compile(r"[^a-zA-Z0-9-]")
_SPELT: Final = "gearshift_"
"""What an id begins with that is spelt out; one of another's making that begins so is spelt out too."""


def said_id(name: str, at: str, losses: list[Loss]) -> str:
    """Give the id of a call as Anthropic takes it: what it forbids is said as its code point, `a.b` as `a_2e_b`."""
    if _ID.fullmatch(name) and not name.startswith(_SPELT):
        return name
    said = _SPELT + _ODD.sub(lambda odd: f"_{ord(odd[0]):x}_", name)
    losses.append(mapped(f"{at}.id", f"said as {said}"))
    return said


def decode_call(members: Members) -> ToolCall:
    """Give a call; an input of null is none."""
    call, name = take(members, "id", TEXT), take(members, "name", TEXT)
    cache = mark(members, CACHE)
    spoken = bytes(members.pop("input", ABSENT))
    if spoken in {b"", NULL}:
        spoken = b"{}"
    OBJECT.read(Raw(spoken), "input")
    return ToolCall(id=call, name=name, arguments=spoken.decode(), cache=cache, extra=members)
