"""Own the parts of a content on their way out: nouns to the wire.

Invariants: as in `parts`; thinking that Gemini did not sign goes to callers under seal, and to no upstream.
Sources: the Gemini API reference, "Generating content", `Content`; "Thought signatures" (2026-11).
"""

from __future__ import annotations

from mimetypes import guess_type
from typing import Final

from msgspec import Raw

from gearshift.protocols.arguments import as_object
from gearshift.protocols.fields import OBJECT, Misfit, Spoken
from gearshift.protocols.gemini.calls import UNNAMED
from gearshift.protocols.gemini.parts import NAME
from gearshift.protocols.gemini.plain import ERROR, OUTPUT
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.signatures import seal
from gearshift.types.chat import Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from gearshift.types.record import Loss

_TYPES: Final = {"image": "image/jpeg", "audio": "audio/wav", "file": "application/pdf"}
"""What is taken for the type of media that says none, and whose address tells none."""


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
        skip = self._skip
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
            elif skip and isinstance(part, ToolCall):
                one["thoughtSignature"] = SKIP
            skip = skip and not isinstance(part, ToolCall)  # of calls in parallel the first one is signed
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
        signature = None
        if thought.signature is not None:
            signature = seal(thought.signature, thought.origin, NAME, base64=True, redacted=thought.redacted)
        if not thought.text:
            return signature
        one: Spoken = {"text": thought.text, "thought": True, **thought.extra}
        said.append(one if signature is None else {**one, "thoughtSignature": signature})
        return None

    def _part(self, part: Part, at: str) -> Spoken | None:
        if getattr(part, "cache", None) is not None:
            self.losses.append(dropped(f"{at}.cache_control", "Gemini finds what to cache by itself"))
        match part:
            case Text():
                if part.citations and not self._to_caller:
                    self.losses.append(dropped(f"{at}.citations", "Gemini takes none in a conversation"))
                return {"text": part.text, **part.extra}
            case Refusal():
                self.losses.append(mapped(at, "a refusal is said as text"))
                return {"text": part.text, **part.extra}
            case Media():
                return self.media(part, at)
            case ToolCall():
                return self._call(part, at)
            case ToolResult():
                return self._result(part, at)
            case _:
                return None

    def _call(self, call: ToolCall, at: str) -> Spoken:
        self._names[call.id] = call.name
        inner: Spoken = {"name": call.name, "args": as_object(call.arguments, at, self.losses)}
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
        if media := [self.media(part, at) for part in result.parts if isinstance(part, Media)]:
            inner["parts"] = media
        rest = result.extra
        more = OBJECT.read(rest["functionResponse"], "functionResponse") if "functionResponse" in rest else {}
        return {**rest, "functionResponse": {**inner, **more}}

    def media(self, media: Media, at: str) -> Spoken:
        """Say an image, a sound or a file."""
        if "type" in media.extra:
            return {name: value for name, value in media.extra.items() if name != "type"}
        if media.detail is not None:
            self.losses.append(dropped(f"{at}.detail", "Gemini has no word for it"))
        name: Spoken = {} if media.name is None else {"displayName": media.name}
        if media.data is not None:
            kind = media.media_type or _TYPES[media.kind]
            return {"inlineData": {"mimeType": kind, "data": media.data, **name}, **media.extra}
        known = (
            media.media_type or guess_type(media.url or "")[0] or (None if media.kind == "file" else _TYPES[media.kind])
        )
        if known != media.media_type:
            self.losses.append(mapped(f"{at}.media_type", f"not said, {known} was taken for it"))
        typed: Spoken = {} if known is None else {"mimeType": known}
        return {"fileData": {**typed, "fileUri": media.url, **name}, **media.extra}


SKIP: Final = "skip_thought_signature_validator"
"""What a call of a conversation that began elsewhere says in place of a signature ("Thought signatures", FAQ)."""


def said_output(text: str, *, failed: bool) -> object:
    """Give what a function gave back as an object: its own, where it is one."""
    if not failed and text.startswith("{"):
        try:
            said = OBJECT.read(Raw(text.encode()), OUTPUT)
        except Misfit:
            return {OUTPUT: text}
        if not any(said.keys() == {key} and bytes(said[key])[:1] == b'"' for key in (OUTPUT, ERROR)):
            return Raw(text.encode())
    return {ERROR if failed else OUTPUT: text}
