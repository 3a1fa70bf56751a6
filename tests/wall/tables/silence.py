"""Own the faults of an upstream that says nothing, or too little at a time: F7, F8, F9, F35."""

from __future__ import annotations

from tests.wall.caller import Ask
from tests.wall.case import SAFE, Case, Expect
from tests.wall.dialects import CHAT
from tests.wall.pace import Pace
from tests.wall.plays import answers, drips, ends, says, stalls, waits
from tests.wall.site import Layout
from tests.wall.steps import Asked, Beat, Play, Step, head, piece
from tests.wall.tongues import PROTOCOLS

COMMENT = b": keep-alive\n\n"
ROLE = CHAT.opening((0, 0))[0]
PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def beats(beat: bytes, seconds: float) -> Play:
    """Say a head and then only signs of life."""

    def play(asked: Asked) -> list[Step]:
        del asked
        return [head(kind="text/event-stream", length=None), Beat(piece(beat).data, 0.1, seconds)]

    return play


def cases(pace: Pace) -> list[Case]:
    """Give the rows."""
    return [*_no_answer(pace), *_no_content(pace), *_stalls(pace), *_deadlines(pace)]


def _no_answer(pace: Pace) -> list[Case]:
    """Give F7."""
    rows = []
    for stream in (True, False):
        limit = pace.first_token if stream else pace.answer
        for name, play in {"accepts": ends("silent"), "half-a-head": says(b"HTTP/1.1 200 OK\r\ncontent-")}.items():
            rows.append(
                Case(
                    name=f"F7.{name}-{'stream' if stream else 'whole'}",
                    fault="F7",
                    behaviour="accepts the request and never answers: given up at the limit, not asked twice, closed",
                    scripts={"primary": (play,)},
                    asks=(Ask(stream=stream),),
                    expect=Expect(
                        served="fallback",
                        attempts={"primary": (1, 1), "fallback": (1, 1)},
                        within=limit + 0.5,
                        bill="bounded",
                    ),
                )
            )
    rows.append(
        Case(
            name="F7.everywhere",
            fault="F7",
            behaviour="nobody answers: 504 after one try each",
            scripts=dict.fromkeys(("primary", "fallback"), (ends("silent"),)),
            expect=Expect(
                verdicts=frozenset({"refused", "in_band"}),
                codes=frozenset({"upstream_timeout", "deadline_exceeded"}),
                attempts={"primary": (1, 1), "fallback": (1, 1)},
                within=2 * pace.first_token + 1,
                bill="bounded",
            ),
        )
    )
    return rows


def _no_content(pace: Pace) -> list[Case]:
    """Give F8: heads, pings and empty chunks are no content."""
    limit = pace.first_token
    fell_back = Expect(
        served="fallback", attempts={"primary": (1, 1), "fallback": (1, 1)}, within=limit + 0.5, bill="bounded"
    )
    plays = {
        "head-only": (waits(3 * limit, answers(), after_head=True), "openai_chat"),
        "comments": (beats(COMMENT, 3 * limit), "openai_chat"),
        "empty-roles": (beats(ROLE, 3 * limit), "openai_chat"),
        "pings": (beats(PING, 3 * limit), "anthropic_messages"),
        "head-only-responses": (waits(3 * limit, answers(), after_head=True), "openai_responses"),
        "head-only-gemini": (waits(3 * limit, answers(), after_head=True), "gemini"),
    }
    rows = [
        Case(
            name=f"F8.{name}",
            fault="F8",
            behaviour="a head, and no content within the limit, whatever else is said: another target",
            scripts={"primary": (play,)},
            layout=Layout(protocols={"primary": protocol}),
            expect=fell_back,
        )
        for name, (play, protocol) in plays.items()
    ]
    rows.append(
        Case(
            name="F8.timer-is-per-attempt",
            fault="F8",
            behaviour="the second attempt's timer starts anew: a fallback that takes most of the limit still answers",
            scripts={"primary": (ends("silent"),), "fallback": (waits(0.7 * limit, answers()),)},
            expect=Expect(served="fallback", attempts={"primary": (1, 1), "fallback": (1, 1)}, bill="bounded"),
        )
    )
    rows.append(
        Case(
            name="F8.slow-but-in-time",
            fault="F8",
            behaviour="a first token that comes in time is waited for",
            scripts={"primary": (waits(0.6 * limit, answers(), after_head=True),)},
            expect=Expect(served="primary", attempts={"primary": (1, 1), "fallback": (0, 0)}),
        )
    )
    return rows


def _stalls(pace: Pace) -> list[Case]:
    """Give F9."""
    rows = [
        Case(
            name=f"F9.stall-after-{after}-{caller}",
            fault="F9",
            behaviour="silence in the middle: closed at the limit, and another goes on to the whole text",
            scripts={"primary": (stalls(after, 4 * pace.stall),)},
            asks=(Ask(protocol=caller),),
            expect=Expect(attempts={"primary": (1, 1), "fallback": (1, 1)}, within=pace.stall + 0.5, bill="bounded"),
        )
        for after, caller in zip((1, 20, 40, 65), PROTOCOLS, strict=True)
    ]
    rows += [
        Case(
            name="F9.stall-alone",
            fault="F9",
            behaviour="silence in the middle and nobody else: an error in band and no terminator",
            scripts={"primary": (stalls(20, 4 * pace.stall),)},
            layout=Layout(models=("primary",)),
            expect=Expect(verdicts=frozenset({"in_band"}), within=pace.stall + 0.5, bill="bounded"),
        ),
        Case(
            name="F9.only-comments",
            fault="F9",
            behaviour="only signs of life in the middle: no content within the limit is a stall too",
            scripts={"primary": (stalls(20, 4 * pace.content, COMMENT),)},
            expect=Expect(attempts={"primary": (1, 1), "fallback": (1, 1)}, within=pace.content + 0.5, bill="bounded"),
        ),
        Case(
            name="F9.drips",
            fault="F9",
            behaviour="a slow but steady stream is passed on to its end",
            scripts={"primary": (drips(0.02, 400),)},
            expect=Expect(served="primary", attempts={"primary": (1, 1), "fallback": (0, 0)}),
        ),
        Case(
            name="F9.short-pause",
            fault="F9",
            behaviour="a pause within the limit is waited out",
            scripts={"primary": (stalls(20, 0.6 * pace.stall),)},
            expect=Expect(served="primary", attempts={"primary": (1, 1), "fallback": (0, 0)}),
        ),
    ]
    return rows


def _deadlines(pace: Pace) -> list[Case]:
    """Give F35."""
    del pace
    headers = ({"x-gearshift-timeout-ms": "500"}, {"x-stainless-read-timeout": "0.5"}, {"x-stainless-timeout": "0.5"})
    return [
        Case(
            name=f"F35.{next(iter(each))}",
            fault="F35",
            behaviour="the caller's own deadline bounds all attempts together",
            scripts=dict.fromkeys(("primary", "fallback"), (ends("silent"),)),
            asks=(Ask(headers=each, stream="x-gearshift-timeout-ms" in each),),
            layout=Layout(
                reliability={"first_token_timeout": 5, "answer_timeout": 5}
            ),  # so that it is none of these that ends it
            expect=Expect(
                verdicts=SAFE - {"whole"},
                statuses=frozenset({504}),
                within=0.6,
                bill="bounded",
                attempts={"primary": (1, 1), "fallback": (0, 1)},
            ),
        )
        for each in headers
    ]
