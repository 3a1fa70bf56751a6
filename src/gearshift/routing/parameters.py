"""Own `require_parameters`: only deployments that support every parameter that the request states.

A parameter is supported where the model has the capability that it needs and the request can be said to its provider
without losing it. The second is asked of the codecs, as `docs/reference/translation.md` is.
Source: OpenRouter, "Provider routing", `require_parameters`, read 2026-11-27.
Invariants: what is not known counts as not supported; the work does not grow with the conversation, which is left out:
what a message holds is no parameter. A field that no noun covers goes to an upstream of the same protocol byte for byte
and is no reason against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import Encoded, RequestEdits
from gearshift.protocols.crossing import cross_request
from gearshift.protocols.registry import CODECS
from gearshift.routing.check import Check, reject
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Message, Request, Text
from gearshift.types.decision import Rejection

ASIDE: Final = frozenset({"metadata", "user", "store"})
"""Fields that no model's answer depends on: to have no word for them is no lack of a parameter."""
_PROBE: Final = (Message(role="user", parts=(Text(text="?"),)),)


def stated(request: Request) -> dict[str, str]:
    """Give the capabilities that the stated parameters need, each with the parameter that needs it."""
    sampling, form = request.sampling, request.response_format
    said: Mapping[str, object] = {
        "tools": request.tools or request.tool_choice,
        "logprobs": sampling.logprobs or sampling.top_logprobs,
        "n": sampling.n is not None and sampling.n > 1,
        "seed": sampling.seed is not None,
        "reasoning": sampling.reasoning_effort is not None or bool(sampling.reasoning_budget),
    }
    found = {capability: capability for capability, value in said.items() if value}
    if form is not None and form.kind != "text":
        found[form.kind] = f"response_format {form.kind}"
    return found


def required(request: Request) -> Check:
    """Check that a deployment supports every parameter of `request`."""
    needed = stated(request)
    bare = replace(request, messages=_PROBE, stream=False)
    carried: dict[tuple[str, str, int | None], str] = {}

    def check(deployment: Deployment) -> Rejection | None:
        known = deployment.capabilities
        if lacking := [word for capability, word in needed.items() if known is None or capability not in known]:
            of = "what it can do is not known" if known is None else "its model is not known to support them"
            todo = f"state models.{deployment.model}.capabilities in the config if it can"
            return reject(deployment, "parameters", f"{', '.join(lacking)}: {of}; {todo}, or leave them out")
        place = deployment.provider.id, deployment.name, deployment.max_output_tokens
        if place not in carried:
            carried[place] = _untold(bare, deployment)
        lost = carried[place]
        return reject(deployment, "parameters", f"{lost}; leave it out or name another provider") if lost else None

    return check


def _untold(request: Request, deployment: Deployment) -> str:
    """Say what a deployment's provider cannot be told of a request, "" where it can be told all."""
    codec = CODECS[deployment.provider.protocol]
    edits = RequestEdits(
        model=deployment.name,
        max_output_tokens=deployment.max_output_tokens,
        quirks=deployment.provider.quirks,
    )
    same = request.protocol in {"", codec.name}
    try:
        said = codec.encode_request(request, edits) if same else cross_request(request, codec, edits)
    except InvalidRequest as error:
        return error.message
    lost = [*dict.fromkeys(_parameters(said))]
    return f"{', '.join(lost)}: {deployment.provider.id} is not known to understand it" if lost else ""


def _parameters(said: Encoded) -> Iterator[str]:
    """Give the parameters that were lost."""
    for loss in said.losses:
        if loss.kind == "dropped" and loss.field not in ASIDE and not loss.field.startswith("messages"):
            yield loss.field
