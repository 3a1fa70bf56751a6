from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw
from msgspec.structs import replace

from gearshift import tokens
from gearshift.routing.decide import decide
from gearshift.routing.eligible import split
from gearshift.routing.policy import Best, Weighted
from gearshift.routing.router import Router
from gearshift.routing.session import in_turn, kept_state, previous
from gearshift.types.catalog import NANO_PER_USD, Deployment, Price, Rates
from gearshift.types.chat import CacheMark, Media, Message, Request, Routing, Text, ToolCall, ToolResult
from gearshift.types.decision import AtLeast, Decision, Health, Snapshot, Standing, WillingnessToPay
from tests.unit.routing.scene import Loaded, Oracle, deployment, estimate, request, says

CHEAP, DEAR = deployment("cheap", usd=1.0), deployment("dear", usd=10.0)
ORACLE = Oracle({"cheap": estimate(0.8, 1_000_000), "dear": estimate(0.8, 10_000_000)})
CALL = Message(role="assistant", parts=(ToolCall(id="c1", name="f", arguments="{}"),))
RESULT = Message(role="tool", parts=(ToolResult(call_id="c1", parts=(Text(text="42"),)),))
SAID = Message(role="assistant", parts=(Text(text="Hello"),))
LONG = "word " * 40_000
MODELS = {"cheap": CHEAP, "dear": DEAR}


def priced(usd: float, read: float | None = None, write: float | None = None) -> Price:
    nano = [None if each is None else round(each * NANO_PER_USD) for each in (usd, read, write)]
    return Price(rates=Rates(input=nano[0] or 0, output=0, cache_read=nano[1], cache_write=nano[2]), source="config")


def talk(*messages: Message, text: str = "hello") -> Request:
    return replace(request(text=text), messages=(says(Text(text=text)), *messages))


def auto(*deployments: Deployment, **changes: object) -> Router:
    made = Router(
        name="auto",
        deployments=deployments or (CHEAP, DEAR),
        policy=Best(),
        objective=WillingnessToPay(usd=1.0),
        predictor=ORACLE,
    )
    return msgspec.structs.replace(made, **changes)


def decided(
    asked: Request, standing: Standing | None, router: Router | None = None, health: dict[str, Health] | None = None
) -> Decision:
    router = router or auto()
    world = Snapshot(now=0.0, deployments=router.deployments, standing=standing, health=health or {})
    return decide(asked, world, router, Loaded())


def at(model: str, held: int = 0) -> Standing:
    return Standing(deployment=f"lab/{model}", provider="lab", held=held)


def test_a_tool_loop_keeps_its_model_and_says_so() -> None:
    decision = decided(talk(CALL, RESULT), at("dear"))
    assert decision.chosen.deployment is DEAR
    assert (decision.reason, decision.propensity, decision.flip) == ("session", 1.0, None)
    assert decision.detail.startswith("lab/dear answered this conversation last; the model of a tool loop stays")
    assert [each.deployment.model for each in decision.plan[0].candidates] == ["dear", "cheap"]
    assert decision.standing == at("dear")


def test_between_turns_the_objective_chooses_anew() -> None:
    decision = decided(talk(SAID, says(Text(text="and now?"))), at("dear"))
    assert (decision.chosen.deployment, decision.reason) == (CHEAP, "objective")


def test_a_model_that_no_longer_fits_is_left_even_within_a_turn() -> None:
    decision = decided(talk(CALL, RESULT), at("dear"), health={"lab/dear": Health(healthy=False)})
    assert (decision.chosen.deployment, decision.reason) == (CHEAP, "only_candidate")


def test_without_a_standing_a_tool_loop_is_decided_like_any_other() -> None:
    assert decided(talk(CALL, RESULT), None).reason == "objective"


@pytest.mark.parametrize(("held", "stays"), [(0, "other"), (30_000, "last")])
def test_the_cache_of_the_last_provider_counts_against_moving(held: int, stays: str) -> None:
    last = replace(deployment("last"), price=priced(3.0, read=0.3))
    other = replace(deployment("other"), price=priced(2.0, read=0.2))
    asked = talk(SAID, says(Text(text="next")), text=LONG)
    size = tokens.estimate(asked)
    both = Oracle({"last": estimate(0.8, size * 3_000), "other": estimate(0.8, size * 2_000)})
    decision = decided(asked, at("last", held), auto(last, other, predictor=both))
    assert (decision.chosen.deployment.model, decision.reason) == (stays, "objective")
    told = {each.deployment.model: each.estimate for each in decision.plan[0].candidates}
    assert told["last"] is not None
    assert told["last"].cost == size * 3_000 - held * 2_700
    assert (f"about {held} tokens of the prompt" in decision.detail) == bool(held)


def test_no_more_is_counted_as_cached_than_there_is() -> None:
    last = replace(CHEAP, price=priced(1.0, read=0.0))
    decision = decided(talk(SAID, says()), at("cheap", 10**9), auto(last, DEAR))
    found = decision.chosen.estimate
    assert found is not None
    assert found.cost is not None
    assert 0 <= found.cost < 1_000_000


def test_an_unknown_price_of_reading_is_no_saving() -> None:
    decision = decided(talk(SAID, says(), text=LONG), at("cheap", 10_000))
    found = decision.chosen.estimate
    assert found is not None
    assert found.cost == 1_000_000


def test_what_is_marked_for_the_cache_is_priced_as_written_but_for_what_is_held() -> None:
    last = replace(deployment("last"), price=priced(4.0, read=0.4, write=5.0))
    asked = replace(talk(SAID, says(), text=LONG), cache=CacheMark())
    size = tokens.estimate(asked)
    both = Oracle({"last": estimate(0.8, size * 4_000)})
    decision = decided(asked, at("last", 1_000), auto(last, predictor=both))
    found = decision.chosen.estimate
    assert found is not None
    assert found.cost == 1_000 * 400 + (size - 1_000) * 5_000


def test_under_weights_a_conversation_keeps_its_arm() -> None:
    weighted = auto(objective=None, predictor=None, policy=Weighted({"cheap": 1.0, "dear": 1.0}))
    decision = decided(talk(SAID, says()), at("dear"), weighted)
    assert (decision.chosen.deployment, decision.reason, decision.propensity) == (DEAR, "session", 1.0)
    assert decided(talk(SAID, says()), None, weighted).propensity == 0.5


def test_a_named_model_keeps_its_provider_and_no_other_model() -> None:
    here, there = deployment("cheap", provider="here"), deployment("cheap", provider="there")
    named = Router(name="cheap", deployments=(here, there, DEAR), named=True)
    gone_on = talk(SAID, says())
    decision = decided(gone_on, Standing(deployment="there/cheap", provider="there"), named)
    assert (decision.chosen.deployment, decision.reason) == (there, "named")
    assert decided(gone_on, at("dear"), named).chosen.deployment is here
    assert decided(talk(CALL, RESULT), at("dear"), named).chosen.deployment is DEAR


def test_the_wishes_of_the_caller_come_first() -> None:
    here, there = deployment("cheap", provider="here"), deployment("cheap", provider="there")
    asked = replace(talk(CALL, RESULT), routing=Routing(order=("here",)))
    named = Router(name="cheap", deployments=(there, here), named=True)
    decision = decided(asked, Standing(deployment="there/cheap", provider="there"), named)
    assert decision.chosen.deployment is here
    assert "answered this conversation last" not in decision.detail  # another serves, so nothing stays


def test_a_router_may_keep_a_conversation_whole_or_forget_its_past() -> None:
    gone_on = talk(SAID, says(Text(text="next")))
    always = decided(gone_on, at("dear"), auto(stay="always"))
    assert (always.chosen.deployment, always.reason) == (DEAR, "session")
    off = decided(talk(CALL, RESULT), at("dear"), auto(stay="off"))
    assert (off.chosen.deployment, off.reason) == (CHEAP, "objective")


def test_a_promise_is_not_told_where_the_conversation_stayed() -> None:
    router = auto(objective=AtLeast(model="dear"), reference=(DEAR,))
    assert "calibrated" not in decided(talk(CALL, RESULT), at("dear"), router).detail


@pytest.mark.parametrize(
    ("messages", "within"),
    [
        ((says(),), False),
        ((says(), CALL), False),
        ((says(), CALL, RESULT), True),
        ((says(), CALL, RESULT, says(Text(text="and remember the rules"))), True),
        ((says(), CALL, RESULT, SAID), False),
        ((says(), CALL, RESULT, SAID, says()), False),
    ],
)
def test_a_turn_lasts_while_results_come_in(messages: tuple[Message, ...], within: bool) -> None:
    assert in_turn(replace(request(), messages=messages)) is within


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "container", "cachedContent"])
def test_what_a_provider_keeps_binds_to_it(name: str) -> None:
    asked = replace(request(), protocol="openai_chat", extra={name: Raw(b'"x"')})
    other, foreign = deployment("dear", provider="other"), deployment("odd", provider="odd")
    foreign = replace(foreign, provider=replace(foreign.provider, protocol="gemini"))
    here = (CHEAP, other, foreign)
    fits, rejected = split(asked, here, Snapshot(now=0.0, deployments=here, standing=at("cheap")))
    assert fits == [CHEAP]
    assert {(each.deployment, each.reason) for each in rejected} == {
        ("other/dear", "session_bound"),
        ("odd/odd", "session_bound"),
    }
    assert rejected[0].detail.startswith(f"{name} names what is kept at lab, so this session cannot move")
    fits, rejected = split(asked, here, Snapshot(now=0.0, deployments=here))
    assert fits == [CHEAP, other]
    assert "at a provider that speaks openai_chat" in rejected[0].detail
    assert split(asked, here, Snapshot(now=0.0, deployments=here), named=True)[1] == []
    known = Snapshot(now=0.0, deployments=here, standing=at("cheap"))
    assert split(asked, here, known, named=True)[0] == [CHEAP]
    guessed = Snapshot(now=0.0, deployments=here, standing=replace(at("cheap"), exact=False))
    assert split(asked, here, guessed)[0] == [CHEAP, other]


def test_an_uploaded_file_is_kept_by_its_provider_and_null_is_nothing() -> None:
    uploaded = Media(kind="file", extra={"file_id": Raw(b'"f"')})
    assert kept_state(replace(request(), messages=(says(uploaded),))) == "messages[0].file"
    assert kept_state(replace(request(), messages=(says(Media(kind="image", url="https://a/b")),))) == ""
    assert kept_state(replace(request(), extra={"container": Raw(b"null")})) == ""


@pytest.mark.parametrize(("said", "found"), [(b'"r1"', "r1"), (b"null", ""), (b"7", ""), (b'"\xff"', "")])
def test_the_earlier_answer_is_found_by_its_id(said: bytes, found: str) -> None:
    assert previous(replace(request(), extra={"previous_response_id": Raw(said)})) == found
