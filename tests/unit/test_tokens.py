"""The bound holds, the estimate is near, and `fits` says True only when it is sure."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from statistics import median
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from gearshift import tokens
from gearshift.types.chat import (
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Request,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from gearshift.types.embedding import EmbeddingRequest, TokenIds

ENGLISH = (
    "The committee met on Tuesday to discuss the budget, and after two hours of debate it decided to postpone the vote "
    "until every member had read the report. "
)
# What 20 repetitions take in o200k, cl100k, Qwen 3 and Llama 3, counted with quicktok 0.4.0: `encoding.count(text)`.
NEAR = {
    ENGLISH: (601, 601, 601, 601),
    "def add(left: int, right: int) -> int:\n    return left + right  # the sum of both\n\n\n": (500, 500, 500, 500),
    '{"id": 48213, "name": "Ada", "tags": ["a", "b"], "price": 12.75, "active": true}\n': (700, 700, 800, 700),
    "Solve for $x$: $\\frac{3x^2 - 12}{x + 2} = 4.5$. Show each step.\n": (620, 640, 660, 640),
    "今天天气很好,我们去公园散步吧。机器学习模型在许多任务上表现出色。": (500, 760, 400, 520),
}
FAR = {
    "Москва является столицей России и крупнейшим городом страны. ": (241, 661, 303, 283),
    "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย ": (144, 760, 281, 181),
    "😀🎉🚀👍🏽 ": (161, 262, 101, 262),
}


def request(*parts: Part, tools: tuple[Tool, ...] = ()) -> Request:
    return Request(model="auto", messages=(Message(role="user", parts=parts),), tools=tools)


def text(content: str) -> Request:
    return request(Text(text=content))


@pytest.fixture
def no_counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be a machine without the extra `tokens`."""
    monkeypatch.setitem(sys.modules, "quicktok", None)
    tokens.find_counter.cache_clear()
    yield
    tokens.find_counter.cache_clear()


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Be a machine with the extra `tokens`, where four characters are a token; give what was counted."""
    counted: list[str] = []

    class Encoding:
        def count(self, content: str) -> int:
            content.encode()  # as the real one, it takes no lone surrogates
            counted.append(content)
            return len(content) // 4

    module = ModuleType("quicktok")
    module.get_encoding = lambda _: Encoding()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "quicktok", module)
    tokens.find_counter.cache_clear()
    yield counted
    tokens.find_counter.cache_clear()


@pytest.mark.parametrize("sample", NEAR)
def test_the_estimate_of_prose_code_and_mathematics_is_within_the_stated_factors(sample: str) -> None:
    found = tokens.estimate(text(sample * 20)) - tokens.MESSAGE - tokens.REQUEST

    assert 0.5 <= found / median(NEAR[sample]) <= 1.35


@pytest.mark.parametrize("sample", FAR)
def test_the_estimate_of_other_scripts_is_high_rather_than_low(sample: str) -> None:
    found = tokens.estimate(text(sample * 20)) - tokens.MESSAGE - tokens.REQUEST

    assert 0.6 <= found / median(FAR[sample]) <= 5


@pytest.mark.parametrize(("sample", "counts"), [*NEAR.items(), *FAR.items()])
def test_no_vocabulary_takes_more_than_the_bound_or_less_than_the_least(sample: str, counts: tuple[int, ...]) -> None:
    size = tokens.measure(text(sample * 20))

    assert max(counts) <= len((sample * 20).encode()) == size.text
    assert size.least <= min(counts)


@given(st.text())
def test_the_bound_is_at_least_a_token_per_byte(content: str) -> None:
    size = tokens.measure(text(content))

    assert size.text == len(content.encode("utf-8", "surrogatepass"))
    assert size.upper_bound > size.text
    assert size.least <= size.estimate <= size.upper_bound


@given(st.text(), st.text())
def test_more_text_is_never_fewer_tokens(left: str, right: str) -> None:
    assert tokens.estimate(text(left)) <= tokens.estimate(text(left + right)) + 1
    assert tokens.upper_bound(text(left)) <= tokens.upper_bound(text(left + right))


MARK = "x" * 1_000


@pytest.mark.parametrize(
    "asked",
    [
        text(MARK),
        request(Reasoning(text=MARK)),
        request(Refusal(text=MARK)),
        request(ToolCall(id="1", name="f", arguments=MARK)),
        request(ToolResult(call_id="1", parts=(Text(text=MARK),))),
        request(tools=(Tool(name=MARK),)),
        request(tools=(Tool(name="f", description=MARK),)),
        request(tools=(Tool(name="f", parameters=Raw(MARK.encode())),)),
        Request(model="auto", messages=(Message(role="user", parts=(), name=MARK),)),
        Request(model="auto", messages=(Message(role="user", parts=(), extra={"a": Raw(MARK.encode())}),)),
        Request(model="auto", messages=(), extra={"functions": Raw(MARK.encode())}),
        Request(
            model="auto", messages=(), response_format=ResponseFormat(kind="json_schema", schema=Raw(MARK.encode()))
        ),
    ],
)
def test_everything_that_a_model_reads_counts(asked: Request) -> None:
    assert tokens.upper_bound(asked) >= 1_000
    assert tokens.estimate(asked) >= 200


@pytest.mark.parametrize(
    ("media", "least", "most"),
    [
        (Media(kind="image", url="https://example.org/a.png"), 765, 5_000),
        (Media(kind="image", data="A" * 4_000_000), 765, 5_000),
        (Media(kind="audio", data="A" * 6_400), 75, 300),
        (Media(kind="file", data="A" * 6_400), 150, 4_800),
        (Media(kind="file", url="https://example.org/a.pdf"), 2_000, 300_000),
    ],
)
def test_media_count_by_their_stated_allowance(media: Media, least: int, most: int) -> None:
    assert tokens.estimate(request(media)) - tokens.estimate(request()) == least
    assert tokens.upper_bound(request(media)) - tokens.upper_bound(request()) == most


def test_messages_and_tools_have_an_overhead() -> None:
    one = Message(role="user", parts=())

    assert tokens.estimate(Request(model="auto", messages=(one, one))) == 2 * tokens.MESSAGE + tokens.REQUEST
    assert tokens.estimate(request(tools=(Tool(name=""),))) == tokens.MESSAGE + tokens.REQUEST + tokens.TOOLS


def test_a_short_request_surely_fits_and_nothing_is_counted(counter: list[str]) -> None:
    assert tokens.fits(text("hello"), 8_192, 256) is True
    assert counter == []


def test_without_the_extra_a_request_between_the_figures_is_left_to_the_upstream(no_counter: None) -> None:  # noqa: ARG001
    long = text(ENGLISH * 300)  # 45,600 bytes, some 9,000 tokens

    assert tokens.fits(long, 128_000, 1_000) is True
    assert tokens.fits(long, 16_384, 1_000) is None
    assert tokens.fits(long, 4_096, 1_000) is False


def test_with_the_extra_the_count_decides_unless_it_is_close(counter: list[str]) -> None:
    long = text("word " * 8_000)  # 10,000 tokens of the fixture's kind

    assert tokens.fits(long, 16_000, 0) is True
    assert tokens.fits(long, 12_000, 0) is None
    assert tokens.fits(long, 6_000, 0) is False
    assert sum(len(each) for each in counter) >= 40_000


def test_the_count_is_not_trusted_for_other_scripts(counter: list[str]) -> None:  # noqa: ARG001
    assert tokens.fits(text("Москва " * 3_000), 16_000, 0) is None  # 39,000 bytes, 5,250 tokens of the fixture's kind


def test_lone_surrogates_and_raw_json_can_be_counted(counter: list[str]) -> None:
    odd = Request(
        model="auto",
        messages=(Message(role="user", parts=(Text(text="\ud800" + "a " * 2_000),)),),
        extra={"x": Raw('"é"'.encode())},  # é in bytes
    )

    assert tokens.fits(odd, 3_000, 0) is True
    assert any(each.startswith("?") for each in counter)


def test_an_answer_longer_than_the_window_never_fits() -> None:
    assert tokens.fits(text("hello"), 4_096, 5_000) is False


def test_a_request_is_walked_once_however_often_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[Request] = []
    walk = tokens._walk  # noqa: SLF001 - whether it is called again is what matters here

    def counting(request: Request) -> tokens.Size:
        walked.append(request)
        return walk(request)

    monkeypatch.setattr(tokens, "_walk", counting)
    one, other = text("one and the same"), text("another one")
    assert [tokens.estimate(one), tokens.upper_bound(one)] == [walk(one).estimate, walk(one).upper_bound]
    assert walked == [one]
    assert tokens.estimate(other) == walk(other).estimate
    assert tokens.estimate(one) == walk(one).estimate
    assert len(walked) == 3


def test_inputs_of_vectors_are_counted_each_by_itself() -> None:
    ids = TokenIds(raw=Raw(b"[1,2]"), count=2)
    hello = "Hello there, how are you today?"
    one = tokens.estimate_inputs(EmbeddingRequest(model="m", inputs=(hello,)))
    assert one is not None
    assert tokens.estimate_inputs(EmbeddingRequest(model="m", inputs=(hello, ids, hello))) == 2 * one + 2
    assert tokens.estimate_inputs(EmbeddingRequest(model="m", inputs=(hello, Raw(b"{}")))) is None


def test_an_input_that_surely_does_not_fit_is_found() -> None:
    short, long = "a few words", "many more words " * 40
    request = EmbeddingRequest(model="m", inputs=(short, Raw(b"{}"), long))
    found = tokens.longest_input(request, 10)
    assert found is not None
    assert 10 < found <= len(long)
    assert tokens.longest_input(request, len(long)) is None
    ids = EmbeddingRequest(model="m", inputs=(TokenIds(raw=Raw(b"[]"), count=11),))
    assert (tokens.longest_input(ids, 10), tokens.longest_input(ids, 11)) == (11, None)
