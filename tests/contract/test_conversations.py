"""Lead the same conversations through every pair of protocols: the gateway whole, before a provider on a real socket.

What the provider hears, and what the caller hears back, streamed and not, is what was said; what goes wrong there is
told in the caller's protocol, never as an error of ours.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import Struct

from gearshift.errors import StreamBroken
from gearshift.protocols.codec import RequestEdits
from gearshift.protocols.fold import fold
from gearshift.protocols.registry import CALLERS, CODECS
from gearshift.types.chat import Media, Message, Part, Reasoning, Refusal, Request, Response, Text, ToolCall, ToolResult
from tests.contract.conversations import CONVERSATIONS, GARBAGE, STATUSES, Conversation
from tests.fakes.asgi import Visit
from tests.fakes.house import House, house
from tests.fakes.nouns import deployment, provider
from tests.fakes.polyglot import Polyglot, listening

PATHS: Final = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic_messages": "/v1/messages",
}
ANTHROPIC_ERRORS: Final = {
    *("invalid_request_error", "authentication_error", "billing_error", "permission_error", "not_found_error"),
    *("request_too_large", "rate_limit_error", "api_error", "timeout_error", "overloaded_error"),
}
"""Of `anthropic.types.ErrorObject`."""
pairs = pytest.mark.parametrize(("caller", "upstream"), tuple(product(CALLERS, CODECS)))


class Site(Struct, frozen=True):
    """Hold the gateway and the provider behind it; `caller` is the protocol that is asked in."""

    home: House
    fake: Polyglot
    caller: str

    async def ask(self, conversation: Conversation, *, stream: bool) -> Visit:
        """Ask for an answer, in the caller's protocol, and hear it to its end."""
        return await self.begin(conversation, stream=stream).done()

    def begin(self, conversation: Conversation, *, stream: bool) -> Visit:
        """Ask for an answer."""
        codec = CODECS[self.caller]
        request = conversation.request(self.caller, stream=stream)
        body = codec.encode_request(request, RequestEdits(model="small", include_usage=stream)).body
        path = PATHS.get(self.caller) or f"/v1beta{codec.path('small', stream=stream)}"
        path, _, query = path.partition("?")
        headers = {"x-gearshift-metadata": "enabled"}
        return Visit(self.home.app, path, method="POST", body=body, query=query, headers=headers).start()


@asynccontextmanager
async def site(folder: Path, caller: str, upstream: str) -> AsyncIterator[Site]:
    """Serve one model, `small`, of a provider that speaks `upstream`."""
    fake = Polyglot()
    async with listening(fake) as base:
        at = provider("lab", base, protocol=upstream)
        async with house(folder, deployment("small", at)) as home:
            yield Site(home, fake, caller)


def test_there_are_enough_of_them() -> None:
    assert len({each.name for each in CONVERSATIONS}) == len(CONVERSATIONS) >= 60


@pairs
def test_every_conversation_is_carried(tmp_path: Path, caller: str, upstream: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, caller, upstream) as at:
            for conversation, stream in product(CONVERSATIONS, (False, True)):
                at.fake.response, at.fake.size = conversation.response, conversation.size
                visit = await at.ask(conversation, stream=stream)
                where = f"{conversation.name}, {'streamed' if stream else 'whole'}"
                if upstream in conversation.refused_by:
                    assert (visit.status, "URL" in complaint(caller, visit.json)) == (400, True), where
                    continue
                assert visit.status == 200, f"{where}: {visit.body[:500]!r}"
                told = conversation.told if conversation.told and caller != upstream else conversation.messages
                assert gist(at.fake.last.request.messages) == gist(told), where
                wanted = aim(conversation.request(caller, stream=stream))
                found = aim(at.fake.last.request)
                assert upstream in conversation.mapped_by or found == {
                    **wanted,
                    "limit": wanted["limit"] or found["limit"],
                }, where  # Anthropic must have one
                heard = answer(caller, visit.body, stream=stream)
                assert said(heard) == said(conversation.response), where
                assert heard.model == "small", where
                assert counted(heard, conversation), where

    asyncio.run(scene())


@pairs
def test_every_refusal_of_the_provider_is_told_in_the_callers_protocol(
    tmp_path: Path, caller: str, upstream: str
) -> None:
    async def scene() -> None:
        async with site(tmp_path, caller, upstream) as at:
            at.fake.response = CONVERSATIONS[0].response
            for status, stream in product(STATUSES, (False, True)):
                at.fake.status = status
                visit = await at.ask(CONVERSATIONS[0], stream=stream)
                assert visit.status >= 400, status
                message = complaint(caller, visit.json)
                ours = status in {401, 402, 403}  # our account there is no affair of the caller's
                assert ("our account was refused" if ours else "the provider says no") in message, status

    asyncio.run(scene())


@pairs
def test_garbage_of_the_provider_is_a_502_in_words(tmp_path: Path, caller: str, upstream: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, caller, upstream) as at:
            at.fake.response = CONVERSATIONS[0].response
            for (name, body), stream in product(GARBAGE.items(), (False, True)):
                at.fake.raw = body
                visit = await at.ask(CONVERSATIONS[0], stream=stream)
                assert visit.status == 502, f"{name}: {visit.status} {visit.body[:200]!r}"
                assert complaint(caller, visit.json), name

    asyncio.run(scene())


@pairs
def test_a_stream_that_breaks_at_the_provider_ends_in_an_error_of_the_callers_protocol(
    tmp_path: Path, caller: str, upstream: str
) -> None:
    async def scene() -> None:
        async with site(tmp_path, caller, upstream) as at:
            at.fake.response = LONG.response
            for whole, hangs_up in product((4, 9), (False, True)):
                at.fake.whole, at.fake.hangs_up = whole, hangs_up
                at.fake.breaks.clear()
                visit = await at.begin(LONG, stream=True).until(lambda visit: bool(visit.pieces))
                at.fake.breaks.set()
                await visit.done()
                assert visit.status == 200
                with pytest.raises(StreamBroken):
                    answer(caller, visit.body, stream=True)
                row = at.home.rows()[-1]
                assert (row.outcome, row.status) == ("failed", 502)
                assert row.output_tokens
                if caller == "openai_responses":  # alone numbers its events
                    numbers = [event["sequence_number"] for event in visit.events]
                    assert numbers == [*range(len(numbers))] != []

    asyncio.run(scene())


LONG: Final = next(each for each in CONVERSATIONS if each.name == "an answer in many scripts, split anywhere")


def gist(messages: tuple[Message, ...]) -> list[tuple[str, str, str]]:
    """Give what a conversation says, whoever words it: texts that follow each other, and turns, run together."""
    found: list[tuple[str, str, str]] = []
    for message in messages:
        role = "system" if message.role in {"system", "developer"} else message.role
        for kind, what in (each for part in message.parts for each in _gist(part)):
            if kind == "text" and found and found[-1][:2] == (role, kind):
                found[-1] = (role, kind, found[-1][2] + what)
            elif what or kind != "text":
                found.append((role, kind, what))
    return found


def _gist(part: Part) -> Iterator[tuple[str, str]]:
    match part:
        case Text() | Refusal():
            yield "text", part.text
        case Media():
            yield part.kind, part.data or part.url or ""
        case ToolCall():
            yield "call", f"{part.name} {part.arguments}"
        case ToolResult():
            yield "result", "".join(each.text for each in part.parts if isinstance(each, Text))
        case Reasoning():  # unsigned: it goes to nobody but who takes it
            pass


def aim(request: Request) -> dict[str, Any]:
    """Give what a request is to be answered with."""
    form, choice = request.response_format, request.tool_choice
    return {
        "tools": [(each.name, each.description, json.loads(bytes(each.parameters or b"{}"))) for each in request.tools],
        "choice": None if choice is None else (choice.mode, choice.name),
        "schema": None if form is None or form.schema is None else json.loads(bytes(form.schema)),
        "knobs": (request.sampling.temperature, request.sampling.top_p),
        "limit": request.sampling.max_output_tokens or 0,
        "stream": request.stream,
    }


def answer(caller: str, body: bytes, *, stream: bool) -> Response:
    """Hear what came back, as a client of the caller's protocol does."""
    codec = CODECS[caller]
    if not stream:
        return codec.decode_response(body)
    decoder = codec.stream_decoder()
    events = [event for at in range(0, len(body), 997) for event in decoder.feed(body[at : at + 997])]
    return fold([*events, *decoder.close()])


def said(response: Response) -> tuple[list[tuple[str, str]], str | None]:
    """Give what an answer says, and why it ends."""
    (choice,) = response.choices
    return [each for part in choice.parts for each in _said(part)], choice.finish_reason


def _said(part: Part) -> Iterator[tuple[str, str]]:
    match part:
        case Reasoning():
            yield "reasoning", part.text
        case Refusal():
            yield "text", part.text
        case _:
            yield from _gist(part)


def counted(heard: Response, conversation: Conversation) -> bool:
    """Say whether the tokens are those that the provider counted; where it counted none they are estimated."""
    usage = heard.usage
    if usage is None or conversation.usage is None:
        return usage is not None
    return (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (
        conversation.usage.input_tokens,
        conversation.usage.output_tokens,
        conversation.usage.cache_read_tokens,
    )


def complaint(caller: str, told: dict[str, Any]) -> str:
    """Read an error as the protocol has it."""
    error = told["error"]
    if caller == "anthropic_messages":
        assert told["type"] == "error"
        assert error["type"] in ANTHROPIC_ERRORS
    elif caller == "gemini":
        assert isinstance(error["code"], int)
        assert error["status"].isupper()
    else:
        assert error["type"]
        assert error["code"]
    message: str = error["message"]
    return message
