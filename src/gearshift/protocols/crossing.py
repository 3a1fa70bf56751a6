"""Own the way from one protocol to another: what is said in the one becomes nouns, and these are said in the other.

    caller's body ─ decode_request ─> Request ─ cross ─> encode_request ─> upstream
    caller <─ encode_response, Encoder <─ cross ─ Response, Events <─ decode_response, Decoder ─ upstream

Invariant: an `extra` never crosses, for it holds words of the protocol that it was said in: what is only a hint is
recorded as lost, and what the meaning of a request hangs on is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from gearshift.errors import InvalidRequest, UpstreamError
from gearshift.protocols.codec import Codec, Encoded, RequestEdits, ResponseEdits
from gearshift.protocols.fields import NULL, OBJECT, Misfit
from gearshift.protocols.following import Progress
from gearshift.protocols.steering import unshared
from gearshift.protocols.wording import invalid
from gearshift.types.chat import Extra, Media, Message, Reasoning, Request, Response, Tool, ToolCall
from gearshift.types.record import Loss
from gearshift.types.stream import Event, Finished, PartDelta, Started

S = TypeVar("S", bound=Struct)

MEANT: Final = frozenset(
    {
        "audio",
        "background",
        "cachedContent",
        "container",
        "context_management",
        "conversation",
        "function_call",
        "functions",
        "max_tool_calls",
        "mcp_servers",
        "modalities",
        "prediction",
        "previous_response_id",
        "prompt",
        "response_format",
        "responseModalities",
        "speechConfig",
        "tool_choice",
        "toolConfig",
        "truncation",
        "web_search_options",
    }
)
"""Fields that a request means something else without; an upstream of another protocol has no word for them."""
_TYPE: Final = "type"
_CONFIG: Final = "generationConfig"
_ITEM: Final = "item"  # of `openai_responses`: a turn that is no message
_text = msgspec.json.Decoder(str)


def cross_request(request: Request, codec: Codec, edits: RequestEdits) -> Encoded:
    """Say a request in another protocol than its own; raise InvalidRequest where its meaning would be lost."""
    losses: list[Loss] = []
    extra = {name: raw for name, raw in request.extra.items() if bytes(raw) != NULL}
    for name in (*extra, *_config(extra)):
        if name in MEANT:
            raise InvalidRequest(_untold(name, codec), param=name)
    told = _Way(codec, losses, InvalidRequest).cross(msgspec.structs.replace(request, extra={}), "")
    said = codec.encode_request(told, edits)
    dropped = [_dropped(name, codec) for name in unshared(extra)]
    return Encoded(body=said.body, losses=_once([*dropped, *losses, *said.losses]))


def cross_response(response: Response, codec: Codec) -> Encoded:
    """Say an upstream's answer in the caller's protocol."""
    losses: list[Loss] = []
    try:
        said = codec.encode_response(_Way(codec, losses, invalid).cross(response, ""))
    except Misfit as misfit:
        raise invalid(str(misfit)) from None
    return Encoded(body=said.body, losses=_once([*losses, *said.losses]))


class Crossing(Progress):
    """Pass a stream on in another protocol; see `codec.StreamRelay`."""

    def __init__(self, upstream: Codec, caller: Codec, model: str, choices: int = 1) -> None:
        """Begin a stream of `choices` answers, for a caller who is told that `model` answers."""
        super().__init__(choices)
        self.failure: UpstreamError | None = None
        self._model = model
        self._decoder = upstream.stream_decoder(choices)
        self._encoder = caller.stream_encoder(send_usage=True)
        self._finished = Finished()
        self._losses: list[Loss] = []
        self._way = _Way(caller, self._losses, invalid)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What of the stream could not be said in the caller's protocol."""
        return _once([*self._losses, *self._encoder.losses])

    def feed(self, data: bytes) -> bytes:
        """Give the bytes to pass on; raise StreamBroken on an in-band error, UpstreamInvalid on garbage."""
        if self.failure is not None:
            raise self.failure
        if self.ended:
            return b""
        out: list[bytes] = []
        try:
            for event in self._decoder.feed(data):
                out.append(self._say(event))  # noqa: PERF401 - what came before an error is kept
        except UpstreamError as error:
            self.failure = error
            if not any(out):
                raise
        self.failure = self.failure or self._decoder.failure
        return b"".join(out)

    def close(self) -> None:
        """Raise StreamBroken when the input ended before the stream did."""
        for event in self._decoder.close():
            self._say(event)

    def end(self, edits: ResponseEdits, *, send_usage: bool) -> bytes:
        """Give the end of the stream."""
        finished = self._finished
        if not send_usage:
            edits = msgspec.structs.replace(edits, usage=b"", counted=None)
            finished = msgspec.structs.replace(finished, usage=None)
        elif finished.usage is None:
            finished = msgspec.structs.replace(finished, usage=self.usage or edits.counted)
        return self._encoder.end(finished, edits)

    def _say(self, event: Event) -> bytes:
        self.note(event)
        if isinstance(event, PartDelta) and not event.extra:  # nearly all that there ever is
            return self._tell(event)
        told = self._way.cross(event, "")
        if isinstance(told, Finished):
            self._finished = told
            return b""
        if isinstance(told, Started):
            told = msgspec.structs.replace(told, model=self._model)
        return self._tell(told)

    def _tell(self, event: Event) -> bytes:
        try:
            return self._encoder.feed(event)
        except Misfit as misfit:
            raise invalid(str(misfit)) from None


def _config(extra: Extra) -> Extra:
    """Give what Gemini's `generationConfig` holds beyond the nouns."""
    return OBJECT.read(extra[_CONFIG], _CONFIG) if _CONFIG in extra else {}


class _Way(Struct, frozen=True):
    """Lead nouns to `codec`; `losses` gains a line for each of their words that stays behind."""

    codec: Codec
    losses: list[Loss]
    refuse: Callable[[str], Exception]

    def cross(self, value: S, path: str) -> S:
        """Give a noun without what only its own protocol can say."""
        changes: dict[str, object] = {}
        for name in value.__struct_fields__:
            inner = getattr(value, name)
            if not inner or isinstance(inner, str | int | float):
                continue
            if name in {"extra", "message"}:  # `message`: the fields of a `ChoiceDelta` without a noun
                self._check(value, path, inner)
                said = (key for key, raw in inner.items() if bytes(raw) != NULL)
                self.losses.extend(_dropped(f"{path}{key}", self.codec) for key in said)
                changes[name] = {}
            elif isinstance(inner, Struct):
                changes[name] = self.cross(inner, path)
            elif isinstance(inner, tuple) and isinstance(inner[0], Struct):
                changes[name] = tuple(self.cross(each, f"{path}{name}[{place}].") for place, each in enumerate(inner))
        if isinstance(value, Media) and value.url is None and value.data is None:
            raise self.refuse(_untold(f"{path}{value.kind}", self.codec))
        return msgspec.structs.replace(value, **changes) if changes else value

    def _check(self, value: Struct, path: str, extra: Extra) -> None:
        """Refuse parts and tools that are none but in their own protocol."""
        if _TYPE in extra and isinstance(value, Media | Tool | ToolCall):
            raise self.refuse(_untold(f"{path}{_TYPE}={_word(extra[_TYPE])}", self.codec))
        if _ITEM in extra and isinstance(value, Message):
            raise self.refuse(_untold(f"{path}{_ITEM}", self.codec))


def _word(raw: Raw) -> str:
    try:
        return _text.decode(raw)[:40]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "?"


def _untold(field: str, codec: Codec) -> str:
    return (
        f"{field}: {codec.name} has no words for it, so it cannot be said in that protocol; "
        "leave it out, or name a model whose provider speaks your protocol"
    )


def _dropped(field: str, codec: Codec) -> Loss:
    return Loss(field=field, kind="dropped", detail=f"{codec.name} has no such field")


def _once(losses: list[Loss]) -> tuple[Loss, ...]:
    """Give each loss once: a stream says the same in every chunk."""
    return tuple({(loss.field, loss.kind): loss for loss in losses}.values())


def is_foreign(request: Request, codec: Codec) -> bool:
    """Say whether a conversation holds thinking that was signed in another protocol, which must not be passed on."""
    return any(_signed_elsewhere(message, codec) for message in request.messages)


def _signed_elsewhere(message: Message, codec: Codec) -> bool:
    return any(isinstance(part, Reasoning) and part.origin not in {None, codec.name} for part in message.parts)
