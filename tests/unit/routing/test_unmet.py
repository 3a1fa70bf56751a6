import msgspec
import pytest

from gearshift.routing.router import Router
from gearshift.routing.unmet import unmet
from gearshift.types.asking import Constraint, Unmet
from gearshift.types.catalog import Deployment, Quirks
from gearshift.types.chat import Reasoning, Request, Routing
from gearshift.types.decision import CostTier
from gearshift.types.embedding import EmbeddingRequest
from tests.unit.routing.scene import deployment, request, says

WEB = Unmet(field="plugins.web", detail="no such plugin", word="plugins")
NEVER = Unmet(field="route", detail="only fallback is known")
AUTO = Router(name="auto", objective=CostTier(tier="low"))
NAMED = Router(name="m", named=True)


def asking(*wishes: Unmet, **changes: object) -> Request:
    asked = request(routing=msgspec.structs.replace(Routing(unmet=wishes), **changes))
    return msgspec.structs.replace(asked, protocol="openai_chat")


def knowing(*words: str) -> Deployment:
    made = deployment("m")
    provider = msgspec.structs.replace(made.provider, quirks=Quirks(extensions=words))
    return msgspec.structs.replace(made, provider=provider)


def test_what_nobody_fulfils_is_named() -> None:
    asked = asking(WEB, NEVER)
    assert unmet(asked, AUTO, [deployment("m")]) == (WEB, NEVER)
    assert unmet(asked, AUTO, []) == (WEB, NEVER)


def test_what_every_upstream_is_told_is_not() -> None:
    told = knowing("plugins")
    assert unmet(asking(WEB, NEVER), AUTO, [told, told]) == (NEVER,)
    assert unmet(asking(WEB), AUTO, [told, deployment("m")]) == (WEB,)


def test_another_protocol_or_thinking_that_must_be_said_anew_is_told_nothing() -> None:
    told = knowing("plugins")
    assert unmet(msgspec.structs.replace(asking(WEB), protocol="gemini"), AUTO, [told]) == (WEB,)
    signed = says(Reasoning(text="hm", signature="s", origin="anthropic_messages"))
    assert unmet(msgspec.structs.replace(asking(WEB), messages=(signed,)), AUTO, [told]) == (WEB,)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cost_tier": "low"}, "plugins.auto-router.cost_tier"),
        ({"constraint": Constraint(of="cost", number=1.0)}, "routing_constraint"),
    ],
)
def test_a_bound_of_cost_or_quality_needs_someone_who_weighs_them(changes: dict[str, object], field: str) -> None:
    assert unmet(asking(**changes), AUTO, [deployment("m")]) == ()
    (found,) = unmet(asking(**changes), NAMED, [deployment("m")])
    assert (found.field, found.detail[:30]) == (field, "m weighs no cost against quali")


def test_a_suffix_that_stands_for_nothing_is_named() -> None:
    left = Unmet(field="m:exacto", detail="nothing was sorted by it")
    assert unmet(asking(), msgspec.structs.replace(AUTO, unmet=(left,)), [deployment("m")]) == (left,)


def test_lists_of_models_are_for_whoever_chooses_among_models() -> None:
    asked = asking(allowed=("a*",), excluded=("b*",))
    assert unmet(asked, AUTO, [deployment("m")]) == ()
    found = [each.field for each in unmet(asked, NAMED, [deployment("m")])]
    assert found == ["plugins.auto-router.allowed_models", "plugins.auto-router.excluded_models"]


def test_what_is_embedded_is_not_shortened() -> None:
    asked = EmbeddingRequest(model="m", inputs=("Hi",), routing=Routing(middle_out=True))
    assert [each.field for each in unmet(asked, AUTO, [])] == ["transforms"]
    assert unmet(asking(middle_out=True), AUTO, []) == ()
