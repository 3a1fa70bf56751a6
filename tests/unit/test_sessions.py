from __future__ import annotations

from msgspec import Raw
from msgspec.structs import replace

from gearshift.sessions import CACHE_LIFE, MOST, Sessions
from gearshift.types.catalog import Deployment, Quirks
from gearshift.types.chat import Message, Request, Routing, Text, ToolCall, ToolResult, Usage
from gearshift.types.decision import Standing
from gearshift.types.record import Exchange
from tests.fakes.nouns import attempt, decision, deployment, exchange, failed, provider, request

SAID = Message(role="assistant", parts=(Text(text="Hello"),))
ELSEWHERE = deployment("small", provider("elsewhere"))
READ = Usage(input_tokens=5_000, output_tokens=9, cache_read_tokens=3_000, cache_write_tokens=1_000)


def served(by: Deployment | None = None, usage: Usage | None = None, **changes: object) -> Exchange:
    made = attempt(deployment=by or deployment(), usage=usage or Usage(input_tokens=5_000))
    return replace(exchange(attempts=(made,)), key="k1", **changes)


def calling(by: Deployment | None, call: str) -> Exchange:
    made = attempt(deployment=by or deployment(), usage=READ, call_id=call)
    return replace(exchange(attempts=(made,)), key="k1")


def answering(call: str) -> Request:
    """Bring a tool's result."""
    made = Message(role="assistant", parts=(ToolCall(id=call, name="f", arguments="{}"),))
    result = Message(role="tool", parts=(ToolResult(call_id=call, parts=()),))
    return replace(request(), messages=(*request().messages, made, result))


def on(asked: Request) -> Request:
    """Go on with a conversation."""
    return replace(asked, messages=(*asked.messages, SAID, Message(role="user", parts=(Text(text="and?"),))))


def within(session: str, asked: Request | None = None) -> Request:
    return replace(asked or request(), routing=Routing(session_id=session))


def known(asked: Request, exchange: Exchange, after: float = 0.0, key: str | None = "k1") -> Standing | None:
    sessions = Sessions()
    sessions.note(asked, exchange, 1_000.0)
    return sessions.find(on(asked), key, 1_000.0 + after)


def test_who_answered_is_known_when_the_conversation_goes_on() -> None:
    assert known(request(), served()) == Standing(deployment="lab/small", provider="lab")


def test_the_same_prompt_sent_anew_is_another_conversation() -> None:
    sessions = Sessions()
    sessions.note(request(), served(), 0.0)
    assert sessions.find(request(), "k1", 0.0) is None


def test_a_prompt_with_a_past_sent_anew_is_another_conversation() -> None:
    sessions = Sessions()
    grown = on(request())
    sessions.note(grown, served(), 0.0)
    assert sessions.find(grown, "k1", 0.0) is None
    assert sessions.find(on(grown), "k1", 0.0) is not None


def test_within_a_session_the_instructions_may_change() -> None:
    sessions = Sessions()
    rules = [Message(role="system", parts=(Text(text=text),)) for text in ("billed 1", "billed 2")]
    asked, later = (within("s", replace(request(), messages=(each, *request().messages))) for each in rules)
    sessions.note(asked, served(usage=READ), 0.0)
    found = sessions.find(on(later), "k1", 0.0)
    assert found is not None
    assert found.held == 4_000


def test_another_key_knows_nothing() -> None:
    assert known(request(), served(), key="k2") is None
    assert known(request(), served(), key=None) is None


def test_another_beginning_or_another_turn_is_another_conversation() -> None:
    sessions = Sessions()
    sessions.note(request(), served(), 0.0)
    rules = Message(role="system", parts=(Text(text="Be brief"),))
    led = on(request())
    assert sessions.find(replace(led, messages=(rules, *led.messages)), "k1", 0.0) is None
    assert sessions.find(on(request("Bye")), "k1", 0.0) is None
    assert sessions.find(on(on(request())), "k1", 0.0) is None


def test_a_tools_result_is_known_by_its_call_whoever_else_asked_the_same() -> None:
    sessions = Sessions()
    for by, call in ((None, "c1"), (ELSEWHERE, "c2")):
        sessions.note(request(), calling(by, call), 0.0)
    assert sessions.find(on(request()), "k1", 0.0) is None  # two that cannot be told apart
    found = [sessions.find(answering(call), "k1", 0.0) for call in ("c1", "c2", "c3")]
    assert [each and each.provider for each in found] == ["lab", "elsewhere", None]
    assert sessions.find(answering("c1"), "k2", 0.0) is None


def test_the_same_asked_twice_of_one_deployment_is_known() -> None:
    sessions = Sessions()
    sessions.note(request(), served(), 0.0)
    sessions.note(request(), served(), 0.0)
    assert sessions.find(on(request()), "k1", 0.0) is not None


def test_a_session_knows_who_served_in_it_but_not_what_another_conversation_has_in_a_cache() -> None:
    sessions = Sessions()
    sessions.note(within("s"), served(usage=READ), 0.0)
    found = sessions.find(on(within("s")), "k1", 0.0)
    assert found == Standing(deployment="lab/small", provider="lab", held=4_000)
    title = within("s", request("A title, please"))
    assert sessions.find(title, "k1", 0.0) == Standing(deployment="lab/small", provider="lab", exact=False)
    assert sessions.find(within("other", request("A title, please")), "k1", 0.0) is None


def test_what_the_provider_read_and_wrote_is_held_for_five_minutes() -> None:
    for after, held in ((CACHE_LIFE, 4_000), (CACHE_LIFE + 1, 0)):
        found = known(request(), served(usage=READ), after)
        assert found is not None
        assert found.held == held


def test_who_caches_unasked_holds_the_whole_prompt_if_it_is_long_enough() -> None:
    caching = deployment("small", provider(quirks=Quirks(caches_from=1_024)))
    for tokens, held in ((1_023, 0), (1_024, 1_024)):
        found = known(request(), served(caching, Usage(input_tokens=tokens)))
        assert found is not None
        assert found.held == held
    estimated = known(request(), served(caching, Usage(input_tokens=9_000, estimated=True)))
    assert estimated is not None
    assert estimated.held == 0


def test_a_conversation_that_changed_its_provider_has_moved_and_stays_so() -> None:
    sessions, asked, standing, moved = Sessions(), request(), None, []
    for by in (None, None, ELSEWHERE, ELSEWHERE):
        made = served(by, decision=decision(standing=standing))
        sessions.note(asked, made, 0.0)
        asked = on(asked)
        standing = sessions.find(asked, "k1", 0.0)
        assert standing is not None
        moved.append((standing.provider, standing.moved))
    assert moved == [("lab", False), ("lab", False), ("elsewhere", True), ("elsewhere", True)]


def test_an_exchange_that_nobody_served_changes_nothing() -> None:
    sessions = Sessions()
    sessions.note(request(), served(), 0.0)
    sessions.note(request(), replace(exchange(attempts=(failed(),)), key="k1"), 0.0)
    assert sessions.find(on(request()), "k1", 0.0) is not None
    sessions.note(replace(request(), messages=()), served(), 0.0)
    assert sessions.find(replace(request(), messages=()), "k1", 0.0) is None


def test_an_answer_of_responses_is_known_by_its_id() -> None:
    sessions = Sessions()
    own = deployment("small", provider(protocol="openai_responses"))
    sessions.note(request(), served(own, protocol="openai_responses"), 0.0)
    refers = replace(request("and?"), extra={"previous_response_id": Raw(b'"chatcmpl-1"')})
    assert sessions.find(refers, "k1", 0.0) == Standing(deployment="lab/small", provider="lab")
    assert sessions.find(refers, "k2", 0.0) is None
    crossed = Sessions()  # an answer that another protocol gave is kept by nobody
    crossed.note(request(), served(protocol="openai_responses"), 0.0)
    assert crossed.find(refers, "k1", 0.0) is None


def test_the_longest_unused_are_forgotten_first() -> None:
    sessions = Sessions()
    sessions.note(request("first"), served(), 0.0)
    sessions.note(request("second"), served(), 0.0)
    for number in range(MOST - 2):
        sessions.note(request(str(number)), served(), 0.0)
    assert sessions.find(on(request("first")), "k1", 0.0) is not None
    sessions.note(request("one more"), served(), 0.0)
    assert sessions.find(on(request("first")), "k1", 0.0) is not None
    assert sessions.find(on(request("second")), "k1", 0.0) is None
