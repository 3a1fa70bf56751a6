"""Own the faults of an upstream that says no, or is not there: F1 to F6, and errors behind a 200 (F10)."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Final

from tests.wall.caller import Ask
from tests.wall.case import Case, Expect
from tests.wall.pace import Pace
from tests.wall.plays import answers, ends, errs, refuses
from tests.wall.site import Layout
from tests.wall.steps import Play, Script
from tests.wall.tongues import PROTOCOLS

ONCE_MORE: Final = Expect(served="primary", attempts={"primary": (2, 2), "fallback": (0, 0)})
FELL_BACK: Final = Expect(served="fallback", attempts={"primary": (1, 2), "fallback": (1, 1)})
AT_ONCE: Final = Expect(served="fallback", attempts={"primary": (1, 1), "fallback": (1, 1)})
STREAMED: Final = (True, False)


def once(play: Play) -> Script:
    """Fail once, then be well."""
    return (play, answers())


def limited(*lines: str) -> Play:
    """Refuse by a rate limit, with these headers."""
    return refuses(429, "rate_limit_exceeded", "Rate limit reached.", *lines)


def cases(pace: Pace) -> list[Case]:
    """Give the rows."""
    del pace
    return [*_waits(), *_limits(), *_money(), *_failures(), *_connections(), *_behind_a_200()]


def _waits() -> list[Case]:
    """Give F1: every form in which an upstream says how long to wait."""
    short = {
        "retry-after-ms": ("retry-after-ms: 700", 0.7),
        "retry-after": ("retry-after: 1", 1.0),
        "retry-after-fraction": ("retry-after: 0.7", 0.7),
        "reset-of-requests": ("x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 800ms", 0.8),
    }
    rows = [
        Case(
            name=f"F1.{name}",
            fault="F1",
            behaviour=f"429 with `{line.splitlines()[-1]}`: the same target after just that time",
            scripts={"primary": once(limited(line))},
            expect=Expect(
                served="primary",
                attempts={"primary": (2, 2), "fallback": (0, 0)},
                gap=(0.95 * seconds, 1.1 * seconds + 0.1),
            ),
        )
        for name, (line, seconds) in short.items()
    ]
    anthropic = "anthropic-ratelimit-requests-remaining: 0\r\nanthropic-ratelimit-requests-reset: "
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600 * 6))
    far = {
        "retry-after-long": "retry-after: 600",
        "retry-after-date": f"retry-after: {formatdate(time.time() + 600, usegmt=True)}",
        "reset-of-anthropic": anthropic + soon,
        "retry-after-absurd": "retry-after: 99999999999",
    }
    rows += [
        Case(
            name=f"F1.{name}",
            fault="F1",
            behaviour="429 with a wait longer than a caller has patience for: another target at once",
            scripts={"primary": (limited(line),)},
            expect=Expect(served="fallback", attempts={"primary": (1, 1), "fallback": (1, 1)}, within=1.0),
        )
        for name, line in far.items()
    ]
    unreadable = {"negative": "-5", "not-a-number": "NaN", "past-date": formatdate(0, usegmt=True), "garbage": "soon"}
    rows += [
        Case(
            name=f"F1.retry-after-{name}",
            fault="F1",
            behaviour=f"429 with `retry-after: {value}`, which says nothing: a backoff, no tight loop",
            scripts={"primary": (limited(f"retry-after: {value}"),)},
            expect=FELL_BACK,
        )
        for name, value in unreadable.items()
    ]
    later = (Ask(), Ask(at=0.6))
    rows.append(
        Case(
            name="F1.cooled",
            fault="F1",
            behaviour="who asked to be left alone is left alone by the next request too",
            scripts={"primary": (limited("retry-after: 600"),)},
            asks=later,
            expect=Expect(served="fallback", attempts={"primary": (1, 1), "fallback": (2, 2)}),
        )
    )
    return rows


def _limits() -> list[Case]:
    """Give F2, F4."""
    return [
        Case(
            name=f"F2.persistent-{'stream' if stream else 'whole'}",
            fault="F2",
            behaviour="429 for ever without a wait: two tries with backoff at most, then another target",
            scripts={"primary": (limited(),)},
            asks=(Ask(stream=stream),),
            expect=Expect(served="fallback", attempts={"primary": (2, 2), "fallback": (1, 1)}, within=2.0),
        )
        for stream in STREAMED
    ] + [
        Case(
            name="F2.everywhere",
            fault="F2",
            behaviour="429 from everybody: a 429 of ours that tells clients not to ask again, after three attempts",
            scripts={"primary": (limited(),), "fallback": (limited(),)},
            expect=Expect(
                verdicts=frozenset({"refused"}),
                statuses=frozenset({429}),
                headers={"x-should-retry": "false"},
                attempts={"primary": (1, 2), "fallback": (1, 2)},
                bill=None,
            ),
        ),
        Case(
            name="F4.slow-down",
            fault="F4",
            behaviour="503 `slow_down`: once more after a backoff, at a lower rate, then another target",
            scripts={"primary": (refuses(503, "slow_down", "Slow down"),)},
            expect=FELL_BACK,
        ),
    ]


def _money() -> list[Case]:
    """Give F3 and F17: our account's trouble."""
    told = {
        "F3.insufficient-quota": refuses(429, "insufficient_quota", "You exceeded your current quota."),
        "F3.balance": refuses(402, "payment_required", "Insufficient Balance"),
        "F3.spend-limit": refuses(429, "enforced_spend_limit_reached", "You have reached your spend limit."),
        "F17.unauthorized": refuses(
            401, "invalid_api_key", "Incorrect API key provided: sk-wall-secret-0123456789abcdef"
        ),
        "F17.forbidden": refuses(403, "permission_denied", "The account is disabled."),
    }
    rows = [
        Case(
            name=name,
            fault=name.split(".")[0],
            behaviour="our money or credential is refused: no retry, another provider, unnoticed",
            scripts={"primary": (play,)},
            expect=AT_ONCE,
        )
        for name, play in told.items()
    ]
    rows += [
        Case(
            name=f"{name}-alone",
            fault=name.split(".")[0],
            behaviour="our money or credential is refused, nobody else is there: 502, never a 401 or 402",
            scripts={"primary": (play,)},
            layout=Layout(models=("primary",)),
            expect=Expect(
                verdicts=frozenset({"refused"}),
                statuses=frozenset({502}),
                codes=frozenset({"upstream_auth"}),
                attempts={"primary": (1, 1)},
                bill=None,
            ),
        )
        for name, play in told.items()
    ]
    return rows


def _failures() -> list[Case]:
    """Give F5 and the statuses of F6."""
    rows = [
        Case(
            name=f"F6.once-{status}-{'stream' if stream else 'whole'}",
            fault="F6" if status < 503 else "F5",
            behaviour=f"{status} once: the same target answers the second time",
            scripts={"primary": once(refuses(status))},
            asks=(Ask(stream=stream),),
            expect=ONCE_MORE,
        )
        for status in (500, 502, 503, 504, 529)
        for stream in STREAMED
    ]
    rows += [
        Case(
            name=f"F6.persistent-{status}",
            fault="F6",
            behaviour=f"{status} for ever: once more, then another target",
            scripts={"primary": (refuses(status),)},
            expect=FELL_BACK,
        )
        for status in (500, 503, 529)
    ]
    rows.append(
        Case(
            name="F6.everywhere",
            fault="F6",
            behaviour="503 from everybody: three attempts in all, then an error",
            scripts=dict.fromkeys(("primary", "fallback"), (refuses(503),)),
            expect=Expect(
                verdicts=frozenset({"refused"}),
                statuses=frozenset({502, 503}),
                attempts={"primary": (1, 2), "fallback": (1, 2)},
                headers={"x-should-retry": "false"},
                bill=None,
            ),
        )
    )
    return rows


def _connections() -> list[Case]:
    """Give the connections of F6."""
    rows = [
        Case(
            name=f"F6.{ending}-before-head-{'stream' if stream else 'whole'}",
            fault="F6",
            behaviour="the connection is lost before the head: the same target again; what it may bill is estimated",
            scripts={"primary": once(ends(ending))},
            asks=(Ask(stream=stream),),
            expect=Expect(served="primary", attempts={"primary": (2, 2), "fallback": (0, 0)}, bill="bounded"),
        )
        for ending in ("fin", "rst")
        for stream in STREAMED
    ]
    rows.append(
        Case(
            name="F6.refused",
            fault="F6",
            behaviour="nobody listens: another target within 20 ms, nothing was sent and nothing is billed",
            layout=Layout(dead=("primary",)),
            expect=Expect(served="fallback", attempts={"primary": (0, 0), "fallback": (1, 1)}, within=0.1),
        )
    )
    rows.append(
        Case(
            name="F6.refused-everywhere",
            fault="F6",
            behaviour="nobody listens anywhere: 502 `upstream_unreachable`",
            layout=Layout(dead=("primary", "fallback")),
            expect=Expect(verdicts=frozenset({"refused"}), statuses=frozenset({502}), within=1.0, bill=None),
        )
    )
    return rows


def _behind_a_200() -> list[Case]:
    """Give F10: an error that stands in the stream of a 200, before any content."""
    openings = {
        "openai_chat": (1, 2),
        "openai_responses": (1, 2, 3),
        "anthropic_messages": (1, 2, 3, 4),
        "gemini": (1,),
    }
    rows = [
        Case(
            name=f"F10.{protocol}-event-{at}",
            fault="F10",
            behaviour="an error in place of the first content behind a 200: as if its status had come in the head",
            scripts={"primary": (errs(at, 529, "overloaded_error", "Overloaded"),)},
            layout=Layout(protocols={"primary": protocol}),
            expect=FELL_BACK,
        )
        for protocol, numbers in openings.items()
        for at in numbers
    ]
    rows += [
        Case(
            name=f"F10.alone-{caller}",
            fault="F10",
            behaviour="an error in place of the first content, and nobody else is there: its true status, no 200",
            scripts={"primary": (errs(1, 429, "rate_limit_error", "Rate limited"),)},
            asks=(Ask(protocol=caller),),
            layout=Layout(models=("primary",)),
            expect=Expect(verdicts=frozenset({"refused"}), statuses=frozenset({429}), bill=None),
        )
        for caller in PROTOCOLS
    ]
    return rows
