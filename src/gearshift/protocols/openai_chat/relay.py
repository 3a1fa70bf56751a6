"""Own the relay: a stream passed on under the caller's name of the model, its end held back until the cost is known.

    content ── finish reasons ──> complete ── [DONE] ──> ended
       └─ error, or end of input before complete: StreamBroken

Invariants: the JSON of a chunk keeps its bytes but for `model` (and, at the end, what `ResponseEdits` add); framing is
ours: one `data` line a chunk, comments in between. The same bytes in give the same bytes out however they are split.
A chunk that only brings the usage is held back and said at the end; one that brings it beside content passes, and its
usage is said once more. No text is lost in silence: a chunk that cannot be read breaks the stream. What came before an
error in the same bytes is given first, and the error kept in `failure`; after it the relay is of no use.
Source: the OpenAI API reference, "The chat completion chunk object"; OpenRouter, "Streaming" (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.complaint import broken_off
from gearshift.protocols.fields import ABSENT, NULL, word
from gearshift.protocols.following import Passing
from gearshift.protocols.json_patch import JsonObject, legible
from gearshift.protocols.openai_chat.facts import ChoicePeek
from gearshift.protocols.openai_chat.progress import DONE, Progress, is_error
from gearshift.protocols.openai_chat.response import patch_answer
from gearshift.protocols.openai_chat.usage import peek_usage
from gearshift.protocols.sse import ServerEvent, encode_event
from gearshift.protocols.wording import MALFORMED, invalid, unreadable


class ChunkPeek(Struct):
    """Hold what must be known of a chunk."""

    id: Raw = ABSENT
    model: Raw = ABSENT
    created: Raw = ABSENT
    choices: list[ChoicePeek] | None = None
    usage: Raw = ABSENT
    error: Raw = ABSENT


_chunk = msgspec.json.Decoder(ChunkPeek)
_NO_USAGE: Final = frozenset({b"", NULL})


class Relay(Passing):
    """Pass one stream on; see `codec.StreamRelay`."""

    def __init__(self, model: str, choices: int = 1) -> None:
        """Begin a stream of `choices` answers, for a caller who is told that `model` answers."""
        super().__init__(choices)
        self._progress = Progress(choices)
        self._model = msgspec.json.encode(model)
        self._prefix = DONE  # how chunks begin, to the end of their model, once that is known; no chunk begins so
        self._prefix_model = ABSENT
        self._patched = b""
        self._held: JsonObject | None = None
        self._spoken_usage = b""
        self._created = b"0"

    def close(self) -> None:
        """Raise StreamBroken when the input ended before the stream did."""
        if self.parser.cut().startswith(DONE):
            self._end()
        self._progress.close()

    def end(self, edits: ResponseEdits, *, send_usage: bool) -> bytes:
        """Give the last chunk, when there is anything for it to say, and the terminator."""
        if not send_usage:
            edits = msgspec.structs.replace(edits, usage=b"", counted=None)
        last = self._held if send_usage else None
        if last is None and ((send_usage and self._spoken_usage) or edits.usage or edits.top or edits.counted):
            last = self._last_chunk(self._spoken_usage if send_usage else b"")
        return (b"" if last is None else encode_event(patch_answer(last, edits))) + encode_event(DONE)

    def take(self, item: ServerEvent) -> bytes:
        """Give what is passed on of one event."""
        data = item.data
        if data.startswith(DONE):
            self._end()
            return b""
        if not data.strip():
            return b""
        chunk = _read(data)
        if item.event == "error" or bytes(chunk.error) not in _NO_USAGE or (not chunk.choices and is_error(data)):
            raise broken_off(data)
        if self._learn(chunk):
            self._held = JsonObject(data, invalid, lax=True)
            return b""
        if chunk.model == self._prefix_model and data.startswith(self._prefix):
            return encode_event(self._patched + data[len(self._prefix) :])
        return encode_event(self._patch(data, chunk.model))

    def _end(self) -> None:
        self._progress.end()
        self.ended = self.complete = True

    def _learn(self, chunk: ChunkPeek) -> bool:
        """Note the facts of a chunk; say whether it only brings the usage."""
        if self.response_id is None and (said := word(chunk.id)):
            self.response_id = said
            self._created = bytes(chunk.created) or self._created
        if self.upstream_model is None:
            self.upstream_model = word(chunk.model)
        was_complete, size = self.complete, self.answer_bytes
        for choice in chunk.choices or ():
            self._learn_choice(choice)
        usage = bytes(chunk.usage)
        if usage in _NO_USAGE:
            return False
        self._spoken_usage = usage
        self.usage = peek_usage(chunk.usage) or self.usage
        return not chunk.choices or (was_complete and self.complete and self.answer_bytes == size)

    def _learn_choice(self, choice: ChoicePeek) -> None:
        delta = choice.delta
        if delta is not None:
            size = delta.size()
            self.answer_bytes += size
            self.call_id = self.call_id or delta.call_id()
            self.content_seen = self.content_seen or size > 0 or delta.beyond_text()
        self._progress.see(choice.index or 0, choice.finish_reason)
        self.complete = self._progress.complete
        self.finish_reason = self.finish_reason or choice.finish_reason or None

    def _patch(self, data: bytes, model: Raw) -> bytes:
        """Say the caller's model; from then on chunks that begin alike need no parsing for it."""
        chunk = JsonObject(data, invalid, lax=True)
        if "model" not in chunk.members:
            return data
        prefix = chunk.head("model")
        if not data.startswith(prefix):  # a key was there twice
            return chunk.patch({"model": self._model})
        self._prefix = prefix
        self._prefix_model = model
        self._patched = self._prefix[: -len(chunk.members["model"])] + self._model
        return self._patched + data[len(self._prefix) :]

    def _last_chunk(self, usage: bytes) -> JsonObject:
        """Make a chunk like those of the stream, without choices."""
        said = b'{"id":%b,"object":"chat.completion.chunk","created":%b,"model":%b,"choices":[]%b}' % (
            msgspec.json.encode(self.response_id or ""),
            self._created,
            self._model,
            b',"usage":' + usage if usage else b"",
        )
        return JsonObject(said, invalid)


def _read(data: bytes) -> ChunkPeek:
    """Look at a chunk; raise UpstreamInvalid when it cannot be read, for there may be text in it."""
    try:
        return _chunk.decode(data)
    except MALFORMED as first:
        try:
            return _chunk.decode(legible(data))
        except MALFORMED:
            raise unreadable(first) from None
