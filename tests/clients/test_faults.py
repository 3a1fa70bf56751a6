"""Have the provider fail while clients wait: each gets an error of its own classes, in time.

aimock plays the faults (`chaos`, `truncateAfterChunks`, `streamingProfile` in `fixtures.json`).
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.clients.driving import CLIENTS, MODELS, Drive, Fault, Job, Scene

FAULTS: Final[dict[str, tuple[str, str, set[int | None]]]] = {
    "a bad request": ("chat", "Be wrong.", {400}),
    "an unknown model": ("chat", "Hi", {404}),
    "an overloaded provider": ("chat", "Be overloaded.", {502}),
    "a rate limit": ("chat", "Limit me.", {429}),
    "a rate limit of a stream": ("stream", "Limit me.", {429}),
    "a failure": ("chat", "Drop me.", {502}),
    "an answer that is no JSON": ("chat", "Mangle it.", {502}),
    "a stream that is none": ("stream", "Mangle it.", {502}),
    "a connection that is lost": ("chat", "Hang up.", {502}),
    "a connection that is lost before a stream": ("stream", "Hang up.", {502}),
    "an answer that does not come": ("chat", "Be slow.", {504}),
    "a stream that does not come": ("stream", "Be slow.", {504}),
    "a stream that breaks off": ("stream", "Break off.", {None, 200, 500, 502}),
    "a stream that stalls": ("stream", "Stall.", {None, 200, 500, 504}),
}
"""What goes wrong, how the client asks, and the status that it may say: of a stream under way it was 200."""
OWN: Final = {
    "ai-sdk": ("AI_", "StreamProviderError"),
    "openai": ("BadRequestError", "NotFoundError", "RateLimitError", "InternalServerError", "APIError"),
    "langchain": (
        "langchain_",
        "openai.",
        "anthropic.",
        "google.",
        "builtins.ValueError",
    ),  # sic: for Responses' `error`
    "pydantic-ai": ("pydantic_ai.",),
}
"""How the names of a client's error classes begin."""
PATIENT: Final = [client for client in CLIENTS if not client.startswith("llm/")]
"""`llm` tries again, later and later, and cannot be told not to."""


def faults(model: str) -> list[Scene]:
    return [
        Scene(name, verb, prompt, "on-chatt" if name == "an unknown model" else model)
        for name, (verb, prompt, _) in FAULTS.items()
    ]


def job(client: str, foreign: bool, url: str) -> Job:
    """Give a client all faults, of a provider of its own protocol or of another."""
    own = CLIENTS[client]
    protocol = next(each for each in MODELS if (each != own) is foreign)
    return Job(client, url, tuple(faults(MODELS[protocol][0])))


@pytest.fixture(scope="module", autouse=True)
def all_at_once(drive: Drive, hurried_gateway: str) -> None:
    for client in PATIENT:
        for foreign in (False, True):
            drive.begin(job(client, foreign, hurried_gateway))


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("foreign", [False, True], ids=["own", "foreign"])
@pytest.mark.parametrize("client", PATIENT)
def test_a_fault_of_the_provider_is_an_error_of_the_clients_own(
    drive: Drive, hurried_gateway: str, client: str, foreign: bool, name: str
) -> None:
    told = drive.begin(job(client, foreign, hurried_gateway)).result()[name]
    assert isinstance(told.error, Fault), told
    silent = told.error.kind.startswith("langchain_google_genai.")  # its classes say it
    assert told.error.status in FAULTS[name][2] or (silent and told.error.status is None), told
    assert told.error.kind.startswith(OWN[client.partition("/")[0]]), told


@pytest.mark.parametrize("client", ["llm/chat", "llm/responses"])
def test_the_command_says_what_was_wrong(drive: Drive, hurried_gateway: str, client: str) -> None:
    asked = [each for each in faults("on-messages") if each.name in {"a bad request", "an unknown model"}]
    bad, unknown = drive(client, hurried_gateway, asked).values()
    assert bad.error is not None
    assert "aimock does not like this" in bad.error.message
    assert unknown.error is not None
    assert "did you mean on-chat" in unknown.error.message
