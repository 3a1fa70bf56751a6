"""Own the way from one protocol to another: what is said in the one becomes nouns, and these are said in the other.

    caller's body ─ decode_request ─> Request ─ cross ─> encode_request ─> upstream
    caller <─ encode_response, Encoder <─ cross ─ Response, Events <─ decode_response, Decoder ─ upstream

Invariant: an `extra` never crosses, for it holds words of the protocol that it was said in: what is only a hint is
recorded as lost, and what the meaning of a request hangs on is refused.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from gearshift.errors import InvalidRequest, UpstreamError
from gearshift.protocols.codec import Codec, Encoded, RequestEdits, ResponseEdits
from gearshift.protocols.fields import NULL, OBJECT, Misfit
from gearshift.protocols.following import Progress
from gearshift.protocols.namespaces import Namespaces
from gearshift.protocols.places import placed, renamed
from gearshift.protocols.steering import unshared
from gearshift.protocols.way import Way, unsaid, untold
from gearshift.protocols.wording import invalid
from gearshift.types.chat import TRUNCATED, Choice, Extra, Media, Message, Reasoning, Request, Response
from gearshift.types.record import Loss
from gearshift.types.stream import Event, Finished, MediaGiven, PartDelta, PartStarted, Started

A = TypeVar("A", Response, Started)

MEANT: Final = frozenset(
    {
        "audio",
        "background",
        "cachedContent",
        "container",
        "conversation",
        "format",
        "function_call",
        "functions",
        "inference_geo",
        "max_tool_calls",
        "mcp_servers",
        "modalities",
        "prediction",
        "previous_response_id",
        "prompt",
        "response_format",
        "responseFormat",
        "responseJsonSchema",
        "responseMimeType",
        "responseModalities",
        "responseSchema",
        "speechConfig",
        "tool_choice",
        "toolConfig",
        "web_search_options",
    }
)
"""Fields that a request means something else without; an upstream of another protocol has no word for them."""
_DEFAULTS: Final = {
    "background": b"false",
    "include": b'["reasoning.encrypted_content"]',
    "modalities": b'["text"]',
    "responseMimeType": b'"text/plain"',
    "responseModalities": b'["TEXT"]',
    "store": b"false",
    "truncation": b'"disabled"',
}
"""Values that ask for what is done in any case: nothing is stored here, and signatures always come back. Some clients
always send one (Pydantic AI 2.68 to Gemini)."""
_CHOICE: Final = "toolConfig"
_TYPE: Final = "type"
_CONFIGS: Final = ("generationConfig", "output_config")


class Stamp(Struct, frozen=True):
    """Hold an answer's name, and its time in seconds since the epoch, for an upstream that gives it neither.

    `namespaces` know the tools whose calls it holds.
    """

    id: str = ""
    created: int = 0
    namespaces: Namespaces = Namespaces()

    def put(self, answer: A) -> A:
        """Give `answer` with both: OpenAI's clients lose the usage of a stream without an id (openai for Node 7.57)."""
        return msgspec.structs.replace(answer, id=answer.id or self.id, created=answer.created or self.created)


UNSTAMPED: Final = Stamp()


def cross_request(request: Request, codec: Codec, edits: RequestEdits) -> Encoded:
    """Say a request in another protocol than its own; raise InvalidRequest where its meaning would be lost."""
    request, losses = Namespaces(request.tools).flatten(request)
    left = _left(request, codec) if request.extra else []
    if request.truncation is not None and request.truncation not in {TRUNCATED, "disabled"}:
        raise InvalidRequest(untold(f"truncation={request.truncation}", codec), param="truncation")
    if request.sampling.max_output_tokens == 0:
        raise InvalidRequest(untold("max_tokens=0", codec), param="max_tokens")
    told = msgspec.structs.replace(request, extra={}) if request.extra else request
    try:
        said = codec.encode_request(Way(codec, losses, InvalidRequest).cross(told, ""), edits)
    except InvalidRequest as error:
        raise renamed(request, error) from None
    return Encoded(body=said.body, losses=_once([*left, *placed(request, (*losses, *said.losses))]))


def _left(request: Request, codec: Codec) -> list[Loss]:
    """Give the fields of a request that stay behind; raise InvalidRequest where its meaning hangs on one."""
    extra = _said(request.extra)
    configs = {name: _said(OBJECT.read(extra.pop(name), name)) for name in _CONFIGS if name in extra}
    inner = {f"{name}.{field}": field for name, config in configs.items() for field in config}
    chosen = request.tool_choice is not None  # then only a hint is left of Gemini's `toolConfig`
    for name in (*extra, *inner.values()):
        if name in MEANT and not (name == _CHOICE and chosen):
            raise InvalidRequest(untold(name, codec), param=name)
    return [unsaid(name, codec) for name in (*unshared(extra), *inner)]


def cross_response(response: Response, codec: Codec, stamp: Stamp = UNSTAMPED) -> Encoded:
    """Say an upstream's answer in the caller's protocol."""
    losses: list[Loss] = []
    told = stamp.put(response if codec.gives_media else _without_media(response, codec, losses))
    try:
        said = codec.encode_response(stamp.namespaces.restored(Way(codec, losses, invalid).cross(told, "")))
    except Misfit as misfit:
        raise invalid(str(misfit)) from None
    return Encoded(body=said.body, losses=_once([*losses, *said.losses]))


class Crossing(Progress):
    """Pass a stream on in another protocol; see `codec.StreamRelay`."""

    def __init__(self, upstream: Codec, caller: Codec, model: str, choices: int = 1, stamp: Stamp = UNSTAMPED) -> None:
        """Begin a stream of `choices` answers, for a caller who is told that `model` answers."""
        super().__init__(choices)
        self._stamp = stamp
        self._model = model
        self._decoder = upstream.stream_decoder(choices)
        self._encoder = caller.stream_encoder(send_usage=True)
        self._finished = Finished()
        self._headed = False
        self._losses: list[Loss] = []
        self._way = Way(caller, self._losses, invalid)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What of the stream could not be said in the caller's protocol."""
        return _once([*self._losses, *self._encoder.losses])

    @property
    def number(self) -> int:
        """Give the number of the next event."""
        return self._encoder.number

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
        self.usage = self._decoder.usage or self.usage
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
        if isinstance(event, PartDelta) and not event.extra and not event.citations:  # nearly all that there ever is
            return self._tell(event)
        if isinstance(event, MediaGiven) and not self._way.codec.gives_media:
            self._losses.append(_ungiven(event.media, self._way.codec))
            return b""
        told = self._way.cross(event, "")
        if isinstance(told, Finished):
            self._finished = told
        if isinstance(told, PartStarted) and told.kind == "tool_call":
            told = self._stamp.namespaces.restore(told)
        if isinstance(told, Started):
            self._headed = True
            told = msgspec.structs.replace(self._stamp.put(told), model=self._model)
        return self._tell(told)

    def _tell(self, event: Event) -> bytes:
        if not self._headed:
            raise invalid("found a part of an answer before the answer began, expected the stream's first event")
        try:
            return self._encoder.feed(event)
        except Misfit as misfit:
            raise invalid(str(misfit)) from None


def _without_media(response: Response, codec: Codec, losses: list[Loss]) -> Response:
    """Give an answer without what it shows."""

    def words(choice: Choice) -> Choice:
        shown = [part for part in choice.parts if isinstance(part, Media) and _TYPE not in part.extra]
        losses.extend(_ungiven(part, codec) for part in shown)
        return msgspec.structs.replace(choice, parts=tuple(part for part in choice.parts if part not in shown))

    return msgspec.structs.replace(response, choices=tuple(map(words, response.choices)))


def _ungiven(media: Media, codec: Codec) -> Loss:
    return Loss(field=media.kind, kind="dropped", detail=f"an answer in {codec.name} holds words only")


def _said(extra: Extra) -> Extra:
    """Give what `extra` say that is not so without them."""
    return {name: raw for name, raw in extra.items() if not _is_void(name, bytes(raw))}


def _is_void(name: str, raw: bytes) -> bool:
    return raw == NULL or (name in _DEFAULTS and b"".join(raw.split()) == _DEFAULTS[name])


def _once(losses: list[Loss]) -> tuple[Loss, ...]:
    """Give each loss once: a stream says the same in every chunk."""
    return tuple({(loss.field, loss.kind): loss for loss in losses}.values())


def is_foreign(request: Request, codec: Codec) -> bool:
    """Say whether a conversation holds thinking that was signed in another protocol, which must not be passed on."""
    return any(_signed_elsewhere(message, codec) for message in request.messages)


def _signed_elsewhere(message: Message, codec: Codec) -> bool:
    return any(isinstance(part, Reasoning) and part.origin not in {None, codec.name} for part in message.parts)
