"""Own handing a conversation over: what another model must not be told, must be told otherwise, or cannot take in.

    Request ─ unsigned ─> without thinking that another provider signed
            ─ rested ───> without thinking where the turn has lost its own
            ─ paired ───> every call with its result, every result behind its call
            ─ fitted ───> without what its window does not hold, where the caller lets that go (`shortening`)

Each step says what it did: `mapped` or `dropped`, by message. A request that needs nothing is the same object.
Invariants: pure; a signature is only ever stripped, never changed.
Sources: the 400s of Anthropic ("tool use", `tool_use` ids without `tool_result`) and of OpenAI
("function calling", every `tool_call_id` needs its message), both read 2026-11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from gearshift.execution.shortening import begins_turn, middle_out, oldest_out
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.places import Turns, number_of, place
from gearshift.types.chat import TRUNCATED, Message, Part, Reasoning, Request, Text, ToolCall, ToolResult
from gearshift.types.decision import Standing
from gearshift.types.record import Loss

THOUGHTFUL: Final = "anthropic_messages"
"""The protocol in which Claude's callers ask for thinking themselves."""
UNANSWERED: Final = "no result was recorded"
"""What is said as the result of a call that has none."""
_SHOWN: Final = 40


class Handed(Struct, frozen=True, kw_only=True):
    """Hold a request as the next model is told it, and what became of its words on the way."""

    request: Request
    losses: tuple[Loss, ...] = ()


class Heir(Struct, frozen=True, kw_only=True):
    """Hold whom a conversation is handed to; `window` is tokens, None: not known.

    `shortens`: told `middle-out` in its own protocol, it does that itself.
    """

    protocol: str
    provider: str
    window: int | None = None
    shortens: bool = False


def hand_over(request: Request, standing: Standing | None, heir: Heir) -> Handed:
    """Prepare a conversation, which stands where `standing` says, for `heir`.

    In its own protocol only what another provider signed is left out: all else is said as the caller said it.
    """
    handed = Handed(request=request)
    if standing is not None and standing.exact and (standing.moved or standing.provider != heir.provider):
        handed = unsigned(request, whole=standing.provider != heir.provider)
    if request.protocol == heir.protocol:
        handed = _then(handed, rested(handed.request)) if handed.losses else handed
    else:
        handed = _then(handed, paired(handed.request))
    return handed if heir.window is None else _then(handed, fitted(handed.request, heir, heir.window))


def _then(before: Handed, after: Handed) -> Handed:
    return Handed(request=after.request, losses=before.losses + after.losses)


def unsigned(request: Request, *, whole: bool) -> Handed:
    """Leave out thinking that was signed: of the turns before the current one, or, if `whole`, of all.

    A provider refuses what another one signed. The current turn begins with the last message that is not the model's
    and brings no result.
    """
    end = len(request.messages) if whole else _current(request.messages)
    losses: list[Loss] = []
    turns = Turns()
    for at, message in enumerate(request.messages):
        number = number_of(request, at)
        kept = message.parts if at >= end else tuple(part for part in message.parts if not _is_signed(part))
        if len(kept) == len(message.parts):
            turns.add(number, [message])
            continue
        why = "it was signed by another provider, which alone takes it"
        losses.append(dropped(f"{place(request, at)}.reasoning", why))
        if kept:
            turns.add(number, [replace(message, parts=kept)])
    return _handed(request, turns, losses)


def rested(request: Request) -> Handed:
    """Turn thinking with a budget off where the current turn calls a tool without the thinking that led there.

    Claude refuses to go on so: "Expected `thinking`, but found `tool_use`" (Anthropic, "Extended thinking", tool use).
    A request that crosses to it is suited on the way (`protocols.claude`).
    """
    budget = request.sampling.reasoning_budget
    if request.protocol != THOUGHTFUL or budget is None or budget <= 0:
        return Handed(request=request)
    last = next((message for message in reversed(request.messages) if message.role == "assistant"), None)
    parts = () if last is None else last.parts
    thought = bool(parts) and isinstance(parts[0], Reasoning) and parts[0].origin == THOUGHTFUL
    if thought or not any(isinstance(part, ToolCall) for part in parts):
        return Handed(request=request)
    how = "turned off until the turn ends, for its call has lost the thinking before it"
    sampling = replace(request.sampling, reasoning_budget=0)
    return Handed(request=replace(request, sampling=sampling), losses=(mapped("reasoning_budget", how),))


def paired(request: Request) -> Handed:
    """Give every call a result and every result a call.

    A call without one is told that none was recorded. A result without its call, or a second one, is told as text.
    """
    if _in_pairs(request.messages):
        return Handed(request=request)
    pairing = _Pairing(request)
    for at in range(len(request.messages)):
        pairing.take(at)
    pairing.settle()
    return _handed(request, pairing.turns, pairing.losses)


def _handed(request: Request, turns: Turns, losses: Sequence[Loss]) -> Handed:
    """Give a request with other messages, where anything was changed."""
    if not losses:
        return Handed(request=request)
    return Handed(request=replace(request, messages=tuple(turns.messages), places=turns.places), losses=tuple(losses))


def fitted(request: Request, heir: Heir, window: int) -> Handed:
    """Leave out what does not fit `window` tokens, where the caller allows it and the upstream leaves it to us."""
    losses: tuple[Loss, ...] = ()
    if request.truncation == TRUNCATED and request.protocol != heir.protocol:
        request, losses = oldest_out(request, window)
    if request.routing.middle_out and not (heir.shortens and request.protocol == heir.protocol):
        request, more = middle_out(request, window)
        losses += more
    return Handed(request=request, losses=losses)


def _is_signed(part: Part) -> bool:
    return isinstance(part, Reasoning) and part.signature is not None


def _current(messages: Sequence[Message]) -> int:
    """Give where the current turn begins."""
    for at in range(len(messages) - 1, -1, -1):
        if begins_turn(messages[at]):
            return at
    return 0


def _in_pairs(messages: Sequence[Message]) -> bool:
    """Say whether all that is to be said in pairs is, as nearly always."""
    waiting: set[str] = set()
    for message in messages:
        answered = [part.call_id for part in message.parts if type(part) is ToolResult]
        for call in answered:
            if call not in waiting:
                return False
            waiting.remove(call)
        if not answered and (waiting or message.role == "tool"):
            return False
        waiting.update([part.id for part in message.parts if type(part) is ToolCall])
    return not waiting


class _Pairing:
    """Walk a conversation and say it again with its calls and results in pairs."""

    def __init__(self, request: Request) -> None:
        self.turns = Turns()
        self.losses: list[Loss] = []
        self._request = request
        self._number = 0
        """Where the caller said the message that was taken last."""
        self._open: dict[str, tuple[int, ToolCall]] = {}
        """Calls that wait for their results, by id, with where they were made."""
        self._told: list[Part] = []
        """What is to be said as text once the results that belong together are through."""

    def take(self, at: int) -> None:
        """Take the next message."""
        message = self._request.messages[at]
        parts, answers = self._answers(at, message)
        if message.role == "tool" and not answers:
            self._told += parts
            return
        if not answers:
            self.settle()
        if parts != message.parts:
            message = replace(message, parts=parts)
        self._number = number_of(self._request, at)
        self.turns.add(self._number, [message])
        self._open.update((part.id, (at, part)) for part in parts if isinstance(part, ToolCall))

    def settle(self) -> None:
        """Answer the calls that are open still, then say what was to be told as text."""
        results: list[ToolResult] = []
        for at, call in self._open.values():
            shown = call.name[:_SHOWN]
            how = f"a call without a result: told that {UNANSWERED}"
            self.losses.append(mapped(f"{place(self._request, at)}.{shown}", how))
            results.append(ToolResult(call_id=call.id, parts=(Text(text=UNANSWERED),), name=call.name, is_error=True))
        if results:
            self.turns.add(self._number, [Message(role="tool", parts=tuple(results))])
        if self._told:
            self.turns.add(self._number, [Message(role="user", parts=tuple(self._told))])
        self._open, self._told = {}, []

    def _answers(self, at: int, message: Message) -> tuple[tuple[Part, ...], bool]:
        """Give the parts of a message, results that answer no open call as text, and whether any answers one."""
        parts: list[Part] = []
        answers = False
        for part in message.parts:
            if not isinstance(part, ToolResult):
                parts.append(part)
            elif self._open.pop(part.call_id, None) is not None:
                parts.append(part)
                answers = True
            else:
                shown = part.call_id[:_SHOWN]
                how = "a result without a call before it: told as text"
                self.losses.append(mapped(f"{place(self._request, at)}.{shown}", how))
                parts += [Text(text=f"Result of the tool {part.name or shown}:"), *part.parts]
        return tuple(parts), answers
