"""Own how a caller is told which of its messages is meant: in the words and by the count of its own body.

A conversation of nouns counts the system prompt, the results of tools and what an assistant did in a row in its own
way; `Request.places` says where in the caller's list each message was said. Codecs and the hand-over name messages by
their place among the nouns, `messages[2]`; here that becomes `contents[1]`, `input[4]` or `system`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec.structs import replace

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import Codec, Encoded, RequestEdits
from gearshift.types.chat import APART, Message, Request
from gearshift.types.record import Loss

_NAMED: Final = re.compile(r"messages\[(\d+)\]")


class _Words(NamedTuple):
    """Hold what a protocol calls its list of messages, its system prompt, and the parts of a message."""

    messages: str = "messages"
    apart: str = "system"
    parts: str = "content"


_WORDS: Final = {
    "gemini": _Words("contents", "systemInstruction", "parts"),
    "openai_responses": _Words("input", "instructions"),
}
_USUAL: Final = _Words()


class Turns:
    """Collect the messages of a conversation, and where the caller said each."""

    def __init__(self) -> None:
        """Begin a conversation."""
        self.messages: list[Message] = []
        self._places: list[int] = []

    def add(self, place: int, messages: Iterable[Message]) -> None:
        """Take what the caller said at `place`: the number in its list, or `APART`."""
        before = len(self.messages)
        self.messages += messages
        self._places += [place] * (len(self.messages) - before)

    @property
    def places(self) -> tuple[int, ...]:
        """Give where the messages were said, nothing where they are the caller's list one by one."""
        return () if self._places == [*range(len(self._places))] else tuple(self._places)


def number_of(request: Request, at: int) -> int:
    """Give where the caller said the message `at`: the number in its list, or `APART`."""
    return request.places[at] if at < len(request.places) else at


def place(request: Request, at: int) -> str:
    """Name the message `at` of a request as its caller would."""
    words, number = _WORDS.get(request.protocol, _USUAL), number_of(request, at)
    return words.apart if number == APART else f"{words.messages}[{number}]"


def span(request: Request, start: int, stop: int) -> str:
    """Name the messages from `start` to before `stop` as their caller would."""
    words, last = _WORDS.get(request.protocol, _USUAL), number_of(request, stop - 1)
    return f"{words.messages}[{number_of(request, start)}:{last + 1}]"


def inner(request: Request, at: int, number: int) -> str:
    """Name a part of the message `at` as its caller would."""
    return f"{place(request, at)}.{_WORDS.get(request.protocol, _USUAL).parts}[{number}]"


def in_callers_words(request: Request, text: str) -> str:
    """Give a text about the messages of `request` with their places as its caller knows them."""
    return _NAMED.sub(lambda found: place(request, int(found[1])), text)


def placed(request: Request, losses: Iterable[Loss]) -> tuple[Loss, ...]:
    """Give losses of `request` with their places as its caller knows them."""
    return tuple(_placed(request, loss) for loss in losses)


def _placed(request: Request, loss: Loss) -> Loss:
    if not loss.field.startswith("messages["):
        return loss
    return replace(loss, field=in_callers_words(request, loss.field))


def encode(request: Request, codec: Codec, edits: RequestEdits) -> Encoded:
    """Say a request in its own protocol; what could not be said is named as its caller knows it."""
    try:
        said = codec.encode_request(request, edits)
    except InvalidRequest as error:
        raise renamed(request, error) from None
    return Encoded(body=said.body, losses=placed(request, said.losses))


def renamed(request: Request, error: InvalidRequest) -> InvalidRequest:
    """Give an error about `request` with the places as its caller knows them."""
    param = None if error.param is None else in_callers_words(request, error.param)
    return InvalidRequest(in_callers_words(request, error.message), param=param)
