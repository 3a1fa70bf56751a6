"""Own how a careful client of four protocols asks, and what it makes of the answer's bytes.

What it hears is one of four things: the whole answer with its proper end, an error (by status, in band, or because the
connection broke), or a lie: an end that looks clean behind a text that is not whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from tests.wall.words import PROMPT, TEXT

Verdict: TypeAlias = Literal["whole", "refused", "in_band", "hung_up", "lie"]
PROTOCOLS: Final = ("openai_chat", "openai_responses", "anthropic_messages", "gemini")
_MAX_TOKENS: Final = 500


class Heard(Struct, kw_only=True):
    """Hold what a client made of an answer."""

    text: str = ""
    finish: str | None = None
    terminated: bool = False
    after_end: bool = False
    error: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None
    model: str | None = None

    def verdict(self, status: int, *, framed: bool) -> Verdict:
        """Judge; `framed`: the body came to the end that HTTP has for it."""
        if status != 200:
            return "refused"
        if self.error is not None:
            return "lie" if self.after_end or self.terminated else "in_band"
        if not framed:
            return "hung_up"
        return "whole" if self.text == TEXT and self.terminated and not self.after_end else "lie"


def request(protocol: str, model: str, *, stream: bool, fields: Mapping[str, Any]) -> tuple[str, bytes]:
    """Give the path and the body of a request in a protocol."""
    turn = [{"role": "user", "content": PROMPT}]
    match protocol:
        case "openai_chat":
            body = {"model": model, "messages": turn, "stream": stream, "max_tokens": _MAX_TOKENS}
            return "/v1/chat/completions", json.dumps({**body, **fields}).encode()
        case "openai_responses":
            body = {"model": model, "input": PROMPT, "stream": stream, "max_output_tokens": _MAX_TOKENS}
            return "/v1/responses", json.dumps({**body, **fields}).encode()
        case "anthropic_messages":
            body = {"model": model, "messages": turn, "stream": stream, "max_tokens": _MAX_TOKENS}
            return "/v1/messages", json.dumps({**body, **fields}).encode()
        case _:
            verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
            contents = [{"role": "user", "parts": [{"text": PROMPT}]}]
            body = {"contents": contents, "generationConfig": {"maxOutputTokens": _MAX_TOKENS}}
            return f"/v1beta/models/{model}:{verb}", json.dumps({**body, **fields}).encode()


def hear(protocol: str, body: bytes, *, stream: bool) -> Heard:
    """Read an answer's body as a client of the protocol does."""
    heard = Heard()
    for name, data in _events(body) if stream else [("", body)]:
        _take(heard, protocol, name, data)
    if protocol == "gemini" or (not stream and heard.text):  # their end is the finish reason
        heard.terminated = heard.finish is not None
    return heard


def _events(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Give the name and the data of each whole event; a client is never shown CRs by us."""
    for block in body.split(b"\n\n")[:-1]:
        fields = [line.partition(b": ") for line in block.split(b"\n")]
        data = b"\n".join(value for name, _, value in fields if name == b"data")
        if data:
            yield next((value.decode() for name, _, value in fields if name == b"event"), ""), data


def _take(heard: Heard, protocol: str, name: str, data: bytes) -> None:
    ended = heard.terminated or heard.error is not None
    if data == b"[DONE]":
        heard.terminated = True
        heard.after_end = heard.after_end or ended
        return
    try:
        said: dict[str, Any] = json.loads(data)
    except ValueError:
        heard.error = {"message": "no JSON", "code": "unreadable"}
        return
    heard.after_end = heard.after_end or ended
    if name == "error" or said.get("error") or said.get("type") == "error":
        told = said.get("error") or said
        heard.error = told if isinstance(told, dict) else {"message": str(told)}
        return
    {"openai_chat": _chat, "openai_responses": _responses, "anthropic_messages": _messages}.get(protocol, _gemini)(
        heard, said
    )


def _chat(heard: Heard, said: dict[str, Any]) -> None:
    heard.model = said.get("model") or heard.model
    heard.usage = said.get("usage") or heard.usage
    for choice in said.get("choices") or ():
        told = choice.get("delta") or choice.get("message") or {}
        heard.text += told.get("content") or ""
        heard.finish = choice.get("finish_reason") or heard.finish


def _responses(heard: Heard, said: dict[str, Any]) -> None:
    kind = said.get("type", "")
    if kind == "response.output_text.delta":
        heard.text += said["delta"]
    response = said.get("response") or (said if said.get("object") == "response" else None)
    if response is None:
        return
    heard.model = response.get("model") or heard.model
    heard.usage = response.get("usage") or heard.usage
    if response.get("error") or response.get("status") == "failed":
        heard.error = response.get("error") or {"message": "failed"}
    elif kind in {"response.completed", "response.incomplete"} or not kind:
        heard.finish, heard.terminated = response["status"], True
        parts = [part for item in response["output"] for part in item.get("content") or ()]
        heard.text = "".join(part.get("text", "") for part in parts) if not kind else heard.text


def _messages(heard: Heard, said: dict[str, Any]) -> None:
    kind = said.get("type")
    if kind == "message":
        heard.text = "".join(part.get("text", "") for part in said["content"])
    elif kind == "content_block_delta":
        heard.text += said["delta"].get("text", "")
    elif kind == "message_stop":
        heard.terminated = True
    message = said.get("message") or said
    heard.model = message.get("model") or heard.model
    heard.usage = {**(heard.usage or {}), **(message.get("usage") or {})} or None
    heard.finish = (said.get("delta") or message).get("stop_reason") or heard.finish


def _gemini(heard: Heard, said: dict[str, Any]) -> None:
    heard.model = said.get("modelVersion") or heard.model
    heard.usage = said.get("usageMetadata") or heard.usage
    for candidate in said.get("candidates") or ():
        parts = (candidate.get("content") or {}).get("parts") or ()
        heard.text += "".join(part.get("text", "") for part in parts)
        heard.finish = candidate.get("finishReason") or heard.finish
