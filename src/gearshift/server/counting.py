"""Own the counting of tokens before a request is made, in the forms of Anthropic and Gemini.

Invariant: a count is ours, not the provider's (`tokens.count`), for which model answers is decided later.
Sources: the Anthropic API reference, "Count tokens in a Message"; the Gemini API reference, "Counting tokens"
(2026-11).
"""

from __future__ import annotations

from gearshift import tokens
from gearshift.errors import InvalidRequest
from gearshift.protocols.anthropic_messages import request as anthropic
from gearshift.protocols.fields import OBJECT, Misfit, maybe
from gearshift.protocols.gemini import parts
from gearshift.protocols.gemini import request as gemini
from gearshift.protocols.json_patch import JsonObject


def count_anthropic(body: bytes) -> bytes:
    """Count what a request of Anthropic's would send."""
    members = JsonObject(body, InvalidRequest).members
    try:
        return b'{"input_tokens":%d}' % tokens.count(anthropic.decode(members, limit=False))
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None


def count_gemini(body: bytes, path: str) -> bytes:
    """Count what a request of Gemini's would send: its `contents`, or a whole `generateContentRequest`."""
    members = parts.camel(JsonObject(body, InvalidRequest).members)
    try:
        inner = maybe(members, "generateContentRequest", OBJECT)
        asked = gemini.decode(members if inner is None else parts.camel(inner, "generateContentRequest."), path)
        return b'{"totalTokens":%d}' % tokens.count(asked)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None
