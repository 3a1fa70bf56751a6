"""AWS's own library reads the frames that we say, and we read them however they are split; garbage is said."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from gearshift.errors import StreamBroken, UpstreamInvalid
from gearshift.protocols.bedrock_converse.frames import MAX_FRAME, Frames, encode_frame
from gearshift.protocols.sse import ServerEvent

EVENT = encode_frame(b'{"a":1}', "messageStart")


def frame(headers: bytes, payload: bytes = b"{}") -> bytes:
    """Give a frame with any headers, its checksums right."""
    lengths = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = lengths + struct.pack(">I", crc32(lengths)) + headers + payload
    return body + struct.pack(">I", crc32(body))


def text(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value


def heard(*pieces: bytes) -> list[ServerEvent]:
    frames = Frames()
    return [event for piece in pieces for event in frames.feed(piece)]


@given(st.lists(st.tuples(st.binary(max_size=40), st.sampled_from(["messageStart", "metadata"])), max_size=4))
def test_botocore_reads_what_we_say(said: list[tuple[bytes, str]]) -> None:
    buffer: Any = EventStreamBuffer()
    buffer.add_data(b"".join(encode_frame(payload, kind) for payload, kind in said))
    read = [(message.payload, message.headers[":event-type"]) for message in buffer]
    assert read == said


@given(st.lists(st.binary(max_size=40), max_size=4), st.lists(st.integers(0, 1000), max_size=6))
def test_any_split_gives_the_same_events(payloads: list[bytes], cuts: list[int]) -> None:
    data = b"".join(encode_frame(payload, "metadata") for payload in payloads)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    assert heard(*pieces) == heard(data) == [ServerEvent(payload, "metadata") for payload in payloads]
    assert heard(*(data[at : at + 1] for at in range(len(data)))) == heard(data)


def test_every_type_of_header_is_read_over() -> None:
    others = b"".join(
        bytes([2]) + b":x" + bytes([kind]) + value
        for kind, value in (
            (0, b""),
            (1, b""),
            (2, b"\1"),
            (3, b"\1\2"),
            (4, b"\1\2\3\4"),
            (5, bytes(8)),
            (6, b"\0\2hi"),
            (8, bytes(8)),
            (9, bytes(16)),
        )
    )
    said = frame(others + text(b":message-type", b"event") + text(b":event-type", b"metadata"))
    assert heard(said) == [ServerEvent(b"{}", "metadata")]


@pytest.mark.parametrize("place", range(len(EVENT)))
def test_a_byte_that_is_wrong_is_found_wherever_it_stands(place: int) -> None:
    spoilt = bytearray(EVENT)
    spoilt[place] ^= 1
    with pytest.raises(UpstreamInvalid, match="frame that is none"):
        heard(bytes(spoilt))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"data: {}\n\ndata: {}\n\n", "checksum of its lengths"),
        (b"<html><body>Bad gateway", "checksum of its lengths"),
        (frame(b"\x05abc"), "headers cannot be read"),
        (frame(b"\x01a\x63"), "headers cannot be read"),
        (frame(b"\x01a\x07\x00\x09abc"), "headers are cut"),
        (frame(b"\x01\xff\x07\x00\x01a"), "headers cannot be read"),
        (frame(text(b":message-type", b"greeting")), "no type of message"),
        (frame(b""), "no type of message"),
    ],
)
def test_garbage_is_said(data: bytes, words: str) -> None:
    with pytest.raises(UpstreamInvalid, match=words):
        heard(data)


def test_lengths_that_do_not_fit_are_refused_before_anything_is_kept() -> None:
    for total, headers, words in ((MAX_FRAME + 1, 0, "more than"), (20, 40, "longer than itself"), (3, 0, "longer")):
        lengths = struct.pack(">II", total, headers)
        with pytest.raises(UpstreamInvalid, match=words):
            heard(lengths + struct.pack(">I", crc32(lengths)))


def test_an_exception_breaks_the_stream_behind_what_came_before_it() -> None:
    broken = encode_frame(b'{"message":"Too many\\ntokens"}', "throttlingException", kind="exception")
    frames = Frames()
    reading = frames.feed(EVENT + broken + EVENT)
    assert next(reading).event == "messageStart"
    with pytest.raises(StreamBroken, match=r"broke the stream off: Too many tokens \(throttlingException\)") as told:
        next(reading)
    assert (told.value.upstream_status, told.value.kind) == (429, "rate_limited")


def test_an_error_of_the_stream_itself_is_said() -> None:
    headers = text(b":message-type", b"error") + text(b":error-code", b"InternalFailure")
    with pytest.raises(StreamBroken, match=r"no message \(InternalFailure\)") as told:
        heard(frame(headers + text(b":error-message", b"oh")))
    assert (told.value.upstream_status, told.value.kind) == (500, "server")
    with pytest.raises(StreamBroken, match=r"no message$"):
        heard(frame(text(b":message-type", b"exception") + text(b":exception-type", b"<b>"), b""))


def test_half_a_frame_at_the_end_says_nothing() -> None:
    frames = Frames()
    assert list(frames.feed(EVENT[:-1])) == []
    assert frames.cut() == b""
