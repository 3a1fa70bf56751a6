"""Own the reading of a refusal: what an upstream's no means, in whatever protocol it is said, and whose fault it is.

What is read, in this order: the names that the error gives itself (`vocabulary.WORDS`), how its message begins or what
it holds (bounded), its status. What is unknown means what its status means.
Invariants: an error is looked for where upstreams put it, never in what they repeat of the caller's request
(FastAPI's `input`, the `metadata` of a Response); linear time.
Sources: those of `vocabulary`; OpenRouter, "Errors" (`metadata.raw`, the error of the provider behind it).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from gearshift.errors import OUR_ACCOUNT, Kind, StreamBroken, UpstreamError, UpstreamRefused, kind_of
from gearshift.protocols.vocabulary import (
    IMPLIED,
    OF_THE_REQUEST,
    OPENINGS,
    PER_DAY,
    PER_MINUTE,
    PER_MODEL,
    PHRASES,
    PRECEDENCE,
    SPENT,
    STATUSES,
    WORDS,
)
from gearshift.protocols.waiting import told_wait
from gearshift.protocols.wording import MALFORMED, behind, invalid, upstream_message

MAX_READ: Final = 4096
"""Characters of a message in which phrases are looked for."""
_MAX_WORD: Final = 100
_MAX_NAME: Final = 60
_MAX_SHELLS: Final = 6
_MAX_LISTED: Final = 8
_NAMES: Final = ("code", "type", "status", "reason", "error_code", "error_type", "__type", "limit_source", "quotaId")
"""Members of an error that name what it is: words, or a status as a number."""
_TOP: Final = ("error", "errors", "response")
_INSIDE: Final = ("error", "errors", "details", "innererror", "metadata", "violations", "raw")
"""Members of an answer, and of an error, that hold an error."""
_FIRST_ERROR, _LAST_ERROR = 400, 599


class Complaint(Struct, frozen=True, kw_only=True):
    """Hold what an upstream's refusal says. `status` None: an error inside a 200 that names none."""

    kind: Kind
    message: str
    status: int | None


def read(status: int, body: bytes, name: str = "") -> Complaint:
    """Read the body of an error status; `name` is what a header calls the error (AWS's `x-amzn-errortype`)."""
    heard = _listen(body, name)
    return Complaint(kind=_kind(status, heard) or kind_of(status), message=heard.message, status=status)


def read_in_band(data: bytes, name: str = "") -> Complaint:
    """Read an error inside a 200: an event of a stream, or what stands in place of an answer."""
    heard = _listen(data, name)
    kind = _kind(heard.number, heard)
    status = heard.number or _named(heard.words, kind)
    if status is None and kind is not None:
        status = IMPLIED[kind]
    if kind is None:
        kind = "server" if status is None else kind_of(status)
    return Complaint(kind=kind, message=heard.message, status=status)


def broken_off(data: bytes, name: str = "") -> StreamBroken:
    """Make the error of a stream in which the upstream said `data`."""
    complaint = read_in_band(data, name)
    named = complaint.status is not None
    called = f" ({name[:_MAX_NAME]})" if name.isalnum() else ""
    return StreamBroken(
        f"the upstream broke the stream off: {_words(complaint) or 'no message'}{called}",
        upstream_status=complaint.status,
        kind=complaint.kind if named else None,
        retry_after=told_wait(data) if named else None,
    )


def in_place(body: bytes, of: str) -> UpstreamError:
    """Make the error of a 200 whose body is an error in place of `of`: the refusal that it is where it names one."""
    complaint = read_in_band(body)
    problem = f"found an error in place of {of}: {_words(complaint) or 'without a message'}"
    status, kind = complaint.status, complaint.kind
    if status is None:
        return invalid(problem)
    message = f"the upstream's answer: {problem}"
    return UpstreamRefused(message, upstream_status=status, kind=kind, retry_after=told_wait(body))


def _words(complaint: Complaint) -> str:
    """Give an upstream's words, but of our account: those are not for the caller."""
    ours = complaint.status is not None and complaint.kind in OUR_ACCOUNT
    return "our account was refused" if ours else complaint.message


class _Heard(Struct, frozen=True):
    """Hold the names that an error gives itself, the first status among them, and its message."""

    words: tuple[str, ...]
    number: int | None
    message: str


def _listen(body: bytes, name: str) -> _Heard:
    words = [_word(name)] if name else []
    number: int | None = None
    try:
        said = msgspec.json.decode(body)
    except MALFORMED:
        said = None
    for error in _errors(said, _TOP, _MAX_SHELLS):
        if "flagged_input" in error:  # OpenRouter's moderation gives no code
            words.append("flagged_input")
        for member in _NAMES:
            value = error.get(member)
            if isinstance(value, str):
                words.append(_word(value))
            number = number or _status(value)
    return _Heard(tuple(words), number, upstream_message(body))


def _errors(said: object, members: tuple[str, ...], shells: int) -> Iterator[dict[str, object]]:
    """Give the objects that tell of an error, from the outside in; `members` are looked into."""
    match said:
        case list() if shells:
            for each in said[:_MAX_LISTED]:
                yield from _errors(each, members, shells - 1)
        case dict() if shells:
            yield said
            for member in members:
                if member in said:
                    within = behind(said[member]) if member == "raw" else said[member]
                    yield from _errors(within, _TOP if member == "response" else _INSIDE, shells - 1)


def _word(text: str) -> str:
    """Give a name as `vocabulary` has it; AWS puts a namespace before it, or an address behind it."""
    return text[:_MAX_WORD].rpartition("#")[2].partition(":")[0].strip().lower()


def _status(value: object) -> int | None:
    if isinstance(value, str) and len(value) == len("429") and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and _FIRST_ERROR <= value <= _LAST_ERROR:
        return value
    return None


def _kind(status: int | None, heard: _Heard) -> Kind | None:
    """Say what an error means by its names or its message; None: they say nothing."""
    if daily := [word for word in heard.words if PER_DAY in word]:
        return "model_quota" if all(PER_MODEL in word for word in daily) else "quota"
    if any(PER_MINUTE in word for word in heard.words):
        return "rate_limited"
    spoken = {WORDS[word] for word in heard.words if word in WORDS}
    kind = next((each for each in PRECEDENCE if each in spoken), None)
    if kind in {None, "rate_limited"}:  # Google and Mistral call a spent quota, and a lack of capacity, so as well
        return _by_phrase(status, heard.message[:MAX_READ].lower()) or kind
    return kind


def _by_phrase(status: int | None, message: str) -> Kind | None:
    for opening, kind in OPENINGS:
        if message.startswith(opening):
            return kind
    before, after = SPENT
    if message.startswith(before) and after in message[:_MAX_WORD]:
        return "quota"
    if status in OF_THE_REQUEST:
        return next((kind for phrase, kind in PHRASES if phrase in message), None)
    return None


def _named(words: tuple[str, ...], kind: Kind | None) -> int | None:
    """Give the status of the first word that has one which does not contradict `kind`."""
    named = (STATUSES[word] for word in words if word in STATUSES)
    return next((status for status in named if kind is None or kind_of(status) == kind), None)
