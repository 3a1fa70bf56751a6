"""Own what the findings mean, in plain sentences.

Invariant: a sentence claims a gain, a loss or a saving only where the 95 % interval excludes chance; else it says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from gearshift.learning.charts import sign
from gearshift.learning.findings import Method, RivalReport, SetReport
from gearshift.learning.metrics import Interval

Verdict: TypeAlias = Literal["gain", "even", "loss", "thin", "unknown"]

VERDICTS: Final[dict[Verdict, str]] = {
    "gain": "routing gains",
    "even": "no clear gain",
    "loss": "routing loses",
    "thin": "too few prompts",
    "unknown": "cost not known",
}
_THIN: Final = 50
"""Prompts below which nothing is concluded: a percentile interval of so few is too narrow."""


def verdict(found: SetReport) -> Verdict:
    """Say what the interval of the gain allows to say."""
    if found.gain is None or found.gain.value is None:
        return "unknown"
    return "thin" if found.prompts < _THIN else sign(found.gain)


def headline(sets: Sequence[SetReport]) -> str:
    """Say on how many data sets routing pays."""
    known = [found for found in sets if verdict(found) not in {"unknown", "thin"}]
    if not known:
        few = any(verdict(found) == "thin" for found in sets)
        return f"What routing saves is not known: {'too few prompts' if few else 'no cost is recorded'}"
    won = sum(verdict(found) == "gain" for found in known)
    lost = sum(verdict(found) == "loss" for found in known)
    of = f"{len(known)} data set{'s' if len(known) > 1 else ''}"
    if not won:
        return f"No gain is shown on {of}" + (f"; on {lost} routing loses" if lost else "")
    where = "the one data set measured" if len(known) == 1 else f"all {of}" if won == len(known) else f"{won} of {of}"
    return f"Routing beats mixing single models on {where}" + (f" and loses on {lost}" if lost else "")


def undecided(sets: Sequence[SetReport]) -> str:
    """Name the data sets that tell nothing of savings; "" when each does."""
    names = [found.dataset for found in sets if verdict(found) in {"unknown", "thin"}]
    few = "nothing can be concluded for want of costs or prompts"
    return f"On {', '.join(names)} {few}." if 0 < len(names) < len(sets) else ""


def sentences(found: SetReport) -> list[str]:
    """Say what a data set shows, most important first."""
    said = [_few(found), _saving(found), _gain(found), _harm(found), *(_lead(each) for each in found.rivals)]
    if found.trained is False:
        said.append("The artefact has learned from no prompt of this data set: it is out of distribution.")
    if found.pair is not None:
        said.append(
            f"Sending the right requests to {found.pair.strong} recovers an average of "
            f"{_percents(found.pair.apgr)} of its lead over {found.pair.weak} (APGR; 50 % is chance)."
        )
    return [each.replace(" %", "\N{NO-BREAK SPACE}%") for each in said if each]


def caution(method: Method) -> str:
    """Say when prompts may have been trained on; else ""."""
    if method.unseen == method.prompts:
        return ""
    left = method.prompts - method.unseen
    return (
        f"The artefact may have been trained on {left} of {method.prompts} prompts. "
        "If they were, these figures flatter it; --held-out leaves them out."
    )


def _few(found: SetReport) -> str:
    if found.prompts >= _THIN:
        return ""
    return f"{found.prompts} prompts are too few to conclude from; their intervals are too narrow."


def _saving(found: SetReport) -> str:
    parity, name = found.parity, found.baselines.best_model
    if parity is None:
        return "No cost is known, so nothing can be said of savings." if found.models > 1 else ""
    if parity.value is None:
        near = found.near_parity
        told = f"No setting reaches the mean score of {name}, the best single model."
        if near is None or near.value is None:
            return told
        return f"{told} 98 % of it costs {100 * near.value:.0f} % of what {name} costs ({_ends(near)})."
    told = f"At the mean score of {name}, the best single model, routing costs {100 * parity.value:.0f} % of its cost"
    if parity.high is not None and parity.high < 1:
        return f"{told}: a saving of {100 - 100 * parity.value:.0f} % (95 % interval: {_saved(parity)})."
    return f"{told} ({_ends(parity)}), so no saving is certain."


def _saved(parity: Interval) -> str:
    low, high = parity.low or 0.0, parity.high or 1.0
    return f"{100 - 100 * high:.0f} to {100 - 100 * low:.0f} %"


def _gain(found: SetReport) -> str:
    gain = found.gain
    if gain is None or gain.value is None:
        return ""
    amount = f"{abs(100 * gain.value):.1f} points"
    match sign(gain):
        case "gain":
            return f"At equal cost it scores {amount} above the best mix of single models ({_ends(gain)})."
        case "loss":
            return f"At equal cost it scores {amount} below the best mix of single models ({_ends(gain)})."
        case _:
            return f"At equal cost it does not surely differ from the best mix of single models ({_ends(gain)})."


def _harm(found: SetReport) -> str:
    harm = found.harm
    if harm is None or harm.value is None or harm.value >= 0:
        return ""
    sure = "" if harm.high is not None and harm.high < 0 else ", which chance may explain"
    return f"At its worst setting it is {abs(100 * harm.value):.1f} points below that mix{sure}."


def _lead(rival: RivalReport) -> str:
    kind = sign(rival.lead)
    if rival.lead.value is None or kind == "even":
        return f"The baseline {rival.name} gains about as much."
    words = "less" if kind == "gain" else "more"
    return f"The baseline {rival.name} gains {abs(100 * rival.lead.value):.1f} points {words} ({_ends(rival.lead)})."


def _ends(found: Interval) -> str:
    low, high = ("not reached" if each is None else f"{100 * each:.1f}" for each in (found.low, found.high))
    return f"95 % interval: {low} to {high}".replace("-", "\N{MINUS SIGN}")


def _percents(found: Interval) -> str:
    return "an unknown share" if found.value is None else f"{100 * found.value:.0f} % ({_ends(found)})"
