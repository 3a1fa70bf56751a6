import msgspec
import pytest

from gearshift.protocols.registry import CODECS
from gearshift.routing.parameters import required, stated
from gearshift.types.catalog import CAPABILITIES, Deployment, Quirks
from gearshift.types.chat import Request
from tests.unit.routing.scene import deployment

ALL = CAPABILITIES


def asked(body: str, protocol: str = "openai_chat") -> Request:
    head = '{"model":"auto","messages":[{"role":"user","content":"Hi"}],'
    if protocol == "anthropic_messages":
        head += '"max_tokens":9,'
    return CODECS[protocol].decode_request(f"{head}{body}}}".encode())


def at(
    protocol: str = "openai_chat", capabilities: frozenset[str] | None = ALL, quirks: Quirks | None = None
) -> Deployment:
    made = deployment("m", capabilities=capabilities)
    provider = msgspec.structs.replace(made.provider, protocol=protocol, quirks=quirks or Quirks())
    return msgspec.structs.replace(made, provider=provider)


def detail(request: Request, of: Deployment) -> str:
    found = required(request)(of)
    if found is None:
        return ""
    assert found.reason == "parameters"
    return found.detail


# https://openrouter.ai/docs/guides/routing/provider-selection#requiring-providers-to-support-all-parameters, 2026-11-27
JSON = '"response_format":{"type":"json_object"},"provider":{"require_parameters":true}'


def test_the_published_example() -> None:
    request = asked(JSON)
    assert request.routing.require_parameters
    assert detail(request, at()) == ""
    lacking = detail(request, at(capabilities=ALL - {"json_object"}))
    assert lacking.startswith("response_format json_object: its model is not known to support them; state models.m")
    unknown = detail(request, at(capabilities=None))
    assert unknown.startswith("response_format json_object: what it can do is not known; state models.m.capabilities")
    assert detail(request, at("anthropic_messages")).startswith("response_format: ")


@pytest.mark.parametrize(
    ("body", "capability"),
    [
        ('"tools":[{"type":"function","function":{"name":"f"}}]', "tools"),
        ('"logprobs":true', "logprobs"),
        ('"n":2', "n"),
        ('"seed":0', "seed"),
        ('"reasoning_effort":"low"', "reasoning"),
    ],
)
def test_a_parameter_needs_its_capability(body: str, capability: str) -> None:
    assert stated(asked(body)) == {capability: capability}
    assert detail(asked(body), at()) == ""
    assert detail(asked(body), at(capabilities=ALL - {capability})).startswith(f"{capability}: its model is not known")


@pytest.mark.parametrize(
    ("body", "protocol", "lost"),
    [
        ('"logit_bias":{"1":2}', "anthropic_messages", "logit_bias: lab is not known to understand it"),
        ('"seed":1,"verbosity":"low"', "anthropic_messages", "verbosity, seed: lab is not known to understand it"),
        ('"stop":"x"', "openai_responses", "stop"),
        ('"top_k":3', "openai_chat", "top_k: lab is not known to understand it"),
        ('"parallel_tool_calls":false', "gemini", "parallel_tool_calls: lab is not known to understand it"),
        ('"odd":1', "gemini", "odd: lab is not known to understand it"),
    ],
)
def test_a_parameter_that_would_be_lost_is_a_reason(body: str, protocol: str, lost: str) -> None:
    found = detail(asked(body), at(protocol))
    assert set(found.partition(":")[0].split(", ")) == set(lost.partition(":")[0].split(", "))
    assert found.endswith("leave it out or name another provider")


@pytest.mark.parametrize(
    ("body", "protocol"),
    [
        ('"temperature":0.5,"top_p":1,"max_tokens":5', "gemini"),
        ('"metadata":{"plan":"free"},"user":"u"', "gemini"),
        ('"messages":[{"role":"user","name":"Ann","content":"Hi"}]', "gemini"),
        ('"plugins":[{"id":"web"}]', "gemini"),
        ('"min_p":0.1', "openai_chat"),
        ('"stream":true', "anthropic_messages"),
    ],
)
def test_what_is_no_parameter_or_goes_through_is_none(body: str, protocol: str) -> None:
    said = body if body.startswith('"messages"') else f'"messages":[{{"role":"user","content":"Hi"}}],{body}'
    decoded = CODECS["openai_chat"].decode_request(f'{{"model":"auto",{said}}}'.encode())
    assert detail(decoded, at(protocol)) == ""


def test_a_field_that_its_provider_refuses_is_a_reason() -> None:
    found = detail(asked('"seed":1'), at(quirks=Quirks(drops=("seed",))))
    assert found.startswith("seed: m does not accept this field")


def test_a_provider_that_knows_the_word_supports_it() -> None:
    assert detail(asked('"top_k":3'), at(quirks=Quirks(extensions=("top_k",)))) == ""


def test_a_long_conversation_costs_nothing_more() -> None:
    sound = '{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}'
    body = f'{{"model":"auto","messages":[{{"role":"user","content":[{sound}]}}]}}'.encode()
    assert detail(CODECS["openai_chat"].decode_request(body), at("anthropic_messages")) == ""
