"""Own how an answer that broke off is given to somebody who goes on with it: its beginning, as the last turn.

    told ─ beginning ─> text ─ begun ─> request with one turn more ─ codec ─> body, ─ left_open ─> that says so

Invariant: nothing is said but the request as it was and the very beginning of the answer.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from gearshift.protocols.fields import Spoken
from gearshift.protocols.resuming import Told
from gearshift.types.catalog import Prefill
from gearshift.types.chat import Message, Request, Text

_OF_THE_TURN: Final[dict[Prefill, str]] = {"prefix": "prefix", "prefix_echoed": "prefix", "partial": "partial"}
_OF_THE_REQUEST: Final[Spoken] = {"continue_final_message": True, "add_generation_prompt": False}


def beginning(told: Told, request: Request, prefill: Prefill) -> str:
    """Give what the other one is to go on with; "" where it cannot be given anything, and has to say all again.

    Thinking is none of it. Where the conversation ends with a beginning of the caller's own there is no room for ours.
    """
    own = request.messages and request.messages[-1].role == "assistant"
    if prefill == "none" or own or not told.is_open:
        return ""
    return told.text.rstrip() if prefill == "message" else told.text


def begun(request: Request, text: str) -> Request:
    """Give the request with the beginning of its answer."""
    return replace(request, messages=(*request.messages, Message(role="assistant", parts=(Text(text=text),))))


def left_open(turns: list[Spoken], prefill: Prefill) -> Spoken:
    """Mark the last of OpenAI's `turns` as one to be gone on with, and give what the request says of that."""
    if prefill in _OF_THE_TURN:
        turns[-1] |= {_OF_THE_TURN[prefill]: True}
    return _OF_THE_REQUEST if prefill == "continue" else {}
