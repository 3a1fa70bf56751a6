"""The wall itself: what it says, what it sees, and what it charges."""

from __future__ import annotations

import asyncio
from itertools import product

import pytest

from tests.wall.caller import Ask, ask
from tests.wall.dialects import DIALECTS
from tests.wall.plays import answers, cuts, ends, recorded, refuses, stream
from tests.wall.server import Wall
from tests.wall.steps import Asked
from tests.wall.tongues import PROTOCOLS, hear
from tests.wall.words import OUTPUT_TOKENS, PIECES, PROMPT_TOKENS, TEXT, WORDS

BILL = PROMPT_TOKENS * 1_000 + OUTPUT_TOKENS * 2_000


def test_the_text_has_sixty_words_and_is_its_pieces() -> None:
    assert WORDS == 60
    assert "".join(PIECES) == TEXT


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_client_hears_a_recorded_stream_whole(protocol: str) -> None:
    asked = Asked(dialect=DIALECTS[protocol], model="primary", stream=True, body=b"{}", number=1, at=0.0)
    heard = hear(protocol, b"".join(recorded(stream(asked))), stream=True)
    assert heard.verdict(200, framed=True) == "whole"


@pytest.mark.parametrize(("protocol", "streamed"), tuple(product(PROTOCOLS, (True, False))))
def test_a_caller_of_the_wall_itself_hears_what_it_says_and_is_charged(protocol: str, streamed: bool) -> None:
    async def scene() -> None:
        async with Wall({"primary": (refuses(500), cuts(20), answers())}) as wall:
            asking = Ask(protocol=protocol, stream=streamed)
            told = [await ask(wall.base_url, asking) for _ in range(3)]
            cut = "hung_up" if streamed else "in_band"  # half a JSON document is no answer, and shows it
            assert [each.verdict for each in told] == ["refused", cut, "whole"]
            assert [each.number for each in wall.log] == [1, 2, 3]
            assert wall.log[0].bill == 0
            assert wall.log[2].bill == BILL
            assert wall.log[2].reported
            assert not wall.log[1].reported

    asyncio.run(scene())


def test_the_wall_notes_when_its_caller_left() -> None:
    async def scene() -> None:
        async with Wall({"primary": (ends("silent"),)}) as wall:
            told = await ask(wall.base_url, Ask(leaves=0.05), wall.busy)
            assert told.left
            await wall.log[0].ended.wait()
            assert wall.log[0].left is not None
            assert wall.log[0].bill == 0

    asyncio.run(scene())


def test_a_part_with_a_clean_end_is_a_lie() -> None:
    asked = Asked(dialect=DIALECTS["openai_chat"], model="primary", stream=True, body=b"{}", number=1, at=0.0)
    events = recorded(stream(asked))
    part = b"".join([*events[:20], *events[-3:]])
    assert hear("openai_chat", part, stream=True).verdict(200, framed=True) == "lie"
    assert hear("openai_chat", b"".join(events[:20]), stream=True).verdict(200, framed=True) == "lie"
    broken = b'data: {"error": {"message": "cut"}}\n\n'
    assert hear("openai_chat", b"".join([*events[:20], broken]), stream=True).verdict(200, framed=True) == "in_band"
    assert (
        hear("openai_chat", b"".join([*events[:20], broken, events[-1]]), stream=True).verdict(200, framed=True)
        == "lie"
    )
