"""Own the arguments of a call in protocols that say them as an object: most are one, and some were cut.

A model that comes to the limit of its tokens in the middle of a call leaves half an object; one that was not held to a
schema may write anything. Such text goes on whole under `INVALID_JSON`, as Anthropic has its callers send it back: no
tool takes it for arguments, and nothing is lost.
Invariant: arguments that are an object stay as they are, byte for byte.
Source: "Fine-grained tool streaming", https://platform.claude.com/docs/en/agents-and-tools/tool-use (2026-11).
"""

from __future__ import annotations

from typing import Final

from msgspec import Raw

from gearshift.protocols.fields import OBJECT, Misfit, raw
from gearshift.protocols.losses import mapped
from gearshift.types.record import Loss

INVALID: Final = "INVALID_JSON"


def is_whole(arguments: str) -> bool:
    """Say whether the arguments of a call are an object; none at all are an empty one."""
    try:
        OBJECT.read(Raw(arguments.strip().encode() or b"{}"), "arguments")
    except Misfit:
        return False
    return True


def as_object(arguments: str, at: str, losses: list[Loss]) -> Raw:
    """Give the arguments of a call as an object; `losses` gains a line where they are none."""
    if is_whole(arguments):
        return Raw(arguments.strip().encode() or b"{}")
    losses.append(cut(at))
    return raw({INVALID: arguments})


def cut(at: str) -> Loss:
    """Say that the arguments of the call `at` are no object."""
    return mapped(f"{at}.arguments", f"they are no JSON object, the text was said as it came, under {INVALID}")
