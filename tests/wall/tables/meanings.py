"""Own the faults of what is asked, and of answers that are none: F15, F16, F18, F19, and usage that cannot be."""

from __future__ import annotations

from tests.wall.caller import Ask
from tests.wall.case import Case, Expect
from tests.wall.pace import Pace
from tests.wall.plays import BILLED, answers, errs_after, misstates, refuses, sends, zipped
from tests.wall.site import Layout
from tests.wall.steps import Asked, Play, Script, Step
from tests.wall.tongues import PROTOCOLS
from tests.wall.words import TEXT

ALL = Layout(models=("primary", "fallback", "large"))
TOO_LONG = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9631 tokens."
_FELL_BACK = Expect(attempts={"primary": (1, 2), "fallback": (1, 1)}, served="fallback", bill="bounded")


def cases(pace: Pace) -> list[Case]:
    """Give the rows."""
    del pace
    return [*_overflows(), *_refusals(), *_callers(), *_bodies(), *_usage()]


def _overflows() -> list[Case]:
    """Give F15."""
    says = {
        "openai_chat": refuses(400, "context_length_exceeded", TOO_LONG),
        "openai_responses": refuses(400, "context_length_exceeded", TOO_LONG),
        "anthropic_messages": refuses(
            400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"
        ),
        "gemini": refuses(
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        ),
    }
    rows = [
        Case(
            name=f"F15.{protocol}",
            fault="F15",
            behaviour="the prompt is too long: no retry, no target of the same size, the larger one answers",
            scripts={"primary": (play,)},
            layout=Layout(models=ALL.models, protocols={"primary": protocol}),
            expect=Expect(served="large", attempts={"primary": (1, 1), "fallback": (0, 0), "large": (1, 1)}),
        )
        for protocol, play in says.items()
    ]
    rows.append(
        Case(
            name="F15.nobody-larger",
            fault="F15",
            behaviour="the prompt is too long and nobody is larger: the upstream's own error, once",
            scripts={"primary": (says["openai_chat"],)},
            expect=Expect(
                verdicts=frozenset({"refused"}),
                statuses=frozenset({400}),
                codes=frozenset({"context_length_exceeded"}),
                says="maximum context length",
                attempts={"primary": (1, 1), "fallback": (0, 0)},
                bill=None,
            ),
        )
    )
    return rows


def _refusals() -> list[Case]:
    """Give F16."""
    filtered = refuses(400, "content_policy_violation", "Your request was rejected as a result of our safety system.")
    return [
        Case(
            name=f"F16.{'stream' if streamed else 'whole'}",
            fault="F16",
            behaviour="refused for its content: the reason is passed on, nobody else is asked, no harm to health",
            scripts={"primary": (filtered,)},
            asks=tuple(Ask(stream=streamed, at=0.15 * number) for number in range(7)),
            expect=Expect(
                verdicts=frozenset({"refused"}),
                statuses=frozenset({400}),
                says="safety system",
                attempts={"primary": (7, 7), "fallback": (0, 0)},
                bill=None,
            ),
        )
        for streamed in (True, False)
    ]


def _callers() -> list[Case]:
    """Give F18."""
    return [
        Case(
            name=f"F18.{status}",
            fault="F18",
            behaviour=f"{status} for what the caller said: passed on, one attempt, no harm to the target's health",
            scripts={"primary": (refuses(status, "invalid_request_error", "messages[0] is odd"),)},
            asks=tuple(Ask(at=0.15 * number) for number in range(7)),
            expect=Expect(
                verdicts=frozenset({"refused"}),
                statuses=frozenset({status}),
                says="messages[0] is odd",
                attempts={"primary": (7, 7), "fallback": (0, 0)},
                bill=None,
            ),
        )
        for status in (400, 422)
    ]


def _bodies() -> list[Case]:
    """Give F19: answers that are none."""
    plays: dict[str, Play] = {
        "html": sends(b"<html>welcome</html>", "text/html"),
        "html-as-json": sends(b"<html>welcome</html>"),
        "empty": sends(b""),
        "error-in-200": sends(b'{"error":{"message":"boom","type":"server_error","code":null}}'),
        "no-choices": sends(b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[]}'),
        "null": sends(b"null"),
        "array": sends(b"[]"),
        "half-a-json": sends(b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Ever'),
        "deep": sends(b"[" * 200_000),
        "bad-utf8": sends(b'{"choices":[{"index":0,"message":{"content":"\xff"}}]}'),
        "redirect": sends(b"", "text/plain", "location: http://169.254.169.254/latest/meta-data/", status=302),
        "redirect-here": sends(b"", "text/plain", "location: /v1/chat/completions", status=307),
        "no-content": sends(b"", status=204),
        "gzip": zipped(),
        "bomb": zipped(bomb=True),
        "length-too-long": misstates(+50),
        "length-too-short": misstates(-50),
    }
    rows = [
        Case(
            name=f"F19.{name}-whole",
            fault="F19",
            behaviour="an answer that is none (or cannot be read) is a failure of the upstream: another serves, no 500",
            scripts={"primary": (play,)},
            asks=(Ask(stream=False),),
            expect=_FELL_BACK,
        )
        for name, play in plays.items()
    ]
    rows += [
        Case(
            name=f"F19.{name}-stream",
            fault="F19",
            behaviour="what is no stream where one was asked for is a failure of the upstream: another serves",
            scripts={"primary": (plays[name],)},
            expect=_FELL_BACK,
        )
        for name in ("html", "empty", "error-in-200", "redirect", "no-content", "gzip")
    ]
    rows += [
        Case(
            name=f"F19.alone-{caller}",
            fault="F19",
            behaviour="an answer that is none, and nobody else: a 502 in the caller's protocol",
            scripts={"primary": (plays["html"],)},
            asks=(Ask(protocol=caller, stream=False),),
            layout=Layout(models=("primary",)),
            expect=Expect(verdicts=frozenset({"refused"}), statuses=frozenset({502}), bill="bounded"),
        )
        for caller in PROTOCOLS
    ]
    return rows


def _absurd(usage: bytes) -> Play:
    """Say a usage that cannot be; what the wall charges is the truth."""

    def play(asked: Asked) -> list[Step]:
        body = asked.dialect.whole(TEXT, BILLED, "stop")
        true = b'"usage": {"prompt_tokens": %d, "completion_tokens": %d, "total_tokens": %d}' % (*BILLED, sum(BILLED))
        said = body.replace(true, b'"usage": ' + usage)
        assert said != body
        return sends(said)(asked)  # type: ignore[return-value]

    return play


def _usage() -> list[Case]:
    """Give usage that is absent, or absurd."""
    absurd = {
        "negative": b'{"prompt_tokens": -5, "completion_tokens": -7}',
        "huge": b'{"prompt_tokens": 1000000000000000000, "completion_tokens": 1e18}',
        "text": b'{"prompt_tokens": "many", "completion_tokens": null}',
        "null": b"null",
    }
    script: dict[str, Script] = {name: (_absurd(usage),) for name, usage in absurd.items()}
    rows = [
        Case(
            name=f"F22.usage-{name}",
            fault="F22",
            behaviour="usage that cannot be is not believed: counted by us and flagged, the answer stands",
            scripts={"primary": play},
            asks=(Ask(stream=False),),
            expect=Expect(attempts={"primary": (1, 2), "fallback": (0, 1)}, bill="bounded"),
        )
        for name, play in script.items()
    ]
    rows += [
        Case(
            name=f"F22.no-usage-{'stream' if streamed else 'whole'}",
            fault="F22",
            behaviour="no usage: counted by us, flagged, within 5 % of the truth",
            scripts={"primary": (answers(usage=None),)},
            asks=(Ask(stream=streamed),),
            expect=Expect(served="primary", attempts={"primary": (1, 1)}, bill="estimated"),
        )
        for streamed in (True, False)
    ]
    rows.append(
        Case(
            name="F22.every-attempt-is-paid",
            fault="F22",
            behaviour="429, then 500, then a whole answer: each attempt has a record, the sum is the wall's bill",
            scripts={"primary": (refuses(500), refuses(500)), "fallback": (answers(),)},
            expect=Expect(served="fallback", attempts={"primary": (2, 2), "fallback": (1, 1)}),
        )
    )
    rows.append(
        Case(
            name="F22.broken-and-rescued",
            fault="F22",
            behaviour="a broken attempt and the one that went on are both paid, the broken one by estimate",
            scripts={"primary": (errs_after(40, 500, "server_error"),)},
            expect=Expect(attempts={"primary": (1, 1), "fallback": (1, 1)}, bill="estimated"),
        )
    )
    return rows
