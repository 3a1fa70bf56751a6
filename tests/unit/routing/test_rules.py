import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.config.conditions import OPERATORS, PATHS, faults_of
from gearshift.routing.rules import READERS, compile_rule
from gearshift.types.chat import Request, ResponseFormat, Routing, Sampling, Tool

ASKED = Request(
    model="rules",
    messages=(),
    tools=(Tool(name="search"),),
    stream=True,
    response_format=ResponseFormat(kind="json_object"),
    sampling=Sampling(reasoning_effort="low", max_output_tokens=500),
    metadata={"plan": "free", "seats": 5, "share": 0.5, "beta": True, "team.name": "blue"},
    routing=Routing(session_id="s-1"),
)
BARE = Request(model="rules", messages=())


def holds(when: dict[str, object], asked: Request = ASKED) -> bool:
    assert list(faults_of(when, ())) == []
    return compile_rule(when, "small", "r").when(asked)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, True),
        ({"metadata.plan": "free"}, True),
        ({"metadata.plan": {"$eq": "free"}}, True),
        ({"metadata.plan": {"$eq": "paid"}}, False),
        ({"metadata.plan": {"$ne": "paid"}}, True),
        ({"metadata.plan": {"$ne": "free"}}, False),
        ({"metadata.team.name": "blue"}, True),
        ({"metadata.seats": {"$gt": 4}}, True),
        ({"metadata.seats": {"$gt": 5}}, False),
        ({"metadata.seats": {"$gte": 5}}, True),
        ({"metadata.seats": {"$lt": 5.5}}, True),
        ({"metadata.seats": {"$lte": 4}}, False),
        ({"metadata.seats": {"$gt": 1, "$lt": 3}}, False),
        ({"metadata.share": 0.5}, True),
        ({"metadata.plan": {"$gte": "f", "$lt": "g"}}, True),
        ({"metadata.plan": {"$in": ["free", "trial"]}}, True),
        ({"metadata.plan": {"$in": []}}, False),
        ({"metadata.plan": {"$nin": ["free", "trial"]}}, False),
        ({"metadata.plan": {"$nin": ["paid"]}}, True),
        ({"metadata.plan": {"$exists": True}}, True),
        ({"metadata.plan": {"$exists": False}}, False),
        ({"model": "rules", "stream": True, "tools": True}, True),
        ({"stream": False}, False),
        ({"response_format": "json_object"}, True),
        ({"reasoning_effort": {"$in": ["low", "minimal"]}}, True),
        ({"max_output_tokens": {"$lte": 500}}, True),
        ({"session_id": {"$exists": True}}, True),
        ({"task": "tools"}, True),
        ({"task": {"$in": ["code", "math"]}}, False),
        ({"task": {"$exists": True}}, True),
        ({"$and": [{"stream": True}, {"metadata.plan": "paid"}]}, False),
        ({"$or": [{"stream": False}, {"metadata.plan": "free"}]}, True),
        ({"$or": [{"stream": False}]}, False),
        ({"$not": {"metadata.plan": "paid"}}, True),
        ({"$not": {"$or": [{"stream": True}, {"tools": False}]}}, False),
    ],
)
def test_conditions(when: dict[str, object], expected: bool) -> None:
    assert holds(when) is expected


@pytest.mark.parametrize(
    "when",
    [
        {"metadata.beta": 1},
        {"metadata.beta": {"$in": [1, "true"]}},
        {"metadata.beta": {"$gt": 0}},
        {"metadata.seats": True},
        {"metadata.seats": "5"},
        {"metadata.seats": {"$gt": "4"}},
        {"metadata.plan": {"$lt": 9}},
        {"stream": 1},
    ],
)
def test_another_type_does_not_match(when: dict[str, object]) -> None:
    assert not holds(when)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ({"$eq": "free"}, False),
        ({"$ne": "free"}, True),
        ({"$gt": 1}, False),
        ({"$gte": ""}, False),
        ({"$lt": 1}, False),
        ({"$lte": "z"}, False),
        ({"$in": ["free"]}, False),
        ({"$nin": ["free"]}, True),
        ({"$exists": True}, False),
        ({"$exists": False}, True),
    ],
)
@pytest.mark.parametrize("path", ["metadata.plan", "response_format", "reasoning_effort", "session_id"])
def test_what_is_not_there_matches_only_negations(path: str, test: object, expected: bool) -> None:
    assert holds({path: test}, BARE) is expected


def test_a_rule_knows_where_it_leads_and_where_it_stands() -> None:
    rule = compile_rule({}, "auto", "routers.rules.rules[1]")
    assert (rule.use, rule.where) == ("auto", "routers.rules.rules[1]")


SCALARS = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=True), st.text(max_size=3))
TESTS = st.one_of(
    SCALARS,
    st.dictionaries(st.sampled_from(["$eq", "$ne"]), SCALARS, min_size=1),
    st.dictionaries(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), st.integers() | st.text(max_size=3), min_size=1),
    st.dictionaries(st.sampled_from(["$in", "$nin"]), st.lists(SCALARS), min_size=1),
)
CONDITIONS = st.recursive(
    st.dictionaries(st.sampled_from(["metadata.a", "metadata.b", "model", "stream"]), TESTS),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"$not": inner}),
        st.fixed_dictionaries({"$and": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"$or": st.lists(inner, min_size=1, max_size=3)}),
    ),
    max_leaves=6,
)


@given(CONDITIONS, st.dictionaries(st.sampled_from("ab"), SCALARS))
def test_matching_never_raises_and_not_is_the_opposite(
    when: dict[str, object], metadata: dict[str, str | int | float | bool]
) -> None:
    asked = Request(model="rules", messages=(), metadata=metadata)
    assert holds(when, asked) is not holds({"$not": when}, asked)


JSON = st.recursive(
    SCALARS | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner), max_leaves=9
)
WORDS = st.sampled_from([*PATHS, "metadata.a", "metadata.", "metadata", "$and", "$or", "$not"])
ALMOST = st.recursive(
    st.dictionaries(WORDS, st.dictionaries(st.sampled_from([*OPERATORS, "$regex"]), JSON) | JSON),
    lambda inner: (
        st.dictionaries(st.sampled_from(["$and", "$or"]), st.lists(inner)) | st.dictionaries(st.just("$not"), inner)
    ),
    max_leaves=4,
)


@given(ALMOST)
def test_what_the_config_accepts_compiles(when: dict[str, object]) -> None:
    if not list(faults_of(when, ())):
        compile_rule(when, "a", "r").when(ASKED)


def test_what_the_config_knows_can_be_read() -> None:
    assert set(PATHS) == set(READERS)


@pytest.mark.parametrize(
    "when",
    [{"$not": 1}, {"$and": {}}, {"modle": "a"}, {"model": {"$regex": "a"}}, {"model": {"$in": "a"}}, {"model": None}],
)
def test_what_was_not_checked_is_refused(when: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"found a \w+ in a condition, expected what config.conditions accepts there"):
        compile_rule(when, "a", "r")
