"""Own the plays: what providers do on good days and on bad ones, said in the protocol that they were asked in.

Every play of a stream is made of the same beats, so that a fault stands at an exact place:

    head | opening events | a delta per piece of TEXT | finish and usage | terminator | last chunk
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from tests.wall.dialects import Usage
from tests.wall.steps import (
    Asked,
    Beat,
    Charged,
    Closed,
    Pause,
    Play,
    Reset,
    Said,
    Silent,
    Step,
    head,
    last_chunk,
    piece,
)
from tests.wall.words import OUTPUT_TOKENS, PIECES, PROMPT_TOKENS, TEXT

Ending: TypeAlias = Literal["fin", "rst", "silent"]
Told: TypeAlias = Literal["true", "none"]
ENDINGS: Final[dict[Ending, Step]] = {"fin": Closed(), "rst": Reset(), "silent": Silent()}
SSE: Final = "text/event-stream"
BILLED: Final[Usage] = (PROMPT_TOKENS, OUTPUT_TOKENS)


class Stream(Struct, frozen=True, kw_only=True):
    """Hold a stream by its parts; each is said as one chunk."""

    opening: tuple[Said, ...]
    deltas: tuple[Said, ...]
    finish: tuple[Said, ...]
    terminator: tuple[Said, ...]

    @property
    def steps(self) -> list[Step]:
        """Give all of it, from the head to the last chunk."""
        return [*begun(), *self.opening, *self.deltas, *self.finish, *self.terminator, last_chunk()]


def begun() -> list[Step]:
    """Give the head of a stream that was taken on, and is charged for."""
    return [head(kind=SSE, length=None), Charged(PROMPT_TOKENS)]


def stream(asked: Asked, *, skip: int = 0, usage: Usage | None = BILLED) -> Stream:
    """Give the parts of a good stream, without the first `skip` pieces; `usage` is what it says, None: nothing."""
    dialect, said = asked.dialect, TEXT[len("".join(PIECES[:skip])) :]
    told = usage if usage is None or usage != BILLED else (usage[0], usage[1] - skip)
    ends = dialect.finish(said, "stop", told)
    return Stream(
        opening=tuple(map(piece, dialect.opening(BILLED))),
        deltas=tuple(piece(dialect.delta(each), 1) for each in PIECES[skip:]),
        finish=tuple(piece(each, reported=usage is not None) for each in ends),
        terminator=tuple(piece(each) for each in [dialect.terminator(said, told)] if each),
    )


def said_before(asked: Asked) -> int:
    """Count the pieces of TEXT that the last turn, if it is the assistant's, holds already."""
    body: dict[str, Any] = json.loads(asked.body)
    turn = (body.get("messages") or [{}])[-1]
    if turn.get("role") != "assistant":
        return 0
    text = turn["content"] if isinstance(turn["content"], str) else "".join(each["text"] for each in turn["content"])
    return next((n for n in range(len(PIECES)) if "".join(PIECES[:n]).rstrip() == text.rstrip()), 0)


def whole(body: bytes, *, status: int = 200, lines: Sequence[str] = (), tokens: int = 0) -> list[Step]:
    """Give a body with its length; `tokens` of output are charged with it."""
    paid: list[Step] = [Charged(PROMPT_TOKENS)] if tokens else []
    return [head(status, "application/json", *lines, length=len(body)), *paid, Said(body, tokens, bool(tokens))]


def answers(*, usage: Usage | None = BILLED, prefill: Literal["continued", "refused", "ignored"] = "ignored") -> Play:
    """Answer well, whole or as a stream; say what becomes of an answer that is begun already."""

    def play(asked: Asked) -> Sequence[Step]:
        before = 0 if prefill == "ignored" else said_before(asked)
        if before and prefill == "refused":
            return refuses(400, "invalid_request_error", "This model does not support assistant message prefill.")(
                asked
            )
        if asked.stream:
            return stream(asked, skip=before, usage=usage).steps
        body = asked.dialect.whole(TEXT, usage, "stop")
        reported = usage is not None
        return [head(length=len(body)), Charged(PROMPT_TOKENS), Said(body, OUTPUT_TOKENS, reported)]

    return play


def refuses(status: int, code: str = "server_error", message: str = "", *lines: str) -> Play:
    """Answer with an error."""

    def play(asked: Asked) -> Sequence[Step]:
        return whole(
            asked.dialect.error(status, code, message or f"the wall says {status}"), status=status, lines=lines
        )

    return play


def ends(ending: Ending) -> Play:
    """End the connection, or fall silent, before any byte."""
    return lambda _asked: [ENDINGS[ending]]


def waits(seconds: float, then: Play, *, after_head: bool = False) -> Play:
    """Wait before the answer, or between the head of a stream and its first event."""

    def play(asked: Asked) -> Sequence[Step]:
        steps = list(then(asked))
        at = 1 if after_head else 0
        return [*steps[:at], Pause(seconds), *steps[at:]]

    return play


def cuts(after: int, ending: Ending = "fin", *, torn: bool = False) -> Play:
    """Break a stream off behind `after` deltas; `torn`: in the middle of the next one. A whole answer is halved."""

    def play(asked: Asked) -> Sequence[Step]:
        if not asked.stream:
            body = asked.dialect.whole(TEXT, BILLED, "stop")
            return [
                head(length=len(body)),
                Charged(PROMPT_TOKENS),
                Said(body[: len(body) // 2], OUTPUT_TOKENS),
                ENDINGS[ending],
            ]
        told = stream(asked)
        half = told.deltas[after].data if torn and after < len(told.deltas) else b""
        return [*begun(), *told.opening, *told.deltas[:after], Said(half[: len(half) // 2]), ENDINGS[ending]]

    return play


def cuts_at(offset: int, ending: Ending = "fin") -> Play:
    """Break the recorded bytes of a stream off at `offset`."""

    def play(asked: Asked) -> Sequence[Step]:
        told = stream(asked)
        body = b"".join(recorded(told))
        return [*begun(), piece(body[:offset]), ENDINGS[ending]] if offset else [*begun(), ENDINGS[ending]]

    return play


def recorded(told: Stream) -> list[bytes]:
    """Give the events of a stream without the framing of their chunks."""
    parts = (*told.opening, *told.deltas, *told.finish, *told.terminator)
    return [each.data.partition(b"\r\n")[2].removesuffix(b"\r\n") for each in parts]


def stalls(after: int, seconds: float, beat: bytes = b"", every: float = 0.1) -> Play:
    """Fall silent behind `after` deltas, or say only `beat`; go on as if nothing had been after `seconds`."""

    def play(asked: Asked) -> Sequence[Step]:
        told = stream(asked)
        pause: Step = Beat(piece(beat).data, every, seconds) if beat else Pause(seconds)
        rest = told.steps[len(begun()) + len(told.opening) + after :]
        return [*begun(), *told.opening, *told.deltas[:after], pause, *rest]

    return play


def drips(every: float, size: int, first: int = 3) -> Play:
    """Say the first `first` deltas at once and each further one in slices of `size` bytes, `every` so many seconds."""

    def play(asked: Asked) -> Sequence[Step]:
        told = stream(asked)
        body = b"".join(recorded(told))
        at = len(b"".join(recorded(told)[: len(told.opening) + first]))
        slices = [body[start : start + size] for start in range(at, len(body), size)]
        steps: list[Step] = [*begun(), piece(body[:at], first)]
        for number, each in enumerate(slices):
            paid = OUTPUT_TOKENS - first if number == len(slices) - 1 else 0
            steps += [Pause(every), piece(each, paid, reported=bool(paid))]
        return [*steps, last_chunk()]

    return play


def inserts(after: int, *extra: bytes, instead: int = 0) -> Play:
    """Say raw events behind `after` deltas, `instead` of so many of them."""

    def play(asked: Asked) -> Sequence[Step]:
        told = stream(asked)
        rest = told.steps[len(begun()) + len(told.opening) + after + instead :]
        return [*begun(), *told.opening, *told.deltas[:after], *map(piece, extra), *rest]

    return play


def errs(at: int, status: int, code: str, message: str = "overloaded") -> Play:
    """Say an error as event number `at` of a stream, counted from 1, and end well behind it."""

    def play(asked: Asked) -> Sequence[Step]:
        told = stream(asked)
        before = (*told.opening, *told.deltas)[: at - 1]
        taken_on = begun() if at > len(told.opening) + 1 else begun()[:1]  # no provider charges for a refusal
        return [*taken_on, *before, piece(asked.dialect.error_event(status, code, message)), last_chunk()]

    return play


def errs_after(deltas: int, status: int, code: str) -> Play:
    """Say an error behind `deltas` deltas."""

    def play(asked: Asked) -> Sequence[Step]:
        return errs(len(stream(asked).opening) + deltas + 1, status, code)(asked)

    return play


def lacks(*, finish: bool = False, terminator: bool = False, ending: Ending | None = None) -> Play:
    """Leave out the finish reason, or the terminator; `ending` follows in place of the last chunk."""

    def play(asked: Asked) -> Sequence[Step]:
        told = stream(asked)
        ends: tuple[Said, ...] = () if finish else told.finish
        last: Step = last_chunk() if ending is None else ENDINGS[ending]
        return [*begun(), *told.opening, *told.deltas, *ends, *(() if terminator else told.terminator), last]

    return play


def doubles(*, beyond: bytes = b"", finishes: int = 1) -> Play:
    """Say the finish several times, or raw bytes behind the terminator."""

    def play(asked: Asked) -> Sequence[Step]:
        told = stream(asked)
        extra = (piece(beyond),) if beyond else ()
        return [*begun(), *told.opening, *told.deltas, *told.finish * finishes, *told.terminator, *extra, last_chunk()]

    return play


def reworded(change: tuple[bytes, bytes]) -> Play:
    """Replace bytes in every event of a stream: line ends, a BOM."""

    def play(asked: Asked) -> Sequence[Step]:
        told = stream(asked)
        body = b"".join(recorded(told)).replace(*change)
        return [*begun(), piece(body, OUTPUT_TOKENS, reported=True), last_chunk()]

    return play


def split(size: int) -> Play:
    """Say a stream in chunks of `size` bytes, wherever that cuts."""

    def play(asked: Asked) -> Sequence[Step]:
        body = b"".join(recorded(stream(asked)))
        parts = [piece(body[at : at + size]) for at in range(0, len(body), size)]
        return [*begun(), *parts, Said(b"", OUTPUT_TOKENS, reported=True), last_chunk()]

    return play


def says(data: bytes, ending: Ending = "silent") -> Play:
    """Answer with raw bytes, head and all."""
    return lambda _asked: [Said(data), ENDINGS[ending]]


def sends(body: bytes, kind: str = "application/json", *lines: str, status: int = 200) -> Play:
    """Answer with any body, its length told truly."""
    return lambda _asked: [head(status, kind, *lines, length=len(body)), Said(body)]


def misstates(by: int, ending: Ending = "fin") -> Play:
    """Tell the length of a good answer wrongly, by so many bytes."""

    def play(asked: Asked) -> Sequence[Step]:
        body = asked.dialect.whole(TEXT, BILLED, "stop")
        return [head(length=len(body) + by), Charged(PROMPT_TOKENS), Said(body, OUTPUT_TOKENS), ENDINGS[ending]]

    return play


def misframes(framing: bytes) -> Play:
    """Say a stream's first deltas, then bytes that are no chunk, then close."""

    def play(asked: Asked) -> Sequence[Step]:
        told = stream(asked)
        return [*begun(), *told.opening, *told.deltas[:10], Said(framing), Closed()]

    return play


def zipped(*, bomb: bool = False) -> Play:
    """Answer in gzip, which was not asked for; a bomb unpacks to 64 MiB."""

    def play(asked: Asked) -> Sequence[Step]:
        body = asked.dialect.whole(TEXT, BILLED, "stop")
        packed = gzip.compress(b" " * (64 << 20) + body, zlib.Z_BEST_SPEED) if bomb else gzip.compress(body)
        return [head(200, "application/json", "content-encoding: gzip", length=len(packed)), Said(packed)]

    return play


def until(seconds: float, down: Play, then: Play) -> Play:
    """Do one thing until `seconds` after the first request, another from then on."""
    return lambda asked: (down if asked.at < seconds else then)(asked)
