from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw
from msgspec.structs import replace

from gearshift.protocols.codec import RequestEdits, ResponseEdits
from gearshift.protocols.crossing import Crossing, Stamp, cross_request, cross_response
from gearshift.protocols.namespaces import LONGEST, NAMESPACE, Namespaces
from gearshift.protocols.registry import CODECS
from gearshift.types.chat import Choice, Request, Response, Tool, ToolCall, Usage
from gearshift.types.stream import ChoiceEnded, Finished, PartDelta, PartEnded, PartStarted, Started

RESPONSES, CHAT = CODECS["openai_responses"], CODECS["openai_chat"]
EDITS = RequestEdits(model="m", max_output_tokens=99)
SCHEMA = {"type": "object", "properties": {}}


def function(name: str, **more: object) -> dict[str, object]:
    return {"type": "function", "name": name, "parameters": SCHEMA, "strict": False, **more}


def space(*tools: object, name: str = "crm", **more: object) -> dict[str, object]:
    return {"type": "namespace", "name": name, "description": "Customers.", "tools": list(tools), **more}


def asked(*tools: object, turns: list[object] | None = None) -> bytes:
    return json.dumps({"model": "m", "input": turns or "Hi", "tools": list(tools)}).encode()


def heard(*tools: object, turns: list[object] | None = None) -> Request:
    return RESPONSES.decode_request(asked(*tools, turns=turns))


def told(request: Request) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    said = cross_request(request, CHAT, EDITS)
    return json.loads(said.body), {(loss.field, loss.kind) for loss in said.losses}


def test_functions_of_a_namespace_are_told_with_both_names_in_one() -> None:
    request = heard(function("plain"), space(function("get", description="Get one."), function("put")))
    body, losses = told(request)
    assert [each["function"]["name"] for each in body["tools"]] == ["plain", "crm__get", "crm__put"]
    assert [each["function"].get("description") for each in body["tools"]] == [None, "Customers.\n\nGet one.", None]
    assert losses == {("tools.crm", "mapped")}


def test_earlier_calls_are_told_under_the_same_name() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "get", "namespace": "crm", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": "42"}
    turns: list[object] = [{"role": "user", "content": "Hi"}, call, result]
    body, losses = told(heard(space(function("get")), turns=turns))
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == "crm__get"
    assert losses == {("tools.crm", "mapped")}


def answer(*names: str) -> Response:
    parts = tuple(ToolCall(id=f"c{at}", name=name, arguments="{}") for at, name in enumerate(names))
    choice = Choice(index=0, parts=parts, finish_reason="tool_calls")
    return Response(id="r", model="m", created=1, choices=(choice,), usage=Usage())


def test_a_call_comes_back_under_its_own_names() -> None:
    request = heard(function("get"), space(function("get")))
    stamp = Stamp(namespaces=Namespaces(request.tools))
    body = json.loads(cross_response(answer("crm__get", "get", "crm__lost"), RESPONSES, stamp).body)
    calls = [(each["name"], each.get("namespace")) for each in body["output"]]
    assert calls == [("get", "crm"), ("get", None), ("crm__lost", None)]


def test_a_streamed_call_comes_back_under_its_own_names() -> None:
    namespaces = Namespaces(heard(space(function("get"))).tools)
    encoder = CHAT.stream_encoder(send_usage=True)
    start = PartStarted(choice=0, part=0, kind="tool_call", id="c", name="crm__get")
    events = (Started(id="x", model="m", created=1), start, PartDelta(choice=0, part=0, text="{}"))
    ends = (PartEnded(choice=0, part=0), ChoiceEnded(choice=0, finish_reason="tool_calls"))
    stream = b"".join([encoder.feed(each) for each in (*events, *ends)]) + encoder.end(
        Finished(), ResponseEdits(model="m")
    )
    crossing = Crossing(CHAT, RESPONSES, "m", 1, Stamp(namespaces=namespaces))
    said = crossing.feed(stream)
    crossing.close()
    said += crossing.end(ResponseEdits(model="m"), send_usage=True)
    items = [json.loads(line[6:]) for line in said.split(b"\n") if line.startswith(b"data: {")]
    calls = [
        each["item"] for each in items if each["type"] in {"response.output_item.added", "response.output_item.done"}
    ]
    assert {(each["name"], each["namespace"]) for each in calls} == {("get", "crm")}


def test_in_its_own_protocol_a_namespace_is_said_as_it_was() -> None:
    tools = [function("plain"), space(function("get"), function("put"), odd=1), space(function("x"), name="other")]
    said = json.loads(RESPONSES.encode_request(heard(*tools), EDITS).body)
    assert said["tools"] == tools


WHOLE = [space(), space({"type": "custom", "name": "sh"}), {"type": "namespace", "name": "x"}]


@pytest.mark.parametrize("tool", WHOLE)
def test_what_is_no_namespace_of_functions_only_stays_whole(tool: dict[str, object]) -> None:
    request = heard(tool)
    assert NAMESPACE not in request.tools[0].extra
    assert json.loads(RESPONSES.encode_request(request, EDITS).body)["tools"] == [tool]


def test_no_two_functions_have_one_name_and_none_is_too_long() -> None:
    long = "n" * 60
    request = heard(
        function("crm__get"),
        space(function("get")),
        space(function(f"{long}a"), function(f"{long}b"), name="s"),
        space(function("b__c"), name="a"),
        space(function("c"), name="a__b"),
    )
    names = [each["function"]["name"] for each in told(request)[0]["tools"]]
    assert len(set(names)) == len(names) == 6
    assert max(map(len, names)) <= LONGEST
    namespaces = Namespaces(request.tools)
    own = [namespaces.restore(ToolCall(id="c", name=name, arguments="{}")) for name in names]
    assert [each.name for each in own] == ["crm__get", "get", f"{long}a", f"{long}b", "b__c", "c"]


def test_a_field_of_that_name_that_nobody_knows_is_no_namespace() -> None:
    odd = replace(heard(), tools=(Tool(name="f", extra={NAMESPACE: Raw(b"5")}),))
    assert Namespaces(odd.tools).flatten(odd) == (odd, [])
    assert ("tools[0].namespace", "dropped") in told(odd)[1]
