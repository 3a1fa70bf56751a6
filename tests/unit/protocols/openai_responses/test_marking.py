from __future__ import annotations

import pytest

from gearshift.protocols.codec import Marks, unmarked
from gearshift.protocols.openai_responses.marking import marks


def event(number: int, kind: str, item: str = "") -> bytes:
    said = f',"item":{{"id":"{item}"}}' if item else ""
    return f'event: {kind}\ndata: {{"type":"{kind}","sequence_number":{number}{said}}}\n\n'.encode()


def test_a_stream_is_known_by_its_items_and_its_last_number() -> None:
    pieces = [
        event(0, "response.created"),
        event(1, "response.output_item.added", "rs_1"),
        event(2, "response.output_item.done", "rs_1"),
        b": keep-alive\n\n",
        event(3, "response.output_item.added", "msg_1"),
        event(4, "response.output_text.delta"),
    ]
    assert marks(pieces) == Marks((b"rs_1", b"msg_1"), 5)
    whole = b"".join(pieces)
    assert marks([whole[:77], whole[77:]]) == marks(pieces)


@pytest.mark.parametrize("pieces", [[], [b"data: {broken\n\n"], [b"data: [1]\n\n"]])
def test_what_cannot_be_read_has_no_marks(pieces: list[bytes]) -> None:
    assert marks(pieces) == Marks()


def test_other_protocols_have_none() -> None:
    assert unmarked([event(1, "response.output_item.added", "msg_1")]) == Marks()
