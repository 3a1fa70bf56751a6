"""Own what nearly all conversations consist of: texts, calls of functions and what these gave back; and functions.

It is read in one step. What says anything else, or says it in another way, is left to `parts` and `request`.
Invariant: what is read here is what these read; `args` of a call are kept byte for byte.
Source: the Gemini API reference, "Generating content", `Part`; "Caching", `Tool` (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gearshift.protocols.fields import ABSENT, NULL, OBJECT, TEXT, Misfit
from gearshift.protocols.gemini.calls import Calls
from gearshift.protocols.gemini.schemas import to_json_schema
from gearshift.types.chat import Part, Text, Tool, ToolCall, ToolResult

OUTPUT: Final = "output"
ERROR: Final = "error"
_UNSAID: Final = frozenset({b"", NULL})
_OTHERS: Final = 2
"""Members that a part does not have: it has one of three."""


class _Call(Struct, forbid_unknown_fields=True):
    name: str
    id: str | None = None
    args: Raw = ABSENT


class _Response(Struct, forbid_unknown_fields=True):
    name: str
    id: str | None = None
    response: Raw = ABSENT


class _Part(Struct, forbid_unknown_fields=True):
    text: str | UnsetType = UNSET
    functionCall: _Call | UnsetType = UNSET  # noqa: N815 - the wire's names
    functionResponse: _Response | UnsetType = UNSET  # noqa: N815


_parts = msgspec.json.Decoder(list[_Part])


class _Function(Struct, forbid_unknown_fields=True):
    name: str
    description: str | None = None
    parametersJsonSchema: Raw = ABSENT  # noqa: N815
    parameters: Raw = ABSENT


class _Toolbox(Struct, forbid_unknown_fields=True):
    functionDeclarations: list[_Function]  # noqa: N815


_toolboxes = msgspec.json.Decoder(list[_Toolbox])


def decode_plain(spoken: Raw, calls: Calls) -> tuple[Part, ...] | None:
    """Give the parts of a content, None where `parts` must read them."""
    try:
        said = _parts.decode(spoken)
        for part in said:
            if (part.text, part.functionCall, part.functionResponse).count(UNSET) != _OTHERS:
                return None
        return tuple([_decode(part, calls) for part in said])
    except (msgspec.DecodeError, UnicodeDecodeError, Misfit):
        return None


def decode_functions(spoken: Raw) -> list[Tool] | None:
    """Give the tools of a request that has functions only, None where `request` must read them."""
    try:
        said = _toolboxes.decode(spoken)
        return [_function(each) for toolbox in said for each in toolbox.functionDeclarations]
    except (msgspec.DecodeError, UnicodeDecodeError, Misfit):
        return None


def _function(said: _Function) -> Tool:
    schema = _schema(said.parametersJsonSchema)
    older = _schema(said.parameters)
    parameters = schema if older is None else to_json_schema(older)
    return Tool(name=said.name, description=said.description, parameters=parameters)


def _schema(spoken: Raw) -> Raw | None:
    if bytes(spoken) in _UNSAID:
        return None
    OBJECT.read(spoken, "parameters")
    return spoken


def _decode(part: _Part, calls: Calls) -> Part:
    call, response = part.functionCall, part.functionResponse
    if call is not UNSET:
        arguments = arguments_of(call.args)
        return ToolCall(id=calls.called(call.name, call.id), name=call.name, arguments=arguments)
    if response is not UNSET:
        text, failed = output_of(response.response)
        answered = calls.answered(response.name, response.id)
        return ToolResult(call_id=answered, parts=(Text(text=text),), name=response.name, is_error=failed)
    return Text(text=part.text or "")


def arguments_of(args: Raw) -> str:
    """Give the arguments of a call, which must be an object; none at all are an empty one."""
    spoken = bytes(args)
    if spoken in _UNSAID:
        return "{}"
    OBJECT.read(args, "functionCall.args")
    return spoken.decode()


def output_of(response: Raw) -> tuple[str, bool | None]:
    """Give what a function gave back as text, and whether it failed; nothing at all is an empty object."""
    spoken = bytes(response)
    if spoken in _UNSAID:
        return "{}", None
    said = OBJECT.read(response, "functionResponse.response")
    for key, failed in ((OUTPUT, None), (ERROR, True)):
        if len(said) == 1 and bytes(said.get(key, ABSENT))[:1] == b'"':
            return TEXT.read(said[key], key), failed
    return spoken.decode(), None
