"""Own requests on their way out: the noun to a body; the patch of a caller's body is that body.

Invariants: as in `openai_chat.outbound`. Results of tools that follow each other are one content, as Gemini demands.
Sources: the Gemini API reference, "Generating content"; "Thinking" (2026-11): from Gemini 3 on thinking has a level,
before it a budget.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, takewhile
from typing import Final

import msgspec

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import Encoded, RequestEdits
from gearshift.protocols.fields import OBJECT, Misfit, Spoken
from gearshift.protocols.gemini.parts import NAME
from gearshift.protocols.gemini.request import KNOBS
from gearshift.protocols.gemini.speaker import Speaker
from gearshift.protocols.json_patch import JsonObject
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.reasoning import budget_of
from gearshift.protocols.steering import say_routing, strip_routing
from gearshift.types.chat import Message, Request, ResponseFormat, Sampling, Tool, ToolChoice
from gearshift.types.record import Loss

_UNKNOWN: Final = "Gemini has no such field"
_MODES: Final = {"auto": "AUTO", "required": "ANY", "none": "NONE", "named": "ANY"}
_MOST: Final = 24_576
"""Tokens of thinking that each model with a budget can be given ("Thinking", `thinkingBudget`, 2026-11)."""
_GENERATION: Final = re.compile(r"gemini-(\d+)")
_WITH_LEVELS: Final = 3


def encode_request(request: Request, edits: RequestEdits) -> Encoded:
    """Say a request to an upstream; raise InvalidRequest when it holds what this protocol cannot say."""
    losses: list[Loss] = []
    try:
        said = _encode(request, edits, losses)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None
    return Encoded(body=msgspec.json.encode(said), losses=tuple(losses))


def patch_request(body: bytes, edits: RequestEdits) -> bytes:
    """Take out what is only the router's; all else stays, for the path says the model."""
    document = JsonObject(body, InvalidRequest)
    try:
        return document.patch(strip_routing(document.members, edits.quirks.extensions))
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None


def has_levels(model: str) -> bool:
    """Say whether a model is told how much to think by a word."""
    found = _GENERATION.search(model)
    return found is not None and int(found[1]) >= _WITH_LEVELS


def _encode(request: Request, edits: RequestEdits, losses: list[Loss]) -> Spoken:
    speaker = Speaker(losses, {}, skip=has_levels(edits.model))
    head = [*takewhile(lambda message: message.role in {"system", "developer"}, request.messages)]
    said: Spoken = {"contents": [*_contents(request, len(head), speaker)]}
    if head:
        said["systemInstruction"] = _system(head, speaker)
    if not said["contents"]:
        said = _system_alone(said, losses)
    if request.tools:
        said["tools"] = [*_tools(request.tools, losses)]
    if request.tool_choice is not None:
        said["toolConfig"] = {"functionCallingConfig": _choice(request.tool_choice)}
    extra = dict(request.extra)
    config = _config(request, edits.model, losses)
    rest = OBJECT.read(extra.pop("generationConfig"), "generationConfig") if "generationConfig" in extra else {}
    if config or rest:
        said["generationConfig"] = config | rest
    unsaid = {
        "user": request.user,
        "service_tier": request.service_tier,
        "cache_control": request.cache,
        "metadata": request.metadata or None,
        "parallel_tool_calls": True if request.parallel_tool_calls is False else None,
    }
    losses.extend(dropped(name, _UNKNOWN) for name, value in unsaid.items() if value is not None)
    return {**said, **say_routing(extra, request.routing, edits.quirks.extensions)}


def _system(messages: list[Message], speaker: Speaker) -> Spoken:
    for place, message in enumerate(messages):
        if message.role == "developer" or place:
            speaker.losses.append(mapped(f"messages[{place}]", "said as part of the system instruction"))
        _note_name(message, place, speaker)
    parts = [speaker.parts(message.parts, f"messages[{place}].parts") for place, message in enumerate(messages)]
    return {"parts": [*chain.from_iterable(parts)], **messages[0].extra}


def _system_alone(said: Spoken, losses: list[Loss]) -> Spoken:
    """Let the user say what the system would, for Gemini refuses a request without contents."""
    if "systemInstruction" not in said:
        raise Misfit("messages", "nothing is left of them that Gemini takes, expected at least one turn")
    losses.append(mapped("messages[0]", "said by the user: Gemini answers no system instruction alone"))
    return {"contents": [said["systemInstruction"] | {"role": "user"}]}  # type: ignore[operator]


def _contents(request: Request, start: int, speaker: Speaker) -> Iterator[Spoken]:
    """Say the turns; results of tools that follow each other are one. Gemini takes no turn that says nothing."""
    results: list[Spoken] = []
    for place, message in enumerate(request.messages[start:], start):
        _note_name(message, place, speaker)
        parts = speaker.parts(message.parts, f"messages[{place}].parts")
        if message.role == "tool":
            results += parts
            continue
        if results:
            yield {"role": "user", "parts": results}
            results = []
        if message.role in {"system", "developer"}:
            speaker.losses.append(mapped(f"messages[{place}]", "said by the user: Gemini takes it first only"))
        role = "model" if message.role == "assistant" else "user"
        if parts or (request.protocol == NAME and not message.parts):
            yield {"role": role, "parts": parts, **message.extra}
    if results:
        yield {"role": "user", "parts": results}


def _note_name(message: Message, place: int, speaker: Speaker) -> None:
    if message.name is not None:
        speaker.losses.append(dropped(f"messages[{place}].name", _UNKNOWN))


def _tools(tools: tuple[Tool, ...], losses: list[Loss]) -> Iterator[Spoken]:
    functions = [_function(tool, losses) for tool in tools if "type" not in tool.extra]
    if functions:
        yield {"functionDeclarations": functions}
    for tool in tools:
        if "type" in tool.extra:
            yield {name: value for name, value in tool.extra.items() if name != "type"}


def _function(tool: Tool, losses: list[Loss]) -> Spoken:
    for name, value in (("strict", tool.strict), ("cache_control", tool.cache)):
        if value:
            losses.append(dropped(f"tools.{tool.name}.{name}", _UNKNOWN))
    said: Spoken = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    if tool.parameters is not None:
        said["parametersJsonSchema"] = tool.parameters
    return {**said, **tool.extra}


def _choice(choice: ToolChoice) -> Spoken:
    said: Spoken = {"mode": _MODES[choice.mode]}
    return said if choice.name is None else {**said, "allowedFunctionNames": [choice.name]}


def _config(request: Request, model: str, losses: list[Loss]) -> Spoken:
    sampling = request.sampling
    said: Spoken = {
        name: value for name, (field, _) in KNOBS.items() if (value := getattr(sampling, field)) is not None
    }
    if sampling.stop:
        said["stopSequences"] = sampling.stop
    if sampling.verbosity is not None:
        losses.append(dropped("verbosity", _UNKNOWN))
    said |= _format(request.response_format, losses)
    thinking = _thinking(sampling, model, losses, foreign=request.protocol != NAME)
    return {**said, "thinkingConfig": thinking} if thinking else said


def _format(form: ResponseFormat | None, losses: list[Loss]) -> Spoken:
    if form is None or form.kind == "text":
        return {}
    if form.name is not None:
        losses.append(dropped("response_format.name", _UNKNOWN))
    said: Spoken = {"responseMimeType": "application/json"}
    return said if form.schema is None else {**said, "responseJsonSchema": form.schema}


def _thinking(sampling: Sampling, model: str, losses: list[Loss], *, foreign: bool) -> Spoken:
    budget, effort = sampling.reasoning_budget, sampling.reasoning_effort
    said: Spoken = {}
    if effort is not None and budget is None and ((foreign and not has_levels(model)) or effort == "none"):
        budget = budget_of(effort)
        if budget is None:
            losses.append(dropped("reasoning_effort", "not a word that is known"))
        else:
            budget = min(budget, _MOST)
            losses.append(mapped("reasoning_effort", f"said as a budget of {budget} tokens of thinking"))
        effort = None
    if budget is not None:
        said["thinkingBudget"] = budget
        if effort is not None:
            losses.append(dropped("reasoning_effort", "the budget was said, Gemini takes one of them"))
    elif effort is not None:
        level = "xhigh" if effort == "max" and foreign else effort
        if level != effort:
            losses.append(mapped("reasoning_effort", f"said as {level}"))
        said["thinkingLevel"] = level.upper()
    if sampling.reasoning_shown is not None:
        said["includeThoughts"] = sampling.reasoning_shown != "omitted"
    return said
