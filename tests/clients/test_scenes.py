"""Drive clients that others wrote through a running gateway: what they are told is what the provider said.

The provider is aimock (`@copilotkit/aimock`), which shares no code with Gearshift; `fixtures.json` is what it says.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.clients.driving import CLIENTS, MODELS, Drive, Job, Scene, Wiretap, image_of

HELLO: Final = "Grüezi! 😀 That is hello in Zürich, and here are some words more so that a stream has several pieces."
WEATHER: Final = "How warm is it in Köln?"
VERBS: Final = {
    "chat": "Say hello.",
    "stream": "Say hello.",
    "tools": WEATHER,
    "tools_streamed": WEATHER,
    "object": "Who wrote the first program?",
    "image": "What colour is this?",
}
STOPPED: Final = {"stop", "end_turn", "STOP", "completed", None}
CUT: Final = {"length", "max_tokens", "MAX_TOKENS", "max_output_tokens", None}
"""What the clients call it; `llm` does not say."""
NAMES: Final = (*VERBS, "cut")


def scenes(model: str) -> list[Scene]:
    asked = [Scene(f"{model} {verb}", verb, prompt, model) for verb, prompt in VERBS.items()]
    return [*asked, Scene(f"{model} cut", "chat", "Answer at length.", model)]


def to_gateway(client: str, gateway: str) -> Job:
    """Give a client all scenes, with each model."""
    return Job(client, gateway, tuple(scene for each in _reached(client) for scene in scenes(MODELS[each][0])))


def to_aimock(client: str, aimock: str) -> Job:
    """Give a client all scenes, before aimock itself."""
    return Job(client, aimock, tuple(scenes(MODELS[CLIENTS[client]][1])))


def heard(drive: Drive, job: Job) -> dict[str, object]:
    """Give what a client heard in each scene, or its error."""
    return {name: told.told or told.error for name, told in drive.begin(job).result().items()}


@pytest.fixture(scope="module", autouse=True)
def all_at_once(drive: Drive, gateway: str, aimock: str) -> None:
    for client in CLIENTS:
        drive.begin(to_gateway(client, gateway))
        drive.begin(to_aimock(client, aimock))


def _reached(client: str) -> list[str]:
    """Give the protocols of the models that a client asks, its own first; the command `llm` is slow and asks two."""
    own = CLIENTS[client]
    others = [protocol for protocol in MODELS if protocol != own]
    return [own, others[-1]] if client.startswith("llm/") else [own, *others]


CASES: Final = [(client, protocol, name) for client in CLIENTS for protocol in _reached(client)[1:] for name in NAMES]


@pytest.mark.parametrize(("client", "protocol", "name"), CASES)
def test_a_client_hears_a_provider_of_another_protocol(
    drive: Drive, gateway: str, client: str, protocol: str, name: str
) -> None:
    told = heard(drive, to_gateway(client, gateway))[f"{MODELS[protocol][0]} {name}"]
    assert isinstance(told, dict), told
    match name:
        case "chat" | "stream":
            assert (told["text"], told["tokens"]) == (HELLO, [12, 34])
            assert told["finish"] in STOPPED
            assert name == "chat" or told.get("pieces", 2) > 1
        case "tools" | "tools_streamed":
            assert told["calls"] == [["weather", {"city": "Köln"}]]
            assert told["text"] == "It is 21 °C in Köln."
            assert told["tokens"] in ([60, 8], [100, 23])  # of the last call, or of both
        case "object":
            assert told == {"name": "Ada Lovelace", "born": 1815}
        case "image":
            assert (told["text"], told["tokens"]) == ("It is red.", [99, 4])
        case _:
            assert told["text"] == "This answer was cut"
            assert told["finish"] in CUT


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_hears_its_own_protocol_as_if_the_gateway_were_not_there(
    drive: Drive, gateway: str, aimock: str, client: str
) -> None:
    model, name, _ = MODELS[CLIENTS[client]]
    direct = heard(drive, to_aimock(client, aimock))
    told = heard(drive, to_gateway(client, gateway))
    assert {at.removeprefix(name): said for at, said in direct.items()} == {
        at.removeprefix(model): said for at, said in told.items() if at.startswith(model)
    }
    assert all(isinstance(said, dict) for said in direct.values())


@pytest.mark.parametrize("client", CLIENTS)
def test_an_image_reaches_providers_of_every_protocol(
    drive: Drive, gateway: str, wiretap: Wiretap, client: str
) -> None:
    heard(drive, to_gateway(client, gateway))
    assert wiretap.heard.count(image_of(client).encode()) == len(_reached(client))
