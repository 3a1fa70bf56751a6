"""Own requests for vectors: a caller's body to the noun, the noun to a body, and the patch for an upstream.

Invariants: the path says the model, and each request of a batch says it again, so both must be the same and both are
patched. Keys may be in camel or in snake case. A content that is not one text has no noun; neither have `taskType` and
`title`, which stay in `extra` under the path of their request.
Source: the Gemini API reference, "Embeddings" (2026-11); google-genai 3.6, which always sends a batch.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import Encoded, RequestEdits
from gearshift.protocols.fields import NULL, OBJECT, OBJECTS, TEXT, Kind, Misfit, Spoken, maybe, take
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.steering import decode_routing, say_routing, strip_routing
from gearshift.protocols.wishes import checked_name
from gearshift.types.chat import Extra
from gearshift.types.embedding import EmbeddingRequest, Input, TokenIds

NAME: Final = "gemini_embeddings"
SINGLE: Final = "embedContent"
BATCH: Final = "batchEmbedContents"
_PATH: Final = re.compile(r"/models/(?P<model>[^?]+):(?P<verb>\w+)(?:\?.*)?$")
_PREFIX: Final = "models/"
_SNAKE: Final = {"task_type": "taskType", "output_dimensionality": "outputDimensionality"}
_SIZE: Final = "outputDimensionality"
_dimensions: Final = Kind(msgspec.json.Decoder(Annotated[int, Meta(ge=1, le=2**31)]), "a whole number of at least 1")


def decode_request(body: bytes, path: str = "") -> EmbeddingRequest:
    """Parse a caller's request; raise InvalidRequest naming the field, what was found and what was expected."""
    members = JsonObject(body, InvalidRequest).members
    try:
        return _decode(members, path)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None


def encode_request(request: EmbeddingRequest, edits: RequestEdits) -> Encoded:
    """Say a request to an upstream; raise InvalidRequest for token ids, which this API does not take."""
    said = [_say(each, place, request, edits.model) for place, each in enumerate(request.inputs)]
    told = say_routing({}, request.routing, edits.quirks.extensions)
    return Encoded(body=msgspec.json.encode((said[0] if request.single else {"requests": said}) | told))


def patch_request(body: bytes, edits: RequestEdits) -> bytes:
    """Change the model's name wherever it stands and take the steering fields out."""
    document = JsonObject(body, InvalidRequest)
    try:
        changes = strip_routing(document.members, edits.quirks.extensions)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None
    model = msgspec.json.encode(_PREFIX + edits.model)
    if "model" in document.members:
        changes["model"] = model
    if "requests" in document.members:
        inner = msgspec.json.decode(document.members["requests"], type=list[Raw])
        patched = (JsonObject(bytes(each), InvalidRequest).patch({"model": model}) for each in inner)
        changes["requests"] = b"[%b]" % b",".join(patched)
    return document.patch(changes)


def _decode(members: Members, path: str) -> EmbeddingRequest:
    found = _PATH.search(path)
    if found is None or found["verb"] not in {SINGLE, BATCH}:
        raise Misfit("path", f"found {path[:80]!r}, expected /models/MODEL:{SINGLE} or :{BATCH}")
    model, routing = checked_name(found["model"], "model"), decode_routing(members)
    extra: Extra = {}
    if found["verb"] == SINGLE:
        one, size = _input(members, model, "")
        inputs, sizes = [one], {size}
        extra |= members
    else:
        inputs, sizes = _batch(members, model, extra)
    if len(sizes) > 1:
        extra[_SIZE] = Raw(b"0")  # they differ, which only this API can say
    return EmbeddingRequest(
        protocol=NAME,
        model=model,
        inputs=tuple(inputs),
        single=found["verb"] == SINGLE,
        dimensions=sizes.pop() if len(sizes) == 1 else None,
        routing=routing,
        extra=extra,
    )


def _batch(members: Members, model: str, extra: Extra) -> tuple[list[Input], set[int | None]]:
    """Take the requests of a batch: their inputs, and how long they want their vectors."""
    requests = take(members, "requests", OBJECTS)
    if not requests:
        raise Misfit("requests", "found an empty list, expected at least one request")
    inputs: list[Input] = []
    sizes: set[int | None] = set()
    for place, each in enumerate(requests):
        one, size = _input(each, model, f"requests[{place}].")
        inputs.append(one)
        sizes.add(size)
        extra |= {f"requests[{place}].{name}": value for name, value in each.items()}
    extra |= members
    return inputs, sizes


def _input(members: Members, model: str, at: str) -> tuple[Input, int | None]:
    """Take what one vector is made of, and how long it shall be."""
    for snake, camel in _SNAKE.items():
        if snake in members:
            if camel in members:
                raise Misfit(at + camel, "said in two spellings, which may differ; say it once")
            members[camel] = members.pop(snake)
    said = maybe(members, "model", TEXT, at)
    if said is not None and said.removeprefix(_PREFIX) != model:
        raise Misfit(f"{at}model", "found another model than the path's, expected the same")
    spoken = members.get("content", Raw(NULL))
    content = take(members, "content", OBJECT, at)
    parts = maybe(content, "parts", OBJECTS, f"{at}content.") or []
    if not parts:
        raise Misfit(f"{at}content.parts", "found none, expected at least one part")
    plain = len(parts) == 1 and parts[0].keys() == {"text"}
    one = TEXT.read(parts[0]["text"], f"{at}content.parts[0].text") if plain else spoken
    return one, maybe(members, _SIZE, _dimensions, at)


def _say(given: Input, place: int, request: EmbeddingRequest, model: str) -> Spoken:
    if isinstance(given, TokenIds):
        raise InvalidRequest(
            f"input[{place}]: found token ids, expected text, for Gemini's API takes nothing else; send text",
            param="input",
        )
    content = {"parts": [{"text": given}]} if isinstance(given, str) else given
    size = {} if request.dimensions is None else {_SIZE: request.dimensions}
    return {"model": _PREFIX + model, "content": content, **size}
