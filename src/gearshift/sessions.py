"""Own what this process remembers of conversations: who answered each last, and how much of it a cache holds.

A conversation is known by its beginning, within the caller's key and session: by the first user turn, and, where no
session is named, the instructions (OpenRouter, "Prompt caching", sticky routing, read 2026-11). It goes on when it has
grown since: the same prompt sent anew is another conversation. A session is remembered as a whole too: another
conversation in it has nothing in the cache, but knows who served. An answer of Responses is remembered by its id, by
which the next request may refer to it.
Invariants: at most `MOST` are remembered, the longest unused are forgotten first; no text is kept, only keyed hashes of
it; what one key's callers did is never known to another's. Time is an argument.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, TypeAlias

from msgspec import Struct

from gearshift.routing.session import in_turn, previous
from gearshift.types.catalog import Seconds
from gearshift.types.chat import Message, Request, Text
from gearshift.types.decision import Standing
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
    """Hold who answered `turns` messages, and when."""

    turns: int
    deployment: str
    provider: str
    held: int
    at: Seconds
    moved: bool


class Sessions:
    """Remember conversations."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._pasts: OrderedDict[Place, _Past] = OrderedDict()

    def find(self, request: Request, key: str | None, now: Seconds) -> Standing | None:
        """Give where the conversation of `request` stands at `now`, None when it is not known."""
        if not request.messages:
            return None
        past = self._recall((key, request.routing.session_id, _beginning(request)))
        if past is None or not _goes_on(request, past):
            return self._elsewhere(request, key)
        held = past.held if now - past.at <= CACHE_LIFE else 0
        return Standing(deployment=past.deployment, provider=past.provider, held=held, moved=past.moved)

    def note(self, request: Request, exchange: Exchange, now: Seconds) -> None:
        """Learn from an exchange that ended at `now`; one that nobody served changes nothing."""
        served = exchange.served
        if served is None or not request.messages:
            return
        session = request.routing.session_id
        turns = len(request.messages)
        self._keep((exchange.key, session, _beginning(request)), served, turns, now)
        if session is not None:
            self._keep((exchange.key, session, None), served, turns, now)
        if served.response_id is not None and exchange.protocol == RESPONSES:
            self._keep((exchange.key, None, served.response_id), served, turns, now)

    def _elsewhere(self, request: Request, key: str | None) -> Standing | None:
        """Look for the answer that the request refers to, then for its session as a whole."""
        for place in _wider(request, key):
            past = self._recall(place)
            if past is not None:
                return Standing(deployment=past.deployment, provider=past.provider, moved=past.moved)
        return None

    def _recall(self, place: Place) -> _Past | None:
        past = self._pasts.get(place)
        if past is not None:
            self._pasts.move_to_end(place)
        return past

    def _keep(self, place: Place, served: Attempt, turns: int, now: Seconds) -> None:
        deployment = served.deployment
        before = self._pasts.pop(place, None)
        moved = before is not None and (before.moved or before.provider != deployment.provider.id)
        self._pasts[place] = _Past(turns, deployment.id, deployment.provider.id, _held(served), now, moved)
        if len(self._pasts) > MOST:
            self._pasts.popitem(last=False)


def _wider(request: Request, key: str | None) -> Iterator[Place]:
    if answer := previous(request):
        yield key, None, answer
    if (session := request.routing.session_id) is not None:
        yield key, session, None


def _goes_on(request: Request, past: _Past) -> bool:
    """Say whether a conversation has grown since, or, in a tool loop, is asked again for what it did not get."""
    grown = len(request.messages) - past.turns
    return grown > 0 or (grown == 0 and in_turn(request))


def _held(served: Attempt) -> int:
    """Give how many tokens of its prompt the provider's cache holds now: what it said, or what its row says it does."""
    usage, caches_from = served.usage, served.deployment.provider.quirks.caches_from
    if usage is None or usage.estimated:
        return 0
    if caches_from is not None and usage.input_tokens >= caches_from:
        return usage.input_tokens
    return usage.cache_read_tokens + usage.cache_write_tokens


def _beginning(request: Request) -> int:
    """Know a conversation by its beginning; `hash` is keyed by the process, so nobody outside can make two alike."""
    first = next((message for message in request.messages if message.role == "user"), None)
    # Agents that name their session change their instructions between requests (Claude Code: a billing header).
    led = request.routing.session_id is None and request.messages[0].role in {"system", "developer"}
    return hash((_texts(request.messages[0] if led else None), _texts(first)))


def _texts(message: Message | None) -> tuple[str, ...]:
    parts = () if message is None else message.parts
    return tuple(part.text if isinstance(part, Text) else str(part.__struct_config__.tag) for part in parts)
