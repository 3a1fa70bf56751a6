"""Own the circuit breakers: whom not to ask for a while, because asking has failed.

    closed ── `IN_A_ROW` failures, or half of the last `SAMPLES` and more ──> open, for `REST` seconds
    open ── time passes ──> half-open: one probe at a time, the others go elsewhere
    half-open ── the probe succeeds ──> closed        ── it fails ──> open

An upstream that says how long to wait is left alone until then, and never for a shorter time than it said before. One
that says that its calls grew too fast gets fewer at once (`throttle`).

There is a circuit for each deployment, and one for each provider's account, which only our account's trouble opens:
one model's overload says nothing of another's. What is the caller's fault opens nothing.
Invariants: pure but for its own memory; time is an argument, in seconds. While a circuit is open, only its probe's end
moves it. A probe that tells nothing leaves the circuit half-open.
Source: M. Nygard, "Release It!", ch. 5, "Circuit Breaker".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from gearshift.errors import CannotCarry, NoRoom, StreamBroken, Unproven, UpstreamError, UpstreamRefused
from gearshift.execution.throttle import Throttle
from gearshift.types import decision as types
from gearshift.types.catalog import Deployment, Seconds

IN_A_ROW: Final = 5
SAMPLES: Final = 20
WINDOW: Final[Seconds] = 30.0
"""For how long an attempt counts in the rate of failures, at least; twice as long at most."""
REST: Final[Seconds] = 5.0
"""How long an open circuit rests between probes, so that a recovery is seen within twice that."""
ACCOUNT_REST: Final[Seconds] = 30.0
"""How long an account rests that was refused."""
SPENT_REST: Final[Seconds] = 120.0
"""How long an account rests whose money is gone."""
BREATH: Final[Seconds] = 0.5
"""How long whoever is one too many waits for its turn."""
PROBE_PATIENCE: Final[Seconds] = 30.0
"""After it, a probe that has not ended no longer keeps the next one waiting."""

CALLERS_KINDS: Final = frozenset({"rejected", "content_filter", "context_overflow", "too_large"})
"""Kinds of refusals that say nothing of the upstream."""

State: TypeAlias = Literal["closed", "open", "half_open"]


class Pass(Struct, frozen=True):
    """Admit an attempt; `probes` are the circuits that its end decides about, `counted` the deployment it is one of."""

    probes: tuple[str, ...] = ()
    counted: str | None = None


class Cooling(Struct, frozen=True):
    """Refuse an attempt: nobody is to be asked before `until`, because of `why` (an error's code)."""

    until: Seconds
    why: str


class _Circuit(Struct):
    """Hold one circuit. `until` None: closed. `asked`: until when the upstream asked to be left alone.

    `why` is the code of the error that opened it, or of the one that asked.
    """

    until: Seconds | None = None
    asked: Seconds = 0.0
    why: str = ""
    probed: Seconds | None = None
    in_a_row: int = 0
    began: Seconds = 0.0
    counts: tuple[int, int] = (0, 0)
    before: tuple[int, int] = (0, 0)

    def count(self, now: Seconds, *, failed: bool) -> None:
        """Add an attempt to the recent ones."""
        if now - self.began >= WINDOW:
            self.before = self.counts if now - self.began < 2 * WINDOW else (0, 0)
            self.counts, self.began = (0, 0), now
        made, bad = self.counts
        self.counts = (made + 1, bad + failed)
        self.in_a_row = self.in_a_row + 1 if failed else 0

    @property
    def rate(self) -> tuple[int, float]:
        """Give the number of recent attempts, and the share of them that failed."""
        made, bad = self.counts[0] + self.before[0], self.counts[1] + self.before[1]
        return made, bad / made if made else 0.0

    @property
    def ill(self) -> bool:
        """Say whether a closed circuit should open."""
        made, rate = self.rate
        return self.in_a_row >= IN_A_ROW or (made >= SAMPLES and rate >= 0.5)  # noqa: PLR2004

    def closed_until(self, now: Seconds) -> Seconds | None:
        """Give the time until which nobody may pass, None: one may at `now`."""
        until = max(self.until or 0.0, self.asked)
        if self.probed is not None and now < self.probed + PROBE_PATIENCE:
            until = max(until, now + 1.0)
        return until if now < until else None


class Health:
    """Remember who has been failing."""

    def __init__(self, changed: Callable[[str, State, str], None] = lambda _scope, _state, _why: None) -> None:
        """Begin with everybody healthy; `changed` is told of a circuit, its new state and the reason."""
        self._circuits: dict[str, _Circuit] = {}
        self._throttle = Throttle()
        self._changed = changed

    def admit(self, deployment: Deployment, now: Seconds) -> Pass | Cooling:
        """Admit an attempt at `deployment`, whose end must then be told to `ended` or `void`."""
        known = self._of(deployment)
        if waits := _waits(known, now):
            return Cooling(*max(waits))
        if not self._throttle.enter(deployment.id):
            return Cooling(now + BREATH, "upstream_rate_limited")
        broken = [(scope, found) for scope, found in known if found.until is not None]
        for scope, found in broken:
            found.probed = now
            self._changed(scope, "half_open", found.why)
        return Pass(tuple(scope for scope, _ in broken), deployment.id)

    def ended(self, admitted: Pass, deployment: Deployment, error: UpstreamError | None, now: Seconds) -> None:
        """Learn from an attempt that has content or has failed."""
        fault = None if error is None else _fault(error, deployment)
        if isinstance(error, UpstreamRefused) and error.kind == "slow_down":
            self._throttle.slow(deployment.id)
        self.void(admitted)
        if error is not None and fault is None:
            return  # it says nothing of the upstream
        if error is None:
            self._throttle.grow(deployment.id)
        for scope in _scopes(deployment):
            mine = fault if fault is not None and fault.scope == scope else None
            if mine is not None:
                self._fail(mine, now, probe=scope in admitted.probes)
            elif fault is None:
                self._succeed(scope, now, probe=scope in admitted.probes)

    def void(self, admitted: Pass) -> None:
        """Take note that an attempt is over, whatever it tells: nothing where its caller left."""
        if admitted.counted is not None:
            self._throttle.leave(admitted.counted)
        for scope in admitted.probes:
            if (found := self._circuits.get(scope)) is not None:
                found.probed = None

    def known(self, deployments: Iterable[Deployment], now: Seconds) -> dict[str, types.Health]:
        """Give what there is to say of `deployments` at `now`, by id; absent: nothing has failed of late."""
        if not self._circuits:
            return {}
        found: dict[str, types.Health] = {}
        for deployment in deployments:
            if circuits := self._of(deployment):
                waits = _waits(circuits, now)
                rate = max(each.rate[1] for _, each in circuits)
                detail = f"it failed with {max(waits)[1]} and rests for {max(waits)[0] - now:.1f} s" if waits else ""
                found[deployment.id] = types.Health(healthy=not waits, detail=detail, error_rate=rate)
        return found

    def pardon(self) -> None:
        """Believe every account again: the config, and with it a key, may have changed."""
        for scope in [scope for scope in self._circuits if "/" not in scope]:
            del self._circuits[scope]
            self._changed(scope, "closed", "reload")

    def _of(self, deployment: Deployment) -> list[tuple[str, _Circuit]]:
        return [(scope, found) for scope in _scopes(deployment) if (found := self._circuits.get(scope)) is not None]

    def _succeed(self, scope: str, now: Seconds, *, probe: bool) -> None:
        found = self._circuits.get(scope)
        if found is None:
            return
        if found.until is not None:
            if probe:
                del self._circuits[scope]
                self._changed(scope, "closed", found.why)
            return
        found.count(now, failed=False)
        if found.rate[1] == 0 and now >= found.asked:
            del self._circuits[scope]

    def _fail(self, fault: _Fault, now: Seconds, *, probe: bool) -> None:
        found = self._circuits.setdefault(fault.scope, _Circuit(began=now))
        if fault.asked is not None:
            found.asked, found.why = max(found.asked, now + fault.asked), fault.why
            return
        if found.until is None:
            found.count(now, failed=True)
        if fault.rest is None and not probe and not (found.until is None and found.ill):
            return
        found.until = max(found.until or 0.0, now + (fault.rest or REST))
        found.why = fault.why
        self._changed(fault.scope, "open", fault.why)


class _Fault(Struct, frozen=True):
    """Hold what an error says of `scope`: `asked` is how long it asks to be left alone, `rest` how long it must be."""

    scope: str
    why: str
    asked: Seconds | None = None
    rest: Seconds | None = None


def _waits(circuits: Iterable[tuple[str, _Circuit]], now: Seconds) -> list[tuple[Seconds, str]]:
    """Give until when, and why, each of those that nobody may pass stays so."""
    return [(until, found.why) for _, found in circuits if (until := found.closed_until(now)) is not None]


def _scopes(deployment: Deployment) -> tuple[str, str]:
    """Give the circuits of a deployment: its own, named `provider/model`, and its provider's account."""
    return deployment.id, deployment.provider.id


def _fault(error: UpstreamError, deployment: Deployment) -> _Fault | None:
    """Say what `error` tells of the upstream; None: nothing."""
    if isinstance(error, CannotCarry | NoRoom):
        return None
    own, account = _scopes(deployment)
    if isinstance(error, Unproven):
        return _Fault(account, error.code, rest=REST)
    if isinstance(error, StreamBroken) and error.kind in CALLERS_KINDS:
        return None
    if not isinstance(error, UpstreamRefused):
        return _Fault(own, error.code)
    match error.kind:
        case kind if kind in CALLERS_KINDS:
            return None
        case "quota":
            return _Fault(account, error.code, rest=SPENT_REST)
        case "model_quota":
            return _Fault(own, error.code, rest=SPENT_REST)
        case "auth" if error.renewable:
            return _Fault(own, error.code)
        case "auth":  # 403 may be of one model only
            return _Fault(own if error.upstream_status == 403 else account, error.code, rest=ACCOUNT_REST)  # noqa: PLR2004
        case _:
            return _Fault(own, error.code, asked=error.retry_after)
