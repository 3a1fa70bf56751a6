"""Own what this process remembers of conversations: who answered each last, and how much of it a cache holds.

    a tool's result       known by the id of its call
    the next turn         known by the turn before it: its place, its words, and those of the first turn (without a
                          named session the instructions too)
    another conversation  of a named session: who served the session last, and nothing in a cache
    Responses             known by the id of the answer that the request goes on from

The same prompt sent anew is another conversation. Two that cannot be told apart, and were answered by two deployments,
are not known. Invariants: at most `MOST` are remembered, the longest unused are forgotten first; no text is kept, only
keyed hashes of it; what one key's callers did is never known to another's. Time is an argument.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from gearshift.routing.session import in_turn, previous
from gearshift.types.catalog import Seconds
from gearshift.types.chat import Message, Part, Request, Text, ToolCall, ToolResult
from gearshift.types.decision import Standing
from gearshift.types.embedding import Asked, EmbeddingRequest
from gearshift.types.record import Attempt, Exchange

Place: TypeAlias = tuple[str | None, str | None, str | int | None]
"""The caller's key, its session, and which conversation in it."""

RESPONSES: Final = "openai_responses"
"""The protocol in which a request may refer to an earlier answer by its id."""
MOST: Final = 20_000
CACHE_LIFE: Final[Seconds] = 300.0
"""How long a cached prompt is taken to live after its last use: Anthropic's 5 minutes ("Prompt caching"), OpenAI's 5 to
10 ("Prompt caching"), both read 2026-11."""


class _Past(Struct, frozen=True):
    """Hold who answered, None where two did and it cannot be told which; `held` tokens were in its cache `at`."""

    deployment: str | None
    provider: str
    held: int
    at: Seconds
    moved: bool


class Sessions:
    """Remember conversations."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._pasts: OrderedDict[Place, _Past] = OrderedDict()

    def find(self, request: Asked, key: str | None, now: Seconds) -> Standing | None:
        """Give where the conversation of `request` stands at `now`, None when it is not known."""
        if isinstance(request, EmbeddingRequest) or not request.messages:
            return None
        for place in _places(request, key):
            past = self._pasts.get(place)
            if past is None:
                continue
            self._pasts.move_to_end(place)
            if past.deployment is None:
                return None
            exact = place[2] is not None
            held = past.held if exact and now - past.at <= CACHE_LIFE else 0
            return Standing(
                deployment=past.deployment, provider=past.provider, held=held, moved=exact and past.moved, exact=exact
            )
        return None

    def note(self, request: Asked, exchange: Exchange, now: Seconds) -> None:
        """Learn from an exchange that ended at `now`; one that nobody served changes nothing."""
        served = exchange.served
        if served is None or isinstance(request, EmbeddingRequest) or not request.messages:
            return
        key, session, provider = exchange.key, request.routing.session_id, served.deployment.provider
        before = None if exchange.decision is None else exchange.decision.standing
        moved = before is not None and before.exact and (before.moved or before.provider != provider.id)
        past = _Past(served.deployment.id, provider.id, _held(served), now, moved)
        self._keep((key, session, _turn(request, len(request.messages))), past, sole=True)
        if served.call_id is not None:
            self._keep((key, None, served.call_id), past)
        if session is not None:
            self._keep((key, session, None), past)
        if served.response_id is not None and {exchange.protocol, provider.protocol} == {RESPONSES}:
            self._keep((key, None, served.response_id), past)

    def _keep(self, place: Place, past: _Past, *, sole: bool = False) -> None:
        """Keep what is known of a place; `sole`: who was there before answered another conversation."""
        before = self._pasts.pop(place, None)
        if sole and before is not None and before.deployment != past.deployment:
            past = replace(past, deployment=None)
        self._pasts[place] = past
        if len(self._pasts) > MOST:
            self._pasts.popitem(last=False)


def _places(request: Request, key: str | None) -> Iterator[Place]:
    """Give where a conversation may be remembered, the surest place first."""
    session = request.routing.session_id
    if answer := previous(request):
        yield key, None, answer
    last = next((at for at in range(len(request.messages) - 1, -1, -1) if _answered(request, at)), None)
    if last is not None:
        if in_turn(request):
            calls = (part for part in request.messages[last].parts if isinstance(part, ToolCall))
            yield from ((key, None, call.id) for call in calls)
        while last > 0 and _answered(request, last - 1):
            last -= 1
        yield key, session, _turn(request, last)
    if session is not None:
        yield key, session, None


def _answered(request: Request, at: int) -> bool:
    return request.messages[at].role == "assistant"


def _held(served: Attempt) -> int:
    """Give how many tokens of its prompt the provider's cache holds now: what it said, or what its row says it does."""
    usage, caches_from = served.usage, served.deployment.provider.quirks.caches_from
    if usage is None or usage.estimated:
        return 0
    if caches_from is not None and usage.input_tokens >= caches_from:
        return usage.input_tokens
    return usage.cache_read_tokens + usage.cache_write_tokens


def _turn(request: Request, end: int) -> int:
    """Know a turn that ends before message `end`; `hash` is keyed, so nobody outside can make two alike."""
    messages = request.messages[:end]
    first = next((message for message in messages if message.role == "user"), None)
    # Agents that name their session change their instructions between requests (Claude Code: a billing header).
    led = request.routing.session_id is None and messages and messages[0].role in {"system", "developer"}
    return hash((end, _texts(messages[0] if led else None), _texts(first), _texts(messages[-1] if messages else None)))


def _texts(message: Message | None) -> tuple[str, ...]:
    return () if message is None else tuple(map(_word, message.parts))


def _word(part: Part) -> str:
    match part:
        case Text():
            return part.text
        case ToolResult():
            return part.call_id
        case _:
            return str(part.__struct_config__.tag)
