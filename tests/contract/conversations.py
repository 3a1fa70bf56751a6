"""Own the conversations that every pair of protocols must carry: what is asked, what is answered, what goes wrong."""

from __future__ import annotations

import json
from typing import Final

from msgspec import Raw, Struct

from gearshift.types.chat import (
    CacheMark,
    Choice,
    FinishReason,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Request,
    Response,
    ResponseFormat,
    Role,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
)

PNG: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF: Final = "JVBERi0xLjQKJSVFT0YK"
USAGE: Final = Usage(input_tokens=20, output_tokens=9)
SCHEMA: Final = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
NESTED: Final = {
    "type": "object",
    "properties": {
        "rows": {"type": "array", "items": {"$ref": "#/$defs/row"}},
        "mode": {"enum": ["a", "b", None]},
        "n": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
    },
    "$defs": {"row": {"type": "object", "properties": {"cell": {"type": ["string", "null"]}}}},
}
LOOPED: Final = {
    "type": "object",
    "properties": {"next": {"$ref": "#/$defs/node"}},
    "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
}
SCRIPTS: Final = "Grüße 你好 مرحبا हिन्दी 👩‍👩‍👧‍👦 e\u0301 \u200b\u202e\ufeff ﷽ 🇩🇪"
AWKWARD: Final = 'quote " backslash \\ newline \n tab \t data: x\n\nevent: y\n\n: z [DONE] </s> \u2028 \u0001'
CODE: Final = "```python\nprint('a\\n')\n```\n| a | b |\n|---|---|"


class Conversation(Struct, frozen=True, kw_only=True):
    """Hold what is asked and what is answered; `size` is the characters of a delta."""

    name: str
    messages: tuple[Message, ...]
    answer: tuple[Part, ...] = (Text(text="Well."),)
    reason: FinishReason = "stop"
    usage: Usage | None = USAGE
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel: bool | None = None
    form: ResponseFormat | None = None
    sampling: Sampling = Sampling(max_output_tokens=500)
    size: int = 7
    told: tuple[Message, ...] | None = None
    """What another protocol is told in place of `messages`, where these must not go there as they are."""

    def request(self, protocol: str, *, stream: bool) -> Request:
        """Give what a caller asks for."""
        return Request(
            protocol=protocol,
            model="small",
            messages=self.messages,
            tools=self.tools,
            tool_choice=self.tool_choice,
            parallel_tool_calls=self.parallel,
            response_format=self.form,
            sampling=self.sampling,
            stream=stream,
        )

    @property
    def response(self) -> Response:
        """Give what the provider answers."""
        choice = Choice(index=0, parts=self.answer, finish_reason=self.reason)
        return Response(id="r1", model="small-v1", created=7, choices=(choice,), usage=self.usage)


def user(*parts: Part | str) -> Message:
    return _says("user", parts)


def model(*parts: Part | str) -> Message:
    return _says("assistant", parts)


def rules(text: str, role: Role = "system") -> Message:
    return _says(role, (text,))


def call(name: str, arguments: object = None, *, id: str = "") -> ToolCall:  # noqa: A002 - the wire's word
    said = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    return ToolCall(id=id or f"call_{name}", name=name, arguments=said)


def result(name: str, text: str = "42", *, id: str = "") -> Message:  # noqa: A002
    return Message(role="tool", parts=(ToolResult(call_id=id or f"call_{name}", parts=(Text(text=text),), name=name),))


def tool(name: str, schema: object = None, description: str | None = "Do it.") -> Tool:
    return Tool(
        name=name, description=description, parameters=Raw(json.dumps(SCHEMA if schema is None else schema).encode())
    )


def shape(schema: object) -> ResponseFormat:
    return ResponseFormat(kind="json_schema", name="shape", schema=Raw(json.dumps(schema).encode()))


def _says(role: Role, parts: tuple[Part | str, ...]) -> Message:
    return Message(role=role, parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


HI: Final = (user("Hi"),)
WEATHER: Final = (tool("weather"),)
IMAGE: Final = Media(kind="image", data=PNG, media_type="image/png")
LINKED: Final = Media(kind="image", url="https://example.org/cat.png")
PAPER: Final = Media(kind="file", data=PDF, media_type="application/pdf", name="paper.pdf")
ROUND: Final = (user("Weather?"), model(call("weather", {"city": "Köln"})), result("weather", "4 degrees"))

ASKED: Final = (
    Conversation(name="one word", messages=HI),
    Conversation(name="instructions", messages=(rules("Be brief."), *HI)),
    Conversation(name="a developer's instructions", messages=(rules("Be brief.", "developer"), *HI)),
    Conversation(name="several turns", messages=(*HI, model("Ho"), user("And?"))),
    Conversation(
        name="many turns", messages=(*(each for n in range(30) for each in (user(f"q{n}"), model(f"a{n}"))), *HI)
    ),
    Conversation(name="an image by URL", messages=(user("What?", LINKED),)),
    Conversation(name="an image as bytes", messages=(user("What?", IMAGE),)),
    Conversation(name="images between words", messages=(user("This", IMAGE, "or this", LINKED, "?"),)),
    Conversation(name="an image alone", messages=(user(IMAGE),)),
    Conversation(name="an image in a later turn", messages=(*HI, model("Ho"), user(IMAGE, "that"))),
    Conversation(name="a PDF", messages=(user("Sum up", PAPER),)),
    Conversation(name="a PDF and an image", messages=(user(PAPER, IMAGE, "Compare"),)),
    Conversation(name="a tool", messages=HI, tools=WEATHER),
    Conversation(name="twenty tools", messages=HI, tools=tuple(tool(f"tool_{n}") for n in range(20))),
    Conversation(name="a tool without a description", messages=HI, tools=(tool("quiet", description=None),)),
    Conversation(name="a tool with a nested schema", messages=HI, tools=(tool("deep", NESTED),)),
    Conversation(name="a tool whose schema loops", messages=HI, tools=(tool("loop", LOOPED),)),
    Conversation(name="a tool must be called", messages=HI, tools=WEATHER, tool_choice=ToolChoice(mode="required")),
    Conversation(
        name="this tool must be called",
        messages=HI,
        tools=WEATHER,
        tool_choice=ToolChoice(mode="named", name="weather"),
    ),
    Conversation(name="no tool may be called", messages=HI, tools=WEATHER, tool_choice=ToolChoice(mode="none")),
    Conversation(name="a tool's result", messages=ROUND, tools=WEATHER),
    Conversation(name="words before a call", messages=(HI[0], model("Wait", call("weather")), result("weather"))),
    Conversation(
        name="parallel calls and results",
        messages=(*HI, model(call("a"), call("b")), result("a", "1"), result("b", "2")),
        tools=(tool("a"), tool("b")),
    ),
    Conversation(
        name="results in another order",
        messages=(*HI, model(call("a"), call("b")), result("b", "2"), result("a", "1")),
        tools=(tool("a"), tool("b")),
    ),
    Conversation(
        name="the same tool twice at once",
        messages=(*HI, model(call("a", id="c1"), call("a", id="c2")), result("a", "1", id="c1"), result("a", id="c2")),
        tools=(tool("a"),),
    ),
    Conversation(
        name="three rounds of calls",
        messages=(
            *HI,
            *(each for n in "123" for each in (model(call("a", id=f"c{n}")), result("a", n, id=f"c{n}"))),
        ),
        tools=(tool("a"),),
    ),
    Conversation(name="a word after the results", messages=(*ROUND, user("And tomorrow?")), tools=WEATHER),
    Conversation(name="a turn after the loop", messages=(*ROUND, model("Cold."), user("Thanks")), tools=WEATHER),
    Conversation(name="an empty result", messages=(*ROUND[:2], result("weather", "")), tools=WEATHER),
    Conversation(name="a result of JSON", messages=(*ROUND[:2], result("weather", '{"t": 4}')), tools=WEATHER),
    Conversation(name="a result of a list", messages=(*ROUND[:2], result("weather", "[1, 2]")), tools=WEATHER),
    Conversation(name="a long result", messages=(*ROUND[:2], result("weather", "x" * 50_000)), tools=WEATHER),
    Conversation(
        name="arguments in an odd spelling",
        messages=(*HI, model(call("weather", '{ "city" : "K\\u00f6ln", "n": 1.50 }')), result("weather")),
        tools=WEATHER,
    ),
    Conversation(
        name="arguments in many scripts",
        messages=(*HI, model(call("weather", {"city": SCRIPTS})), result("weather")),
        tools=WEATHER,
    ),
    Conversation(
        name="a call without a result",
        messages=(*ROUND[:2], user("Never mind")),
        told=(*ROUND[:2], result("weather", "no result was recorded"), user("Never mind")),
    ),
    Conversation(
        name="a result without a call",
        messages=(*HI, result("weather", "4", id="weather"), user("Well?")),
        told=(*HI, user("Result of the tool weather:", "4"), user("Well?")),
    ),
    Conversation(name="an answer in a shape", messages=HI, form=shape(SCHEMA), answer=(Text(text='{"city":"Köln"}'),)),
    Conversation(name="an answer in a nested shape", messages=HI, form=shape(NESTED)),
    Conversation(name="a temperature", messages=HI, sampling=Sampling(max_output_tokens=99, temperature=0.25)),
    Conversation(name="a share of likely words", messages=HI, sampling=Sampling(max_output_tokens=99, top_p=0.5)),
    Conversation(name="no limit", messages=HI, sampling=Sampling()),
    Conversation(name="many scripts", messages=(rules(SCRIPTS), user(SCRIPTS), model(SCRIPTS), user(SCRIPTS))),
    Conversation(name="awkward characters", messages=(rules(AWKWARD), user(AWKWARD))),
    Conversation(name="code", messages=(user(CODE), model(CODE), user(CODE))),
    Conversation(name="several texts in a turn", messages=(user("one", "two", "three"),)),
    Conversation(name="a long text", messages=(user("word " * 40_000),)),
    Conversation(name="a prompt marked for the cache", messages=(user(Text(text="Long", cache=CacheMark()), "short"),)),
    Conversation(name="thinking that nobody signed", messages=(*HI, model(Reasoning(text="hm"), "Ho"), *HI)),
)

ANSWERED: Final = (
    Conversation(name="a word", messages=HI, answer=(Text(text="x"),)),
    Conversation(name="a long answer", messages=HI, answer=(Text(text="word " * 4_000),), size=400),
    Conversation(name="an answer in many scripts, split anywhere", messages=HI, answer=(Text(text=SCRIPTS),), size=1),
    Conversation(name="an answer of awkward characters", messages=HI, answer=(Text(text=AWKWARD),), size=1),
    Conversation(name="an answer of code", messages=HI, answer=(Text(text=CODE),), size=2),
    Conversation(name="nothing", messages=HI, answer=()),
    Conversation(name="an answer cut at its limit", messages=HI, answer=(Text(text="Once"),), reason="length"),
    Conversation(name="a filtered answer", messages=HI, answer=(Text(text="I"),), reason="content_filter"),
    Conversation(
        name="a call", messages=HI, tools=WEATHER, answer=(call("weather", {"city": "x"}),), reason="tool_calls"
    ),
    Conversation(name="a call without arguments", messages=HI, answer=(call("now", "{}"),), reason="tool_calls"),
    Conversation(
        name="parallel calls",
        messages=HI,
        answer=(call("a", {"n": 1}), call("b", {"n": 2}), call("a", {"n": 3}, id="c3")),
        reason="tool_calls",
        size=1,
    ),
    Conversation(
        name="words and a call", messages=HI, answer=(Text(text="Wait."), call("a", {"n": 1})), reason="tool_calls"
    ),
    Conversation(
        name="a call whose arguments are spelled oddly",
        messages=HI,
        answer=(call("a", '{ "x" : 1.50, "y":"K\\u00f6ln" }'),),
        reason="tool_calls",
        size=1,
    ),
    Conversation(
        name="a call with long arguments",
        messages=HI,
        answer=(call("write", {"text": "line\n" * 5_000}),),
        reason="tool_calls",
        size=500,
    ),
    Conversation(
        name="a call in many scripts", messages=HI, answer=(call("a", {"x": SCRIPTS}),), reason="tool_calls", size=1
    ),
    Conversation(name="thinking", messages=HI, answer=(Reasoning(text="Let me see."), Text(text="Four."))),
    Conversation(
        name="thinking before a call",
        messages=HI,
        answer=(Reasoning(text="I need it."), call("a", {"n": 1})),
        reason="tool_calls",
    ),
    Conversation(name="a refusal", messages=HI, answer=(Refusal(text="I cannot help with that."),)),
    Conversation(
        name="cached tokens", messages=HI, usage=Usage(input_tokens=90, output_tokens=5, cache_read_tokens=80)
    ),
    Conversation(
        name="tokens of thinking", messages=HI, usage=Usage(input_tokens=9, output_tokens=50, reasoning_tokens=40)
    ),
    Conversation(name="no usage", messages=HI, usage=None),
)

CONVERSATIONS: Final = (*ASKED, *ANSWERED)
STATUSES: Final = (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529)
GARBAGE: Final = {
    "nothing": b"",
    "HTML": b"<html><body>Bad gateway</body></html>",
    "half an object": b'{"id": "r1", "choices": [{"mess',
    "a list": b"[]",
    "null": b"null",
    "another object": b'{"hello": "world"}',
    "no text": b"\xff\xfe\x00",
    "deep": b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    "an error that is called a success": b'{"error": {"message": "no", "type": "x", "code": 500}}',
}
