"""Own server-sent events: bytes of a stream to events, and back.

Invariants: the same bytes give the same items however they are split; time is linear in the bytes, whatever the split;
no line grows beyond `MAX_LINE` bytes, no event beyond `MAX_EVENT`.
Source: WHATWG HTML, 9.2.5 "Parsing an event stream" and 9.2.6 "Interpreting an event stream" (2026-11).
One liberty: comments are given too, for a relay must pass keep-alives on.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct

from gearshift.errors import UpstreamInvalid

CONTENT_TYPE: Final = "text/event-stream"
UNNAMED: Final = "message"
"""What an event without a name is called by the standard."""
MAX_LINE: Final = 32 << 20  # an image in an answer is one line
MAX_EVENT: Final = 32 << 20
MAX_RETRY_DIGITS: Final = 9  # 11 days, in milliseconds
_BOM: Final = b"\xef\xbb\xbf"
_DATA: Final = b"data: "
_EVENT: Final = b"event: "


class ServerEvent(Struct, frozen=True, gc=False):
    """Hold one event; `id` is the last event id of the stream, as the standard has it."""

    data: bytes
    event: str = UNNAMED
    id: str = ""


class Comment(Struct, frozen=True, gc=False):
    """Hold the text of a comment line."""

    text: bytes


Item: TypeAlias = ServerEvent | Comment


def encode_event(data: bytes, event: str = "") -> bytes:
    """Say `data`, which holds no CR, as one event; its lines become `data` lines. `event` names its type."""
    if b"\n" in data:
        data = data.replace(b"\n", b"\n" + _DATA)
    return b"event: %b\n%b%b\n\n" % (event.encode(), _DATA, data) if event else _DATA + data + b"\n\n"


def encode_like(item: ServerEvent, data: bytes) -> bytes:
    """Say `data` as an event framed as `item` is: one without a name stays so."""
    return encode_event(data, "" if item.event == UNNAMED else item.event)


def encode_comment(comment: Comment) -> bytes:
    """Say a comment as a block of its own."""
    return b":" + comment.text + b"\n\n"


class SSEParser:
    """Parse a stream of server-sent events, fed in pieces of any size.

    `retry` is the reconnection time that the stream asked for, in milliseconds, or None.
    """

    __slots__ = ("_data", "_event", "_head", "_last_id", "_line", "_size", "_skip_lf", "retry")

    def __init__(self) -> None:
        """Begin a stream."""
        self._head: bytes | None = b""  # what may yet be a byte order mark; None once that is settled
        self._line = bytearray()  # the line that is not yet complete
        self._skip_lf = False  # the last byte was a CR: an LF that follows belongs to it
        self._data: list[bytes] = []  # the data lines of the event that is not yet complete
        self._size = 0
        self._event = ""
        self._last_id = ""
        self.retry: int | None = None

    def feed(self, data: bytes) -> list[Item]:
        """Give the items that `data` completes; raise UpstreamInvalid on a line or an event beyond its bound.

        What the standard discards at the end of input, an event without its blank line, is simply never given.
        """
        if self._head is not None:
            data = self._behind_bom(self._head + data)
        if not data:
            return []
        if self._skip_lf or b"\r" in data:
            data = self._unify(data)
        items: list[Item] = []
        if not self._line and not self._data and not self._event:
            data = self._take_plain(data, items)
        if data:
            self._take_lines(data, items)
        return items

    def cut(self) -> bytes:
        """Give the data of an event that the end of input cut: the standard discards it, a terminator says enough."""
        line = bytes(self._line)
        rest = [line.removeprefix(b"data:").removeprefix(b" ")] if line.startswith(b"data:") else []
        return b"\n".join([*self._data, *rest])

    def _behind_bom(self, head: bytes) -> bytes:
        """Drop one leading byte order mark; give b"" as long as it may still be one."""
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(_BOM)

    def _unify(self, data: bytes) -> bytes:
        """Make each CR, LF and CRLF one LF, also where a CRLF was split."""
        after_cr, self._skip_lf = self._skip_lf, data.endswith(b"\r")
        if after_cr and data.startswith(b"\n"):
            data = data[1:]
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take_plain(self, data: bytes, items: list[Item]) -> bytes:
        """Take leading blocks of one `data` line, named or not, which is nearly all there ever is; give the rest."""
        start = 0
        while True:
            at, name = start, UNNAMED
            if data.startswith(_EVENT, start):
                at = data.find(b"\n", start) + 1
                name = data[start + len(_EVENT) : at - 1].decode("utf-8", "replace") or name
            end = data.find(b"\n", at) if data.startswith(_DATA, at) else -1
            if end < 0 or at < start or end - start > MAX_LINE or not data.startswith(b"\n", end + 1):
                return data[start:]
            items.append(ServerEvent(data[at + len(_DATA) : end], name, self._last_id))
            start = end + 2

    def _take_lines(self, data: bytes, items: list[Item]) -> None:
        """Take lines of every kind; keep the last, incomplete one."""
        lines = data.split(b"\n")
        if len(lines) > 1 and self._line:
            lines[0] = bytes(self._line) + lines[0]
            self._line.clear()
        self._line += lines.pop()
        for line in lines:
            self._bound(len(line), MAX_LINE, "a line")
            item = self._interpret(line)
            if item is not None:
                items.append(item)
        self._bound(len(self._line), MAX_LINE, "a line")

    def _interpret(self, line: bytes) -> Item | None:
        """Take one complete line."""
        if not line:
            return self._dispatch()
        if line.startswith(b":"):
            return Comment(line[1:])
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(value) + 1
            self._bound(self._size, MAX_EVENT, "an event")
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._last_id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit() and len(value) <= MAX_RETRY_DIGITS:
            self.retry = int(value)
        return None

    def _dispatch(self) -> ServerEvent | None:
        """End an event at its blank line; one without data is none."""
        event, self._event = self._event, ""
        if not self._data:
            return None
        item = ServerEvent(b"\n".join(self._data), event or UNNAMED, self._last_id)
        self._data.clear()
        self._size = 0
        return item

    @staticmethod
    def _bound(size: int, limit: int, what: str) -> None:
        if size > limit:
            raise UpstreamInvalid(f"the stream has {what} of more than {limit} bytes; the upstream is broken")
