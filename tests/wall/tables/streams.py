"""Own the faults in the middle of a stream: F11 to F14."""

from __future__ import annotations

from tests.wall.caller import Ask
from tests.wall.case import SAFE, Case, Expect
from tests.wall.pace import Pace
from tests.wall.plays import cuts, doubles, errs_after, inserts, lacks, misframes, reworded, split
from tests.wall.site import Layout
from tests.wall.steps import Play
from tests.wall.tongues import PROTOCOLS

MIB = 1 << 20
ALONE = Layout(models=("primary",))
UNTOUCHED = Expect(served="primary", attempts={"primary": (1, 1), "fallback": (0, 0)})
RESCUED = Expect(attempts={"primary": (1, 2), "fallback": (0, 1)}, bill="estimated")
BROKEN = Expect(verdicts=frozenset({"in_band"}), bill="estimated")


def cases(pace: Pace) -> list[Case]:
    """Give the rows."""
    return [*_errors(), *_cuts(), *_ends(pace), *_garbage(), *_tolerated()]


def _errors() -> list[Case]:
    """Give F11."""
    rows = [
        Case(
            name=f"F11.error-event-{protocol}",
            fault="F11",
            behaviour="an error event in the middle: another goes on to the whole text",
            scripts={"primary": (errs_after(20, 429, "rate_limit_error"),)},
            layout=Layout(protocols={"primary": protocol}),
            expect=RESCUED,
        )
        for protocol in PROTOCOLS
    ]
    rows += [
        Case(
            name=f"F11.alone-{caller}",
            fault="F11",
            behaviour="an error event in the middle and nobody else: an error in band, no terminator, at once",
            scripts={"primary": (errs_after(20, 429, "rate_limit_error"),)},
            asks=(Ask(protocol=caller, headers={"x-gearshift-no-fallback": "true"}),),
            layout=ALONE,
            expect=Expect(verdicts=frozenset({"in_band"}), within=1.0, bill="estimated"),
        )
        for caller in PROTOCOLS
    ]
    return rows


def _cuts() -> list[Case]:
    """Give F12."""
    rows = [
        Case(
            name=f"F12.{ending}{'-torn' if torn else ''}-after-{after}",
            fault="F12",
            behaviour="the stream is cut, by FIN or RST, between events or in one: the whole text all the same",
            scripts={"primary": (cuts(after, ending, torn=torn),)},
            expect=RESCUED,
        )
        for ending in ("fin", "rst")
        for after, torn in ((1, False), (40, False), (40, True), (66, False))
    ]
    rows += [
        Case(
            name=f"F12.cut-{upstream}-to-{caller}",
            fault="F12",
            behaviour="a cut stream of any protocol, for a caller of any: whole, or an error in band",
            scripts={"primary": (cuts(30),)},
            asks=(Ask(protocol=caller),),
            layout=Layout(protocols={"primary": upstream}),
            expect=RESCUED,
        )
        for upstream in PROTOCOLS
        for caller in PROTOCOLS
        if upstream != "openai_chat" or caller != "openai_chat"
    ]
    rows += [
        Case(
            name=f"F12.cut-alone-{caller}",
            fault="F12",
            behaviour="a cut stream that nobody goes on with ends in an error of the caller's protocol, unterminated",
            scripts={"primary": (cuts(30),)},
            asks=(Ask(protocol=caller, headers={"x-gearshift-no-fallback": "true"}),),
            layout=ALONE,
            expect=BROKEN,
        )
        for caller in PROTOCOLS
    ]
    rows += [
        Case(
            name=f"F12.whole-answer-{ending}",
            fault="F12",
            behaviour="half of an answer that is not streamed: nothing was committed, another try serves",
            scripts={"primary": (cuts(0, ending),)},
            asks=(Ask(stream=False),),
            expect=Expect(attempts={"primary": (1, 2), "fallback": (0, 1)}, bill="bounded"),
        )
        for ending in ("fin", "rst")
    ]
    rows += [
        Case(
            name=f"F12.chunk-{name}",
            fault="F12",
            behaviour="a chunk that is none in the middle of a stream is a cut",
            scripts={"primary": (misframes(framing),)},
            expect=RESCUED,
        )
        for name, framing in {
            "not-a-number": b"zz\r\nabc\r\n",
            "huge": b"fffffffffffffffff\r\n",
            "bare": b"\r\n\r\n",
        }.items()
    ]
    rows.append(
        Case(
            name="F12.no-last-chunk",
            fault="F12",
            behaviour="all said, the terminator too, but the chunked body has no end: nothing is owed, a whole answer",
            scripts={"primary": (lacks(ending="fin"),)},
            expect=UNTOUCHED,
        )
    )
    return rows


def _ends(pace: Pace) -> list[Case]:
    """Give F13 and what may stand around an end."""
    rows = [
        Case(
            name=f"F13.no-terminator-open-{protocol}",
            fault="F13",
            behaviour="the finish reason, then no terminator and an open socket: complete within a moment, with usage",
            scripts={"primary": (lacks(terminator=True, ending="silent"),)},
            layout=Layout(protocols={"primary": protocol}),
            expect=Expect(served="primary", attempts={"primary": (1, 1), "fallback": (0, 0)}, within=2.0),
        )
        for protocol in ("openai_chat", "anthropic_messages", "gemini")
    ]
    rows += [
        Case(
            name="F13.no-terminator-closed",
            fault="F13",
            behaviour="the finish reason and a clean end without `[DONE]`: complete at once",
            scripts={"primary": (lacks(terminator=True),)},
            expect=UNTOUCHED,
        ),
        Case(
            name="F13.done-without-finish",
            fault="F13",
            behaviour="`[DONE]` without a finish reason: complete, or gone on with; never a clean end of a part",
            scripts={"primary": (lacks(finish=True),)},
            expect=Expect(bill="bounded"),
        ),
        Case(
            name="F13.two-finishes",
            fault="F13",
            behaviour="the finish reason said twice counts once",
            scripts={"primary": (doubles(finishes=2),)},
            expect=UNTOUCHED,
        ),
        Case(
            name="F13.data-after-done",
            fault="F13",
            behaviour="what follows the terminator is nobody's",
            scripts={"primary": (doubles(beyond=b'data: {"choices":[{"index":0,"delta":{"content":"more"}}]}\n\n'),)},
            expect=UNTOUCHED,
        ),
    ]
    del pace
    return rows


def _garbage() -> list[Case]:
    """Give F14: what is skipped, and what breaks the stream."""
    bad = {
        "json": b'data: {"id": "x", "choices": [{"delta": {"content": \n\n',
        "utf8": b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe"}}]}\n\n',
        "text": b"data: <html>busy</html>\n\n",
    }
    rows = [
        Case(
            name=f"F14.one-bad-{name}",
            fault="F14",
            behaviour="one unreadable event beside a whole text: skipped, or the text is got from another",
            scripts={"primary": (inserts(10, event),)},
            expect=Expect(bill="bounded"),
        )
        for name, event in bad.items()
    ]
    rows += [
        Case(
            name="F14.one-bad-alone",
            fault="F14",
            behaviour="one unreadable event, and nobody else to ask: an error, for text may have been in it",
            scripts={"primary": (inserts(10, bad["json"]),)},
            layout=ALONE,
            expect=Expect(verdicts=SAFE, bill="flagged"),
        ),
        Case(
            name="F14.many-bad",
            fault="F14",
            behaviour="more than three unreadable events: the stream is broken (F12)",
            scripts={"primary": (inserts(10, *[bad["json"]] * 5),)},
            expect=RESCUED,
        ),
        Case(
            name="F14.bad-in-place-of-a-delta",
            fault="F14",
            behaviour="an unreadable event in the place of text: an error, or whole; never a text with a hole",
            scripts={"primary": (inserts(10, bad["json"], instead=1),)},
            expect=Expect(verdicts=SAFE, bill="bounded"),
        ),
        Case(
            name="F14.huge-line",
            fault="F14",
            behaviour="a line of 64 MiB: broken at the bound, memory stays",
            scripts={"primary": (inserts(10, b"data: " + b"x" * 64 * MIB + b"\n\n"),)},
            expect=RESCUED,
        ),
    ]
    return rows


def _tolerated() -> list[Case]:
    """Give what the standard of server-sent events allows."""
    plays: dict[str, Play] = {
        "crlf": reworded((b"\n", b"\r\n")),
        "cr": reworded((b"\n", b"\r")),
        "bom": reworded((b"data: ", b"data:")),
        "comments": inserts(10, b": hello\n\n", b":\n\n"),
        "multi-line": reworded((b', "choices"', b',\ndata:  "choices"')),
        "unknown-fields": inserts(10, b"id: 7\nretry: 100\nfoo: bar\n\n"),
        "split-23": split(23),
        "split-61": split(61),
    }
    return [
        Case(
            name=f"F14.{name}",
            fault="F14",
            behaviour="what the standard allows (line ends, comments, several data lines, any split) is read",
            scripts={"primary": (play,)},
            expect=UNTOUCHED,
        )
        for name, play in plays.items()
    ]
