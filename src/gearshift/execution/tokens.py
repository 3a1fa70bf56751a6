"""Own the tokens that stand for our account for a while: asked for when first needed, kept, renewed in time.

    none ──> fetching ──> fresh ── RENEW_BEFORE its end ──> fresh, renewed aside ── its end, or a 401 ──> none
                └── refused: every waiting call fails with the same words, the next one asks again

Source: RFC 6749 section 5 (the answer), section 5.2 (the error). Invariants: one fetch at a time, whoever waits and
whoever leaves; it has a deadline; nothing that the token's server writes is passed on but its error code.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Struct

from gearshift.errors import Unproven, UpstreamError
from gearshift.execution.proof import Outgoing
from gearshift.execution.upstream import Upstream
from gearshift.types.catalog import Seconds

RENEW_BEFORE: Final[Seconds] = 300.0
"""How long before its end a token is renewed, aside; of a short-lived one, half its life."""
SKEW: Final[Seconds] = 10.0
"""How long before its end a token is not sent any more: it must still hold when it arrives."""
RETRY_AFTER: Final[Seconds] = 5.0
"""How long a renewal that failed is not tried again while the old token holds."""
DEADLINE: Final[Seconds] = 15.0
LIFE: Final[Seconds] = 300.0
"""How long a token is believed to hold that does not say."""
MAX_BYTES: Final = 64 * 1024
_OK: Final = 200
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,16384}")
_CODE: Final = re.compile(r"[A-Za-z_]{1,60}")


class Ask(NamedTuple):
    """Hold what asks for a token: a form that is posted, or (`body` None) a page that is got."""

    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


def form(url: str, fields: Mapping[str, str]) -> Ask:
    """Ask by a form."""
    return Ask(url, {"content-type": "application/x-www-form-urlencoded"}, urlencode(fields).encode())


class Grant(Protocol):
    """Be what a token is asked for with."""

    @property
    def secrets(self) -> Sequence[str]:
        """What no text that leaves us may hold."""
        ...

    def ask(self, now: Seconds) -> Ask:
        """Give what asks for a token; `now` is the time since 1970. Signs, so it may take milliseconds."""
        ...


class _Answer(Struct, frozen=True):
    access_token: str
    expires_in: int | float | str | None = None


class _Refusal(Struct, frozen=True):
    error: object = None


class _Token(Struct, frozen=True, kw_only=True):
    """Hold a token; times are those of the clock."""

    text: str
    renew_at: Seconds
    ends_at: Seconds


class Tokens:
    """Prove calls with a bearer token that is kept fresh."""

    def __init__(self, grant: Grant, *, clock: Callable[[], float], wall_clock: Callable[[], float]) -> None:
        """Take what to ask with; `clock` is monotonic, `wall_clock` gives seconds since 1970."""
        self._grant = grant
        self._clock = clock
        self._wall_clock = wall_clock
        self._token: _Token | None = None
        self._known: deque[str] = deque(maxlen=2)  # with the token before this one: a call may still be under way
        self._fetching: asyncio.Task[_Token | Unproven] | None = None
        self._quiet_until: Seconds = 0.0
        self._asked_at: Seconds = 0.0

    @property
    def secrets(self) -> Sequence[str]:
        """What the grant keeps secret, and the last tokens."""
        return [*self._grant.secrets, *self._known]

    def refused(self) -> bool:
        """Forget the token, unless it is so new that another would be refused too."""
        stale = self._clock() - self._asked_at > RETRY_AFTER
        if stale:
            self._token = None
        return stale

    async def prove(self, call: Outgoing, upstream: Upstream) -> Outgoing:
        """Give `call` with a token, waiting for one only when there is none that holds."""
        token = self._token
        now = self._clock()
        if token is None or now >= token.renew_at:
            holds = token is not None and now < token.ends_at
            if not holds or now >= self._quiet_until:
                fetching = self._fetch_once(upstream)
                if not holds:
                    token = _held(await asyncio.shield(fetching))
        assert token is not None  # noqa: S101 - what does not hold was waited for
        return call._replace(headers=call.headers | {"authorization": f"Bearer {token.text}"})

    def _fetch_once(self, upstream: Upstream) -> asyncio.Task[_Token | Unproven]:
        """Give the fetch that is under way, else begin one. It outlives a caller who leaves: others wait for it."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.get_running_loop().create_task(self._fetch(upstream))
        return self._fetching

    async def _fetch(self, upstream: Upstream) -> _Token | Unproven:
        """Ask for a token and keep it; give what went wrong."""
        ask = await asyncio.to_thread(self._grant.ask, self._wall_clock())
        host = urlsplit(ask.url).hostname
        try:
            async with asyncio.timeout(DEADLINE):
                self._token = await self._ask(upstream, ask, str(host))
        except TimeoutError:
            problem = f"{host} gave none within {DEADLINE:g} s"
        except UpstreamError as error:
            problem = error.message if isinstance(error, Unproven) else f"{host}: {error.message}"
        else:
            return self._token
        self._quiet_until = self._clock() + RETRY_AFTER
        return Unproven(f"no token for our account: {problem}")

    async def _ask(self, upstream: Upstream, ask: Ask, host: str) -> _Token:
        headers = {"accept": "application/json", **ask.headers}
        reply = await upstream.post(ask.url, ask.body, headers, DEADLINE)
        try:
            said = await reply.read(MAX_BYTES)
        finally:
            reply.close()
        if reply.status != _OK:
            word = f" ({code})" if (code := _code(said)) else ""
            raise Unproven(f"{host} answered {reply.status}{word}; check the credential of the provider in the config")
        return self._read(said, f"{host} answered with no token")

    def _read(self, said: bytes, problem: str) -> _Token:
        try:
            answer = msgspec.json.decode(said, type=_Answer)
            life = LIFE if answer.expires_in is None else float(answer.expires_in)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
            raise Unproven(problem) from None
        if not _TOKEN.fullmatch(answer.access_token) or not 0 < life < float("inf"):
            raise Unproven(problem)
        self._known.append(answer.access_token)
        now = self._asked_at = self._clock()
        return _Token(
            text=answer.access_token,
            renew_at=now + max(life - RENEW_BEFORE, life / 2),
            ends_at=now + max(life - SKEW, life / 2),
        )


def _held(outcome: _Token | Unproven) -> _Token:
    """Give the token, or raise an error of the caller's own: each is recorded by itself."""
    if isinstance(outcome, Unproven):
        raise Unproven(outcome.message)
    return outcome


def _code(said: bytes) -> str:
    """Give the error's code, if it is a plain word."""
    try:
        code = msgspec.json.decode(said, type=_Refusal).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
