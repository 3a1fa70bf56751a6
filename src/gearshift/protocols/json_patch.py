"""Own the surgery on JSON objects: top-level members are read, replaced, removed and added, all else stays as it was.

Invariants: bytes outside the edited members are the same, byte for byte (whitespace, order, escapes, the spelling of
numbers); a body that says a top-level key twice is refused, for two readers could take it for two different things;
a body nested deeper than `MAX_DEPTH` is refused. An upstream's body is read with more patience (`lax`), for it is paid:
of a key that is there twice the last value holds, as for every client's reader, and half a surrogate pair, which JSON
allows (RFC 8259 section 8.2) and msgspec does not, passes. The cost is one pass in C (msgspec) and a step per top-level
key; bodies with many brackets pay one more pass. Grammar: RFC 8259.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import msgspec
from msgspec import Raw

Members: TypeAlias = dict[str, Raw]
Refuse: TypeAlias = Callable[[str], Exception]
"""Make the error to raise: `InvalidRequest` for a caller's body, `UpstreamInvalid` for an upstream's."""

MAX_DEPTH: Final = 64
MAX_MEMBERS: Final = 1_000
MAX_NAME: Final = 64  # characters of a key in a message
_TOO_DEEP: Final = f"found JSON nested deeper than {MAX_DEPTH} levels; expected fewer"

_decoder = msgspec.json.Decoder(Members)
_text = msgspec.json.Decoder(str)
_KEY: Final = re.compile(rb'\s*[{,]\s*("[^"\\]*(?:\\.[^"\\]*)*")\s*:\s*', re.DOTALL)
_END: Final = re.compile(rb"\s*}\s*")
_ESCAPED: Final = re.compile(
    rb"\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})", re.DOTALL
)
_NOT_MARKS: Final = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")

Edits: TypeAlias = Mapping[str, bytes | None]
Span: TypeAlias = tuple[int, int]
"""Where a value begins and ends."""


class JsonObject:
    """Hold the text of a JSON object and where its members stand.

    `members` holds the raw text of each by name, in their order. Who takes members out cannot patch any more.
    """

    __slots__ = ("_body", "_spans", "members")

    def __init__(self, body: bytes, refuse: Refuse, *, lax: bool = False) -> None:
        """Parse `body`; raise what `refuse` makes when it is no object, or one that must not be trusted."""
        self._body = body
        self.members = _decode(legible(body) if lax else body, refuse)
        self._spans: dict[str, Span] | None = None
        if not lax:
            try:
                self._spans = _locate(body, self.members)
            except _Ambiguous as doubt:
                raise refuse(str(doubt)) from None

    def head(self, name: str) -> bytes:
        """Give the text up to the end of the value of `name`, which must be there."""
        end = self._located()[name][1]
        return self._body[:end]

    def tail(self, name: str) -> bytes:
        """Give the text from the value of `name`, which must be there."""
        start = self._located()[name][0]
        return self._body[start:]

    def _located(self) -> dict[str, Span]:
        """Find where the members stand; of what is read with patience not before it is asked, for most is only read."""
        if self._spans is None:
            try:
                self._spans = _locate(legible(self._body), self.members)
            except _Ambiguous:
                self._body = b"{%b}" % b",".join(
                    b"%b:%b" % (msgspec.json.encode(name), raw) for name, raw in self.members.items()
                )
                self._spans = _locate(self._body, self.members)
        return self._spans

    def patch(self, edits: Edits) -> bytes:
        """Give the text with some members replaced, added at the end, or (None) removed.

        New values are JSON text, as they shall stand there.
        """
        spans, body = self._located(), self._body
        if not any(name in spans or value is not None for name, value in edits.items()):
            return body
        view = memoryview(body)
        pieces: list[bytes | memoryview] = []
        at = 0
        for name, (start, end) in spans.items():
            value = edits.get(name, view[start:end])
            if value is not None:
                begun = pieces or not at  # else what opened the object is gone, with the members before this one
                pieces += (view[at:start] if begun else b"{" + body[body.index(b",", at) + 1 : start], value)
            at = end
        for name, value in edits.items():
            if value is not None and name not in spans:
                pieces += (b"," if pieces else b"{", msgspec.json.encode(name), b":", value)
        return b"".join((*(pieces or (b"{",)), view[at:] if at else b"}"))


class _Ambiguous(Exception):
    """Say that a key is there twice."""


def legible(body: bytes) -> bytes:
    """Give JSON text with each escaped half of a surrogate pair replaced by U+FFFD, which is as long."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    return _ESCAPED.sub(lambda found: rb"\ufffd" if found[1] else found[0], body)


def _decode(body: bytes, refuse: Refuse) -> Members:
    try:
        members = _decoder.decode(body)
    except RecursionError:
        raise refuse(_TOO_DEEP) from None
    except msgspec.ValidationError:
        raise refuse("found JSON that is not an object; expected an object") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refuse(_wrong(body) or f"not valid JSON: {error}; expected an object") from None
    if len(members) > MAX_MEMBERS:
        raise refuse(f"found an object of {len(members)} members; expected at most {MAX_MEMBERS}")
    if _may_be_deep(body) and _is_deep(body):
        raise refuse(_TOO_DEEP)
    return members


def _wrong(body: bytes) -> str:
    """Say what is wrong with text that is no JSON where its parser says it badly, "" elsewhere."""
    if not body.strip():
        return "found an empty body; expected a JSON object"
    if body.startswith(BOM_UTF8):
        return "found a byte order mark before the JSON; expected UTF-8 without one; leave it out"
    if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in body[:4]:
        return "found UTF-16 or UTF-32; expected JSON in UTF-8; encode it so"
    if legible(body) != body:
        found = "found half of a surrogate pair in a string (such as \\ud83d alone)"
        return f"{found}; expected whole characters; send both halves or neither"
    return ""


def _locate(body: bytes, members: Members) -> dict[str, Span]:
    """Find where each member stands, in the order of the text; raise _Ambiguous at a key that is there twice.

    First suppose that nothing but the members and their delimiters is in `body`. When the lengths then add up to that
    of `body`, it is so: every space, escape, second key or multi-byte character would add at least a byte.
    """
    spans: dict[str, Span] = {}
    at = 0
    for name, raw in members.items():
        start = at + len(name) + 4
        at = start + len(raw)
        spans[name] = (start, at)
    size = len(body) if body.endswith(b"}") else len(body.rstrip())
    return spans if at + 1 == size else _walk(body, members)


def _walk(body: bytes, members: Members) -> dict[str, Span]:
    """Step from key to key over values of known length, whatever the spelling.

    Of a key that is there twice, `members` holds the last value: at the first, either the value differs or the key
    comes again.
    """
    spans: dict[str, Span] = {}
    end = 0
    while key := _KEY.match(body, end):
        start = key.end()
        name = _text.decode(key[1])
        raw = members[name]
        end = start + len(raw)
        if name in spans or not body.startswith(bytes(raw), start):
            raise _Ambiguous(f"ambiguous: the key {name[:MAX_NAME]!r} is there twice; say it once")
        spans[name] = (start, end)
    if members and not _END.fullmatch(body, end):
        raise _Ambiguous("ambiguous: a key is there twice; say it once")
    return spans


def _may_be_deep(body: bytes) -> bool:
    """Say whether `body` has brackets enough to nest too deeply; brackets in strings count too."""
    return body.count(b"{") + body.count(b"[") > MAX_DEPTH


def _is_deep(body: bytes) -> bool:
    """Say whether valid JSON nests too deeply: strings are taken out, then, round by round, the innermost brackets."""
    marks = body.replace(rb"\\", b"").replace(rb"\"", b"").translate(_ONE_KIND, _NOT_MARKS).replace(b'""', b"")
    brackets = b"".join(marks.split(b'"')[::2])
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return True
