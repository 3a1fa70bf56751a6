"""Own probabilities of tokens: Gemini's `logprobsResult` to OpenAI's form, which the noun has, and back.

Source: the Gemini API reference, "Generating content", `LogprobsResult` (2026-11).
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct


class _Candidate(Struct, rename="camel"):
    token: str = ""
    log_probability: float = 0.0


class _Top(Struct, rename="camel"):
    candidates: list[_Candidate] = []


class _Result(Struct, rename="camel"):
    chosen_candidates: list[_Candidate] = []
    top_candidates: list[_Top] = []


class _TopToken(Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None


class _Token(Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list[_TopToken] = []


class _Content(Struct):
    content: list[_Token] | None = None
    refusal: list[_Token] | None = None


_result = msgspec.json.Decoder(_Result)
_content = msgspec.json.Decoder(_Content)


def decode_logprobs(raw: Raw | None) -> Raw | None:
    """Give probabilities as OpenAI says them, None where there are none."""
    if raw is None:
        return None
    try:
        said = _result.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    tops = [top.candidates for top in said.top_candidates]
    tops += [[]] * (len(said.chosen_candidates) - len(tops))
    content = [
        _Token(
            token=each.token,
            logprob=each.log_probability,
            bytes=list(each.token.encode()),
            top_logprobs=[
                _TopToken(token=one.token, logprob=one.log_probability, bytes=list(one.token.encode())) for one in top
            ],
        )
        for each, top in zip(said.chosen_candidates, tops, strict=False)
    ]
    return Raw(msgspec.json.encode({"content": content, "refusal": None})) if content else None


def encode_logprobs(raw: Raw) -> Raw:
    """Say probabilities as Gemini does: those of a refusal too, which is text there."""
    try:
        held = _content.decode(raw)
        said = [*(held.content or []), *(held.refusal or [])]
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = []
    chosen = [_Candidate(token=each.token, log_probability=each.logprob) for each in said]
    tops = [
        _Top(candidates=[_Candidate(token=one.token, log_probability=one.logprob) for one in each.top_logprobs])
        for each in said
    ]
    return Raw(msgspec.json.encode(_Result(chosen_candidates=chosen, top_candidates=tops)))
