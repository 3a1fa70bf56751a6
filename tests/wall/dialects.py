"""Own how four protocols word an answer, whole and streamed, and an error. Written apart from the gateway's codecs.

Sources: the API references of OpenAI (chat completions, Responses), Anthropic (Messages, streaming) and Google
(`generateContent`), 2026-11.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeAlias

Usage: TypeAlias = tuple[int, int]
"""Tokens of input and of output."""
Json: TypeAlias = dict[str, Any]


class Dialect(Protocol):
    """Be one protocol, as a provider speaks it."""

    name: str

    def whole(self, text: str, usage: Usage | None, finish: str) -> bytes:
        """Give the body of an answer that is not streamed."""
        ...

    def opening(self, usage: Usage) -> list[bytes]:
        """Give the events before the first text."""
        ...

    def delta(self, text: str) -> bytes:
        """Give the event of a piece of text."""
        ...

    def finish(self, text: str, reason: str, usage: Usage | None) -> list[bytes]:
        """Give the events that end the answer and tell its usage, but for the terminator."""
        ...

    def terminator(self, text: str, usage: Usage | None) -> bytes:
        """Give the event that ends the stream, b"" where the protocol has none."""
        ...

    def error(self, status: int, code: str, message: str) -> bytes:
        """Give the body of an error."""
        ...

    def error_event(self, status: int, code: str, message: str) -> bytes:
        """Give an error inside a stream."""
        ...


def event(data: Mapping[str, Any], name: str = "") -> bytes:
    """Give one server-sent event."""
    said = b"data: %b\n\n" % json.dumps(data).encode()
    return b"event: %b\n%b" % (name.encode(), said) if name else said


class Chat:
    """Be OpenAI's chat completions."""

    name = "openai_chat"

    def whole(self, text: str, usage: Usage | None, finish: str) -> bytes:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return json.dumps({**self._head("chat.completion"), "choices": [choice], **self._usage(usage)}).encode()

    def opening(self, usage: Usage) -> list[bytes]:
        del usage
        return [self._chunk({"role": "assistant", "content": ""})]

    def delta(self, text: str) -> bytes:
        return self._chunk({"content": text})

    def finish(self, text: str, reason: str, usage: Usage | None) -> list[bytes]:
        del text
        told = [event({**self._head("chat.completion.chunk"), "choices": [], **self._usage(usage)})] if usage else []
        return [self._chunk({}, reason), *told]

    def terminator(self, text: str, usage: Usage | None) -> bytes:
        del text, usage
        return b"data: [DONE]\n\n"

    def error(self, status: int, code: str, message: str) -> bytes:
        del status
        return json.dumps({"error": {"message": message, "type": code, "param": None, "code": code}}).encode()

    def error_event(self, status: int, code: str, message: str) -> bytes:
        return b"data: %b\n\n" % self.error(status, code, message)

    def _chunk(self, delta: Json, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return event({**self._head("chat.completion.chunk"), "choices": [choice]})

    def _head(self, kind: str) -> Json:
        return {"id": "chatcmpl-wall", "object": kind, "created": 1, "model": "wall-2026"}

    def _usage(self, usage: Usage | None) -> Json:
        if usage is None:
            return {}
        return {"usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}}


class Messages:
    """Be Anthropic's Messages."""

    name = "anthropic_messages"
    _reasons: Final = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}

    def whole(self, text: str, usage: Usage | None, finish: str) -> bytes:
        content = [{"type": "text", "text": text}]
        said = self._message(content, self._reasons[finish])
        return json.dumps({**said, **({"usage": self._usage(usage)} if usage else {})}).encode()

    def opening(self, usage: Usage) -> list[bytes]:
        message = {**self._message([], None), "usage": self._usage((usage[0], 1))}
        block = {"type": "text", "text": ""}
        return [
            self._event("message_start", message=message),
            self._event("content_block_start", index=0, content_block=block),
            self._event("ping"),
        ]

    def delta(self, text: str) -> bytes:
        return self._event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    def finish(self, text: str, reason: str, usage: Usage | None) -> list[bytes]:
        del text
        told = {"usage": {"output_tokens": usage[1]}} if usage else {}
        ending = {"stop_reason": self._reasons[reason], "stop_sequence": None}
        return [self._event("content_block_stop", index=0), self._event("message_delta", delta=ending, **told)]

    def terminator(self, text: str, usage: Usage | None) -> bytes:
        del text, usage
        return self._event("message_stop")

    def error(self, status: int, code: str, message: str) -> bytes:
        del status
        return json.dumps({"type": "error", "error": {"type": code, "message": message}}).encode()

    def error_event(self, status: int, code: str, message: str) -> bytes:
        return b"event: error\ndata: %b\n\n" % self.error(status, code, message)

    def _event(self, kind: str, **members: object) -> bytes:
        return event({"type": kind, **members}, kind)

    def _message(self, content: list[Json], reason: str | None) -> Json:
        head = {"id": "msg_wall", "type": "message", "role": "assistant", "model": "wall-2026"}
        return {**head, "content": content, "stop_reason": reason, "stop_sequence": None}

    def _usage(self, usage: Usage) -> Json:
        return {"input_tokens": usage[0], "output_tokens": usage[1]}


class Responses:
    """Be OpenAI's Responses."""

    name = "openai_responses"

    def whole(self, text: str, usage: Usage | None, finish: str) -> bytes:
        return json.dumps(self._response(text, finish, usage)).encode()

    def opening(self, usage: Usage) -> list[bytes]:
        del usage
        started = {**self._response("", "stop", None), "status": "in_progress", "output": []}
        item = {"type": "message", "id": "msg_wall", "role": "assistant", "status": "in_progress", "content": []}
        part = {"type": "output_text", "text": "", "annotations": []}
        return [
            self._event("response.created", response=started),
            self._event("response.output_item.added", output_index=0, item=item),
            self._event("response.content_part.added", output_index=0, content_index=0, item_id="msg_wall", part=part),
        ]

    def delta(self, text: str) -> bytes:
        where = {"output_index": 0, "content_index": 0, "item_id": "msg_wall"}
        return self._event("response.output_text.delta", **where, delta=text)

    def finish(self, text: str, reason: str, usage: Usage | None) -> list[bytes]:
        del reason, usage
        where = {"output_index": 0, "content_index": 0, "item_id": "msg_wall"}
        done = self._event("response.output_text.done", **where, text=text)
        return [done, self._event("response.output_item.done", output_index=0, item=self._item(text))]

    def terminator(self, text: str, usage: Usage | None) -> bytes:
        return self._event("response.completed", response=self._response(text, "stop", usage))

    def error(self, status: int, code: str, message: str) -> bytes:
        del status
        return json.dumps({"error": {"message": message, "type": code, "param": None, "code": code}}).encode()

    def error_event(self, status: int, code: str, message: str) -> bytes:
        del status
        failed = {**self._response("", "stop", None), "status": "failed", "error": {"code": code, "message": message}}
        return self._event("response.failed", response=failed)

    def _event(self, kind: str, **members: object) -> bytes:
        return event({"type": kind, **members}, kind)

    def _item(self, text: str) -> Json:
        content = [{"type": "output_text", "text": text, "annotations": []}]
        return {"type": "message", "id": "msg_wall", "role": "assistant", "status": "completed", "content": content}

    def _response(self, text: str, finish: str, usage: Usage | None) -> Json:
        status = "completed" if finish == "stop" else "incomplete"
        head = {"id": "resp_wall", "object": "response", "created_at": 1, "model": "wall-2026", "status": status}
        counted = {"input_tokens": usage[0], "output_tokens": usage[1], "total_tokens": sum(usage)} if usage else None
        return {**head, "error": None, "output": [self._item(text)], "usage": counted}


class Gemini:
    """Be Google's `generateContent`, whose streams are server-sent events."""

    name = "gemini"
    _reasons: Final = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}

    def whole(self, text: str, usage: Usage | None, finish: str) -> bytes:
        return json.dumps(self._answer(text, finish, usage)).encode()

    def opening(self, usage: Usage) -> list[bytes]:
        del usage
        return []

    def delta(self, text: str) -> bytes:
        return event(self._answer(text, None, None))

    def finish(self, text: str, reason: str, usage: Usage | None) -> list[bytes]:
        del text
        return [event(self._answer("", reason, usage))]

    def terminator(self, text: str, usage: Usage | None) -> bytes:
        del text, usage
        return b""

    def error(self, status: int, code: str, message: str) -> bytes:
        return json.dumps({"error": {"code": status, "status": code.upper(), "message": message}}).encode()

    def error_event(self, status: int, code: str, message: str) -> bytes:
        return b"data: %b\n\n" % self.error(status, code, message)

    def _answer(self, text: str, finish: str | None, usage: Usage | None) -> Json:
        candidate: Json = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}
        if finish:
            candidate["finishReason"] = self._reasons[finish]
        answer: Json = {"responseId": "wall", "modelVersion": "wall-2026", "candidates": [candidate]}
        if usage:
            told = {"promptTokenCount": usage[0], "candidatesTokenCount": usage[1], "totalTokenCount": sum(usage)}
            answer["usageMetadata"] = told
        return answer


CHAT: Final = Chat()
RESPONSES: Final = Responses()
MESSAGES: Final = Messages()
GEMINI: Final = Gemini()
DIALECTS: Final[Mapping[str, Dialect]] = {each.name: each for each in (CHAT, RESPONSES, MESSAGES, GEMINI)}
