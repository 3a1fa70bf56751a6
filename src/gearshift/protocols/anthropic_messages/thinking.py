"""Own how much the model is asked to think, and the other knobs: the nouns to a body.

Invariant: the words of Anthropic's own callers are left as they are; what others say was suited before (`claude`).
"""

from __future__ import annotations

from typing import Final

from gearshift.protocols.fields import Misfit, Spoken
from gearshift.protocols.losses import dropped, mapped
from gearshift.types.chat import Sampling
from gearshift.types.record import Loss

_UNKNOWN: Final = "Anthropic has no such field"


def say_thinking(sampling: Sampling, losses: list[Loss]) -> Spoken:
    """Say how much to think: `thinking`, and the effort in `output_config`."""
    budget, effort = sampling.reasoning_budget, sampling.reasoning_effort
    said: Spoken = {} if effort is None else {"output_config": {"effort": effort}}
    shown = sampling.reasoning_shown
    if budget is None:
        if shown is not None:
            losses.append(dropped("reasoning_shown", "no thinking was asked for"))
        return said
    thinking: Spoken = {"type": "disabled" if budget == 0 else "adaptive" if budget < 0 else "enabled"}
    if budget > 0:
        thinking["budget_tokens"] = budget
    if shown is not None and budget:
        thinking["display"] = "omitted" if shown == "omitted" else "summarized"
    return {"thinking": thinking, **said}


def say_sampling(sampling: Sampling, losses: list[Loss]) -> Spoken:
    """Say the knobs of generation; raise Misfit where the answer would be another one."""
    if sampling.n is not None and sampling.n > 1:
        raise Misfit("n", f"found {sampling.n}, Anthropic gives one answer; ask as often as you want answers")
    if sampling.logprobs or sampling.top_logprobs:
        raise Misfit("logprobs", "Anthropic tells no probabilities; leave it out or name another model")
    unknown = ("seed", "presence_penalty", "frequency_penalty", "verbosity")
    losses.extend(dropped(name, _UNKNOWN) for name in unknown if getattr(sampling, name) is not None)
    said: Spoken = {"stop_sequences": sampling.stop} if sampling.stop else {}
    warmth = sampling.temperature
    if warmth is not None:
        if not 0 <= warmth <= 1:
            losses.append(mapped("temperature", "Anthropic's goes from 0 to 1, the nearer end was said"))
        said["temperature"] = min(1.0, max(0.0, warmth))
    if sampling.top_p is not None:
        said["top_p"] = sampling.top_p
    if sampling.top_k is not None:
        said["top_k"] = int(sampling.top_k) if sampling.top_k.is_integer() else sampling.top_k
    return said
