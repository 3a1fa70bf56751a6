"""Own tools that stand in a namespace (OpenAI Responses): other protocols are told functions, each by one name of both.

    {namespace crm: get}  ─ flatten ─>  crm__get  ─ upstream ─>  call of crm__get  ─ restore ─>  call of get in crm

Invariant: a call comes back under the names that the caller gave, whatever the upstream speaks; no two functions of a
request have one name. Source: `NamespaceTool`, `ResponseFunctionToolCall.namespace` (openai 2.x, read 2026-11-27).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from gearshift.protocols.fields import ABSENT, raw
from gearshift.protocols.losses import mapped
from gearshift.types.chat import Extra, Message, Request, Response, Tool, ToolCall
from gearshift.types.record import Loss
from gearshift.types.stream import PartStarted

C = TypeVar("C", ToolCall, PartStarted)

NAMESPACE: Final = "namespace"
"""The `extra` of a function in one, and of a call of it."""
LONGEST: Final = 64
"""Characters of a function's name that every protocol takes."""


class Namespace(Struct, frozen=True):
    """Hold what a function's `extra` says of its namespace."""

    name: str
    description: str | None = None


_space = msgspec.json.Decoder(Namespace)
_name = msgspec.json.Decoder(str)


class Namespaces:
    """Know the functions of one request that stand in a namespace, by both of their names and by the one."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        """Take the tools of a request; most have no namespace."""
        self._flat: dict[tuple[str, str], str] = {}
        self._own: dict[str, tuple[str, str]] = {}
        taken: set[str] = set()
        spaced: list[tuple[str, str]] = []
        for tool in tools:
            if (space := _of(tool)) is None:
                taken.add(tool.name)
            else:
                spaced.append((space.name, tool.name))
        for own in spaced:
            flat = _joined(own, {*taken, *self._own})
            self._flat[own], self._own[flat] = flat, own

    def flatten(self, request: Request) -> tuple[Request, list[Loss]]:
        """Give `request` with one name for each function, and what is to be said of that."""
        if not self._flat:
            return request, []
        told: dict[str, str] = {}
        tools: list[Tool] = []
        for tool in request.tools:
            if (space := _of(tool)) is None:
                tools.append(tool)
                continue
            first = space.name not in told
            words = (space.description if first else None, tool.description)
            told.setdefault(space.name, f"tools.{space.name}")
            flat = self._flat[space.name, tool.name]
            description = "\n\n".join(filter(None, words)) or None
            tools.append(replace(tool, name=flat, description=description, extra=_without(tool.extra)))
        how = "its functions have both names in one; its description stands before that of the first"
        losses = [mapped(field, how) for field in told.values()]
        return replace(request, tools=tuple(tools), messages=tuple(map(self._said, request.messages))), losses

    def restore(self, call: C) -> C:
        """Give a call its own name and its namespace back, as the caller's protocol has them."""
        own = self._own.get(call.name or "")
        if own is None:
            return call
        return replace(call, name=own[1], extra={**call.extra, NAMESPACE: raw(own[0])})

    def restored(self, response: Response) -> Response:
        """Give an answer whose calls have their own names."""
        if not self._own:
            return response
        choices = tuple(
            replace(
                choice,
                parts=tuple(self.restore(part) if isinstance(part, ToolCall) else part for part in choice.parts),
            )
            for choice in response.choices
        )
        return replace(response, choices=choices)

    def _said(self, message: Message) -> Message:
        parts = tuple(self._called(part) if isinstance(part, ToolCall) else part for part in message.parts)
        return message if parts == message.parts else replace(message, parts=parts)

    def _called(self, call: ToolCall) -> ToolCall:
        space = call.extra.get(NAMESPACE, ABSENT)
        flat = self._flat.get((_text(space), call.name))
        return call if flat is None else replace(call, name=flat, extra=_without(call.extra))


def _of(tool: Tool) -> Namespace | None:
    if NAMESPACE not in tool.extra:
        return None
    try:
        return _space.decode(tool.extra[NAMESPACE])
    except (msgspec.DecodeError, UnicodeDecodeError):  # a field of that name which nobody knows
        return None


def _without(extra: Extra) -> Extra:
    return {name: value for name, value in extra.items() if name != NAMESPACE}


def _text(said: Raw) -> str:
    try:
        return _name.decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _joined(own: tuple[str, str], taken: set[str]) -> str:
    flat = "__".join(own)
    if len(flat) <= LONGEST and flat not in taken:
        return flat
    mark = sha256("\0".join(own).encode()).hexdigest()[:8]
    return f"{flat[: LONGEST - 10]}__{mark}"
