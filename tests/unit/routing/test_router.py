import msgspec
import pytest

from gearshift.errors import InvalidRequest, UnknownModel
from gearshift.routing.policy import Best
from gearshift.routing.router import VARIANTS, Router, RouterTable
from gearshift.routing.rules import Rule, compile_rule
from gearshift.types.asking import Constraint
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request, Routing
from gearshift.types.decision import AtLeast, AtMost, MinQuality, Objective, WillingnessToPay
from tests.unit.routing.scene import deployment, request

SMALL, LARGE = deployment("small"), deployment("large")
ELSEWHERE = deployment("large", provider="elsewhere")


def rule(when: dict[str, object], use: str, number: int = 0) -> Rule:
    return compile_rule(when, use, f"routers.rules.rules[{number}]")


def named(name: str, *deployments: Deployment) -> Router:
    return Router(name=name, deployments=deployments, named=True)


AUTO = Router(name="auto", deployments=(SMALL, LARGE), policy=Best())
TABLE = RouterTable(
    {
        "auto": AUTO,
        "rules": Router(
            name="rules",
            rules=(rule({"metadata.plan": "free"}, "small"), rule({"metadata.plan": {"$exists": True}}, "auto", 1)),
        ),
        "outer": Router(name="outer", rules=(rule({"stream": True}, "lab/large"), rule({}, "rules", 1))),
    },
    {
        "small": named("small", SMALL),
        "large": named("large", LARGE, ELSEWHERE),
        "lab/small": named("lab/small", SMALL),
        "lab/large": named("lab/large", LARGE),
        "elsewhere/large": named("elsewhere/large", ELSEWHERE),
    },
)


def asking(model: str, plan: str | None = None, *, models: tuple[str, ...] = (), stream: bool = False) -> Request:
    changes = {"metadata": {} if plan is None else {"plan": plan}, "stream": stream}
    return msgspec.structs.replace(request(model, routing=Routing(models=models)), **changes)


@pytest.mark.parametrize("name", ["auto", "small", "large", "lab/large", "elsewhere/large"])
def test_a_name_finds_its_router_unchanged(name: str) -> None:
    assert TABLE.resolve(asking(name)).name == name


def test_only_the_configs_routers_are_listed() -> None:
    assert list(TABLE.routers) == ["auto", "rules", "outer"]


@pytest.mark.parametrize(
    ("model", "plan", "stream", "expected", "via"),
    [
        ("rules", "free", False, "rules", "routers.rules.rules[0] led to small"),
        ("rules", "paid", False, "auto", "routers.rules.rules[1] led to auto"),
        ("outer", "free", False, "rules", "routers.rules.rules[0] led to small"),
        ("outer", "free", True, "outer", "routers.rules.rules[0] led to lab/large"),
    ],
)
def test_rules_are_followed_to_their_end(model: str, plan: str, stream: bool, expected: str, via: str) -> None:
    router = TABLE.resolve(asking(model, plan, stream=stream))
    assert (router.name, router.via) == (expected, via)
    assert router.named is (expected != "auto")


def test_no_rule_that_matches() -> None:
    router = TABLE.resolve(asking("outer", models=("small",)))
    assert (router.name, router.deployments, router.after) == ("rules", (), ())
    assert router.via == "no rule of router rules matches; add one without `when`"


def test_rules_in_a_circle_end_all_the_same() -> None:
    routers = {
        "a": Router(name="a", rules=(rule({}, "b"),)),
        "b": Router(name="b", rules=(rule({}, "a"),)),
    }
    assert RouterTable(routers, {}).resolve(asking("a")).deployments == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("smal", "model: no router, model or deployment is called 'smal'; did you mean small or lab/small?"),
        ("atuo", "model: no router, model or deployment is called 'atuo'; did you mean auto?"),
        ("gpt-5.5", "model: no router, model or deployment is called 'gpt-5.5'; GET /v1/models lists them"),
        ("", "model: no router, model or deployment is called ''; GET /v1/models lists them"),
        ("x" * 9_999, f"model: no router, model or deployment is called '{'x' * 100}'; GET /v1/models lists them"),
    ],
)
def test_an_unknown_name(name: str, message: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        TABLE.resolve(asking(name))
    assert (caught.value.message, caught.value.param) == (message, "model")


@pytest.mark.parametrize(
    ("model", "models", "name", "sort"),
    [
        ("large", (), "large", None),
        ("large:floor", (), "large", "price"),
        ("large:nitro", (), "large", "throughput"),
        ("lab/large:floor", (), "lab/large", "price"),
        ("auto:floor", (), "auto", "price"),
        ("auto", ("large:nitro", "small:nitro"), "auto", "throughput"),
        ("large:floor", ("large", "large:floor", "small"), "large", "price"),
    ],
)
def test_openrouters_suffixes_sort(model: str, models: tuple[str, ...], name: str, sort: str | None) -> None:
    router = TABLE.resolve(asking(model, models=models))
    assert (router.name, router.sort) == (name, sort)


def test_a_suffix_goes_along_with_rules() -> None:
    router = TABLE.resolve(asking("rules:floor", "free"))
    assert (router.name, router.sort) == ("rules", "price")


@pytest.mark.parametrize(
    ("model", "routing", "message"),
    [
        (
            "large:floor",
            Routing(sort="latency"),
            "model: its suffix sorts by price, but the request is also to be sorted by latency; say one of them",
        ),
        (
            "large:floor",
            Routing(models=("small:nitro",)),
            "models[0]: its suffix sorts by throughput, but the request is also to be sorted by price; say one of them",
        ),
    ],
)
def test_two_different_sorts_are_refused(model: str, routing: Routing, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        TABLE.resolve(request(model, routing=routing))
    assert caught.value.message == message
    assert caught.value.param == message.partition(":")[0].partition("[")[0]


def test_the_same_sort_may_be_said_twice() -> None:
    assert TABLE.resolve(request("large:floor", routing=Routing(sort="price"))).sort is None


@pytest.mark.parametrize("suffix", VARIANTS)
def test_variants_that_nobody_serves_are_unknown_with_a_hint(suffix: str) -> None:
    with pytest.raises(UnknownModel, match=f"'large{suffix}'; at OpenRouter {suffix} is .*; leave it out, or give"):
        TABLE.resolve(asking(f"large{suffix}"))


def test_other_suffixes_are_unknown_names() -> None:
    with pytest.raises(UnknownModel, match="'large:frei'; did you mean"):
        TABLE.resolve(asking("large:frei"))


def test_a_sort_that_nobody_can_do_is_named() -> None:
    router = TABLE.resolve(asking("large:exacto", models=("small:exacto",)))
    assert router.deployments[0] == LARGE
    assert [each.field for each in router.unmet] == ["large:exacto", "small:exacto"]


def test_a_model_may_have_such_a_name() -> None:
    table = RouterTable({}, {"large:floor": named("large:floor", LARGE)})
    assert table.resolve(asking("large:floor")).name == "large:floor"


def test_fallback_models_stand_behind_all_of_a_named_model() -> None:
    router = TABLE.resolve(asking("elsewhere/large", models=("elsewhere/large", "large", "small", "lab/small")))
    assert [each.id for each in router.deployments] == ["elsewhere/large", "lab/large", "lab/small"]
    assert router.after == ()


def test_fallback_models_stand_behind_the_first_choice_of_a_router() -> None:
    router = TABLE.resolve(asking("auto", models=("auto", "large", "small")))
    assert router.deployments == AUTO.deployments
    assert [each.id for each in router.after] == ["lab/large", "elsewhere/large", "lab/small"]


def test_fallback_models_stand_behind_what_a_rule_led_to() -> None:
    router = TABLE.resolve(asking("rules", "free", models=("lab/large",)))
    assert [each.id for each in router.deployments] == ["lab/small", "lab/large"]
    assert router.via == "routers.rules.rules[0] led to small"


def test_a_router_is_no_fallback() -> None:
    with pytest.raises(InvalidRequest) as caught:
        TABLE.resolve(asking("small", models=("large", "auto")))
    assert caught.value.message == (
        "models[1] names the router auto, expected a model or deployment; a router can only stand first, in `model`"
    )
    assert caught.value.param == "models"


def test_an_unknown_fallback() -> None:
    with pytest.raises(UnknownModel) as caught:
        TABLE.resolve(asking("small", models=("larg",)))
    assert caught.value.message.startswith("models[0]: no router, model or deployment is called 'larg'; did you mean ")
    assert caught.value.param == "models"


def test_another_spelling_finds_the_model_and_says_so() -> None:
    found = TABLE.resolve(asking("LARGE"))
    assert (found.name, found.deployments) == ("large", (LARGE, ELSEWHERE))
    assert found.spelled == "model: 'LARGE' was read as large"
    assert TABLE.resolve(asking("large")).spelled == ""


def test_another_spelling_may_have_a_suffix_and_stand_among_fallbacks() -> None:
    found = TABLE.resolve(asking("Small:floor", models=("Elsewhere/Large",)))
    assert (found.sort, [each.id for each in found.deployments]) == ("price", ["lab/small", "elsewhere/large"])
    assert found.spelled == (
        "model: 'Small' was read as small; models[0]: 'Elsewhere/Large' was read as elsewhere/large"
    )


def test_a_spelling_of_several_models_is_refused_and_they_are_named() -> None:
    fast, cheap = deployment("gpt-5.5-2026-04-01"), deployment("gpt-5.5-2026-05-01")
    table = RouterTable({}, {each.model: named(each.model, each) for each in (fast, cheap)})
    with pytest.raises(UnknownModel) as caught:
        table.resolve(asking("openai/gpt-5.5"))
    assert caught.value.message == (
        "model: 'openai/gpt-5.5' may be any of 2 models: gpt-5.5-2026-04-01 and gpt-5.5-2026-05-01; name one of them"
    )
    with pytest.raises(UnknownModel, match=r"did you mean gpt-5\.5-2026-04-01 or gpt-5\.5-2026-05-01\?"):
        table.resolve(asking("gpt-5.5-20260601"))


OWN = WillingnessToPay(usd=1.0, p95_first_token=2.0, latency_price=0.01)
WEIGHING = RouterTable({"auto": msgspec.structs.replace(AUTO, objective=OWN)}, {"large": named("large", LARGE)})


@pytest.mark.parametrize(
    ("constraint", "objective"),
    [
        (Constraint(of="cost", number=0.002), AtMost(usd_per_1k_requests=2.0)),
        (Constraint(of="cost", model="large"), AtMost(model="large")),
        (Constraint(of="quality", number=0.0), MinQuality(quality=0.0)),
        (Constraint(of="quality", model="large"), AtLeast(model="large")),
    ],
)
def test_the_callers_constraint_stands_in_place_of_the_objective(constraint: Constraint, objective: Objective) -> None:
    router = WEIGHING.resolve(request(routing=Routing(constraint=constraint)))
    assert router.objective == msgspec.structs.replace(objective, p95_first_token=2.0, latency_price=0.01)
    assert router.reference == ((LARGE,) if constraint.model else ())


def test_a_constraint_changes_nothing_where_nothing_is_weighed() -> None:
    router = WEIGHING.resolve(request("large", routing=Routing(constraint=Constraint(of="cost", number=1.0))))
    assert router.objective is None


@pytest.mark.parametrize(
    ("of", "model", "error", "message"),
    [
        ("cost", "largo", UnknownModel, "model_name: no router, model or deployment is called 'largo'; did you mean"),
        ("quality", "auto", InvalidRequest, "model_name: found the router auto, expected a model or deployment"),
        ("cost", "secret", InvalidRequest, "model_name: found secret, whose price is not known, expected one that"),
    ],
)
def test_a_constraint_compares_with_a_model_that_can_be_compared_with(
    of: str, model: str, error: type[InvalidRequest], message: str
) -> None:
    table = RouterTable(WEIGHING.routers, {"large": named("large", LARGE), "secret": named("s", SECRET)})
    constraint = msgspec.convert({"of": of, "model": model}, Constraint)
    with pytest.raises(error, match=message.replace("found secret", "found s")):
        table.resolve(request(routing=Routing(constraint=constraint)))


SECRET = deployment("secret", usd=None)
