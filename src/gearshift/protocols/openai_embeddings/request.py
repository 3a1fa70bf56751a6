"""Own requests for vectors: a caller's body to the noun, the noun to a body, and the patch for an upstream.

Invariants: a patch changes the model's name and takes out what is only the router's, `metadata` too, which this API
does not have. An input of a form that has no noun (providers take images as objects) stays raw.
Source: the OpenAI API reference, "Create embeddings" (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import Encoded, RequestEdits
from gearshift.protocols.fields import NULL, TAGS, TEXT, Count, Kind, Misfit, Spoken, maybe, take
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.steering import decode_routing, say_routing, strip_routing, take_model
from gearshift.types.embedding import EmbeddingRequest, Encoding, Input, TokenIds

NAME: Final = "openai_embeddings"
_INPUTS: Final = "a string, a list of strings, a list of token ids or a list of such lists"
_input: Final[Kind[str | list[Raw]]] = Kind(msgspec.json.Decoder(str | list[Raw]), _INPUTS)
_ids: Final = Kind(msgspec.json.Decoder(list[Count]), "a list of token ids")
_dimensions: Final = Kind(msgspec.json.Decoder(Annotated[int, Meta(ge=1, le=2**31)]), "a whole number of at least 1")
_encoding: Final[Kind[Encoding]] = Kind(msgspec.json.Decoder(Encoding), '"float" or "base64"')


def decode_request(body: bytes, path: str = "") -> EmbeddingRequest:  # noqa: ARG001 - the body says it all
    """Parse a caller's request; raise InvalidRequest naming the field, what was found and what was expected."""
    members = JsonObject(body, InvalidRequest).members
    try:
        return _decode(members)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None


def encode_request(request: EmbeddingRequest, edits: RequestEdits) -> Encoded:
    """Say a request to an upstream; raise InvalidRequest where it refuses a field."""
    inputs = [each.raw if isinstance(each, TokenIds) else each for each in request.inputs]
    said: Spoken = {
        "model": edits.model,
        "input": inputs[0] if request.single else inputs,
        "encoding_format": "float",
        **say_routing({}, request.routing, edits.quirks.extensions),
    }
    if request.dimensions is not None:
        said["dimensions"] = request.dimensions
    if request.user is not None:
        said["user"] = request.user
    if "encoding_format" in edits.quirks.drops:  # numbers are what it gives anyway
        del said["encoding_format"]
    _refuse_dropped(said, edits)
    return Encoded(body=msgspec.json.encode(said))


def patch_request(body: bytes, edits: RequestEdits) -> bytes:
    """Change the model's name and take the steering fields out; raise InvalidRequest where a field is refused."""
    document = JsonObject(body, InvalidRequest)
    members = document.members
    _refuse_dropped({name: raw for name, raw in members.items() if bytes(raw) != NULL}, edits)
    try:
        changes = strip_routing(members, edits.quirks.extensions)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None
    if "metadata" in members:
        changes["metadata"] = None
    return document.patch(changes | {"model": msgspec.json.encode(edits.model)})


def _decode(members: Members) -> EmbeddingRequest:
    model = take_model(members)
    inputs, single = _decode_input(members)
    return EmbeddingRequest(
        protocol=NAME,
        model=model,
        inputs=inputs,
        single=single,
        dimensions=maybe(members, "dimensions", _dimensions),
        encoding=maybe(members, "encoding_format", _encoding) or "float",
        user=maybe(members, "user", TEXT),
        metadata=maybe(members, "metadata", TAGS) or {},
        routing=decode_routing(members),
        extra=members,
    )


def _decode_input(members: Members) -> tuple[tuple[Input, ...], bool]:
    """Give the inputs, and whether there was one that is not in a list."""
    spoken = members.get("input", Raw())
    found = take(members, "input", _input)
    if isinstance(found, str):
        return (found,), True
    if not found:
        raise Misfit("input", "found an empty list, expected at least one input")
    if all(bytes(each)[:1] not in b'"[{tfn' for each in found):
        return (TokenIds(raw=spoken, count=len(_ids.read(spoken, "input"))),), True
    return tuple(_elements(found)), False


def _elements(found: list[Raw]) -> Iterator[Input]:
    for place, each in enumerate(found):
        match bytes(each)[:1]:
            case b'"':
                yield TEXT.read(each, f"input[{place}]")
            case b"[":
                yield TokenIds(raw=each, count=len(_ids.read(each, f"input[{place}]")))
            case b"{":
                yield each
            case _:
                raise Misfit(f"input[{place}]", "expected a string or a list of token ids, as the others are")


def _refuse_dropped(said: Spoken | Members, edits: RequestEdits) -> None:
    """Refuse fields that the upstream refuses."""
    for name in edits.quirks.drops:
        if name in said:
            raise InvalidRequest(f"{name}: {edits.model} does not accept this field; leave it out", param=name)
