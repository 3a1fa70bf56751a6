"""Own the parts of a content: text, thoughts, media, function calls and responses, wire to nouns and back.

Invariants: `args` of a call are kept byte for byte; a signature that stands at a text or a call is a `Reasoning`
without text before it; a call and its response have one id, also where Gemini's have none; what has no noun stays raw
in `extra`.
Sources: the Gemini API reference, "Generating content", `Content`; "Thought signatures" (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from mimetypes import guess_type
from typing import Final

import msgspec
from msgspec import Raw

from gearshift.protocols.fields import BOOLEAN, OBJECT, OBJECTS, TEXT, Misfit, Spoken, maybe, raw, take
from gearshift.protocols.gemini.calls import UNNAMED, Calls
from gearshift.protocols.json_patch import Members
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.signatures import seal, unseal
from gearshift.types.chat import Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from gearshift.types.record import Loss

NAME: Final = "gemini"
OUTPUT: Final = "output"
ERROR: Final = "error"
_KINDS: Final = {"image": "image", "audio": "audio"}
_TYPES: Final = {"image": "image/jpeg", "audio": "audio/wav", "file": "application/pdf"}
"""What is taken for the type of media that says none, and whose address tells none."""


def camel(members: Members) -> Members:
    """Give an object with the keys that are known here in camel case: Google's readers take both."""
    if not any(name in _SNAKE for name in members):
        return members
    said: Members = {}
    for name, value in members.items():
        key = _SNAKE.get(name, name)
        if key in said:
            raise Misfit(key, "said in two spellings, which may differ; say it once")
        said[key] = value
    return said


_CAMEL: Final = """
    allowedFunctionNames cachedContent candidateCount displayName fileData fileUri finishReason frequencyPenalty
    functionCall functionCallingConfig functionDeclarations functionResponse generateContentRequest generationConfig
    includeThoughts inlineData
    maxOutputTokens mimeType modelVersion parametersJsonSchema presencePenalty promptFeedback responseId
    responseJsonSchema responseLogprobs responseMimeType responseModalities responseSchema safetySettings speechConfig
    stopSequences systemInstruction thinkingBudget thinkingConfig thinkingLevel thoughtSignature toolConfig topK topP
    usageMetadata
"""
_SNAKE: Final = {re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name): name for name in _CAMEL.split()}


def decode_parts(members: Members, calls: Calls, at: str) -> Iterator[Part]:
    """Give the parts of a content."""
    for index, part in enumerate(maybe(members, "parts", OBJECTS) or ()):
        try:
            yield from decode_part(camel(part), calls)
        except Misfit as misfit:
            raise misfit.within(f"{at}.parts[{index}]") from None


def decode_part(members: Members, calls: Calls) -> Iterator[Part]:
    """Give what one part says: thinking in front, where it is signed."""
    said = maybe(members, "thoughtSignature", TEXT)
    signature, origin = unseal(said, NAME, base64=True) if said else (None, None)
    thought = maybe(members, "thought", BOOLEAN) or False
    if thought and "text" in members:
        yield Reasoning(text=take(members, "text", TEXT), signature=signature, origin=origin, extra=members)
        return
    if signature is not None:
        yield Reasoning(text="", signature=signature, origin=origin)
    if "text" in members:
        text = take(members, "text", TEXT)
        if text or members or signature is None:
            yield Text(text=text, extra=members)
    elif "functionCall" in members:
        yield _decode_call(members, calls)
    elif "functionResponse" in members:
        yield _decode_response(members, calls)
    elif "inlineData" in members:
        inner = camel(take(members, "inlineData", OBJECT))
        kind = take(inner, "mimeType", TEXT, "inlineData.")
        data = take(inner, "data", TEXT, "inlineData.")
        name = maybe(inner, "displayName", TEXT, "inlineData.")
        yield _media(kind, members, {"data": data, "name": name})
    elif "fileData" in members:
        inner = camel(take(members, "fileData", OBJECT))
        kind = maybe(inner, "mimeType", TEXT, "fileData.") or ""
        url = take(inner, "fileUri", TEXT, "fileData.")
        name = maybe(inner, "displayName", TEXT, "fileData.")
        yield _media(kind, members, {"url": url, "name": name})
    elif members:
        yield Media(kind="file", extra={"type": raw(next(iter(members))), **members})


def _media(media_type: str, extra: Members, said: Spoken) -> Media:
    kind = _KINDS.get(media_type.partition("/")[0], "file")
    return msgspec.convert({"kind": kind, "media_type": media_type or None, "extra": extra, **said}, Media)


def _decode_call(members: Members, calls: Calls) -> ToolCall:
    inner = camel(take(members, "functionCall", OBJECT))
    name = take(inner, "name", TEXT, "functionCall.")
    said = maybe(inner, "id", TEXT, "functionCall.")
    args = inner.pop("args", None)
    arguments = "{}" if args is None or bytes(args) == b"null" else bytes(args).decode()
    if inner:
        members["functionCall"] = raw(inner)
    return ToolCall(id=calls.called(name, said), name=name, arguments=arguments, extra=members)


def _decode_response(members: Members, calls: Calls) -> ToolResult:
    inner = camel(take(members, "functionResponse", OBJECT))
    at = "functionResponse."
    name, said = take(inner, "name", TEXT, at), maybe(inner, "id", TEXT, at)
    response = inner.pop("response", Raw(b"{}"))
    media = [part for each in maybe(inner, "parts", OBJECTS, at) or () for part in decode_part(camel(each), Calls())]
    text, failed = _decode_output(response)
    if inner:
        members["functionResponse"] = raw(inner)
    return ToolResult(
        call_id=calls.answered(name, said),
        parts=(Text(text=text), *(part for part in media if isinstance(part, Media))),
        name=name,
        is_error=failed,
        extra=members,
    )


def _decode_output(response: Raw) -> tuple[str, bool | None]:
    """Give what a function gave back as text, and whether it failed."""
    said = OBJECT.read(response, "functionResponse.response")
    for key, failed in ((OUTPUT, None), (ERROR, True)):
        if said.keys() == {key} and bytes(said[key])[:1] == b'"':
            return TEXT.read(said[key], key), failed
    return bytes(response).decode(), None


class Speaker:
    """Say parts; `losses` gains a line for what cannot be said."""

    def __init__(
        self, losses: list[Loss], names: dict[str, str], *, to_caller: bool = False, skip: bool = False
    ) -> None:
        """Speak to an upstream, or `to_caller`, who is told foreign signatures under seal.

        `names` are those of the functions by the ids of their calls. `skip`: calls that Gemini did not sign say so.
        """
        self.losses = losses
        self._names = names
        self._to_caller = to_caller
        self._skip = skip

    def parts(self, parts: tuple[Part, ...], at: str) -> list[Spoken]:
        """Say the parts of a content."""
        said: list[Spoken] = []
        signature: str | None = None
        for place, part in enumerate(parts):
            where = f"{at}[{place}]"
            if isinstance(part, Reasoning):
                if signature is not None:
                    said.append({"text": "", "thoughtSignature": signature})
                signature = self._thought(part, where, said)
                continue
            one = self._part(part, where)
            if one is None:
                continue
            if signature is not None:
                one["thoughtSignature"] = signature
                signature = None
            elif self._skip and isinstance(part, ToolCall):
                one["thoughtSignature"] = SKIP
            said.append(one)
        if signature is not None:
            said.append({"text": "", "thoughtSignature": signature})
        return said

    def _thought(self, thought: Reasoning, at: str, said: list[Spoken]) -> str | None:
        """Say a thought; give the signature of one without text, which stands at the part that follows."""
        own = thought.origin == NAME and thought.signature is not None
        if not own and not self._to_caller:
            self.losses.append(dropped(at, "thinking that Gemini did not sign is not taken by it"))
            return None
        signature = None if thought.signature is None else seal(thought.signature, thought.origin, NAME, base64=True)
        if not thought.text:
            return signature
        one: Spoken = {"text": thought.text, "thought": True, **thought.extra}
        said.append(one if signature is None else {**one, "thoughtSignature": signature})
        return None

    def _part(self, part: Part, at: str) -> Spoken | None:
        if not isinstance(part, Reasoning | Refusal) and part.cache is not None:
            self.losses.append(dropped(f"{at}.cache_control", "Gemini finds what to cache by itself"))
        match part:
            case Text():
                return {"text": part.text, **part.extra}
            case Refusal():
                self.losses.append(mapped(at, "a refusal is said as text"))
                return {"text": part.text, **part.extra}
            case Media():
                return self._media(part, at)
            case ToolCall():
                return self._call(part, at)
            case ToolResult():
                return self._result(part, at)
            case _:
                return None

    def _call(self, call: ToolCall, at: str) -> Spoken:
        self._names[call.id] = call.name
        inner: Spoken = {"name": call.name, "args": said_args(call.arguments, at)}
        if not call.id.startswith(UNNAMED):
            inner["id"] = call.id
        rest = OBJECT.read(call.extra["functionCall"], "functionCall") if "functionCall" in call.extra else {}
        return {**call.extra, "functionCall": {**inner, **rest}}

    def _result(self, result: ToolResult, at: str) -> Spoken:
        name = result.name or self._names.get(result.call_id)
        if name is None:
            raise Misfit(
                at, f"found a result of a call {result.call_id[:40]!r} that was not made before it, expected its call"
            )
        texts = [part.text for part in result.parts if isinstance(part, Text)]
        if len(texts) > 1:
            self.losses.append(mapped(at, "several texts are said as one"))
        inner: Spoken = {"name": name, "response": said_output("\n".join(texts), failed=bool(result.is_error))}
        if not result.call_id.startswith(UNNAMED):
            inner["id"] = result.call_id
        if media := [self._media(part, at) for part in result.parts if isinstance(part, Media)]:
            inner["parts"] = media
        rest = result.extra
        more = OBJECT.read(rest["functionResponse"], "functionResponse") if "functionResponse" in rest else {}
        return {**rest, "functionResponse": {**inner, **more}}

    def _media(self, media: Media, at: str) -> Spoken:
        if "type" in media.extra:
            return {name: value for name, value in media.extra.items() if name != "type"}
        if media.detail is not None:
            self.losses.append(dropped(f"{at}.detail", "Gemini has no word for it"))
        name: Spoken = {} if media.name is None else {"displayName": media.name}
        if media.data is not None:
            kind = media.media_type or _TYPES[media.kind]
            return {"inlineData": {"mimeType": kind, "data": media.data, **name}, **media.extra}
        kind = media.media_type or guess_type(media.url or "")[0] or _TYPES[media.kind]
        if kind != media.media_type:
            self.losses.append(mapped(f"{at}.media_type", f"not said, {kind} was taken for it"))
        return {"fileData": {"mimeType": kind, "fileUri": media.url, **name}, **media.extra}


SKIP: Final = "skip_thought_signature_validator"
"""What a call of a conversation that began elsewhere says in place of a signature ("Thought signatures", FAQ)."""


def said_args(arguments: str, at: str) -> Raw:
    """Give the arguments of a call as the object that they are."""
    text = arguments.strip() or "{}"
    try:
        OBJECT.read(Raw(text.encode()), "arguments")
    except Misfit:
        raise Misfit(f"{at}.arguments", "found text that is no JSON object, expected one") from None
    return Raw(text.encode())


def said_output(text: str, *, failed: bool) -> object:
    """Give what a function gave back as an object: its own, where it is one."""
    if not failed and text.startswith("{"):
        try:
            said = OBJECT.read(Raw(text.encode()), OUTPUT)
        except Misfit:
            return {OUTPUT: text}
        if said.keys() not in ({OUTPUT}, {ERROR}):
            return Raw(text.encode())
    return {ERROR if failed else OUTPUT: text}
