"""Own what a calibration finds, as nouns, as JSON and as text.

Invariant: what was left out is said, and a promise that could not be made says what it would take.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from gearshift.learning.guarantee import Promise
from gearshift.learning.rehearsal import Rehearsal
from gearshift.routing.calibration import Calibration

_SIGNIFICANT: Final = 2
_BEYOND: Final = 10


class Setting(Struct, frozen=True, kw_only=True):
    """Hold one margin: its expected cost relative to the reference's, mean loss, and what was concluded.

    `bound` is the upper confidence bound of the mean loss, `p_value` that of a mean loss above `within`. `needed` is
    about how many questions like these would let it pass; None: its mean loss here is too high for any number.
    """

    margin: float
    cost_share: float
    mean_loss: float
    bound: float
    p_value: float
    needed: int | None
    accepted: bool


class Left(Struct, frozen=True, kw_only=True):
    """Hold what of the data could not be used.

    Prompts without an outcome of the reference, or of another candidate; models that answered too few prompts
    (`seldom`), or whose price nobody knows (`unpriced`).
    """

    without_reference: int = 0
    incomplete: int = 0
    seldom: tuple[str, ...] = ()
    unpriced: tuple[str, ...] = ()


class Verdict(Struct, frozen=True, kw_only=True):
    """Hold what a calibration found; `calibration` is None where no cheaper setting than the reference could be proven.

    Then `needed` is about how many questions it would take; None: no number would.
    """

    promise: Promise
    version: str
    models: tuple[str, ...]
    prompts: int
    groups: int
    unseen: int
    left: Left
    settings: tuple[Setting, ...]
    calibration: Calibration | None
    needed: int | None
    rehearsal: Rehearsal

    def to_json(self) -> str:
        """Write everything as JSON."""
        return msgspec.json.format(msgspec.json.encode(self)).decode()

    def to_text(self) -> str:
        """Write tables for a terminal."""
        promise = self.promise
        text = [
            f"promise: {promise.reference}'s mean score less {promise.within:g}, confidence {promise.confidence:.4g}",
            f"data: {self.prompts} prompts, {self.groups} different questions",
            f"candidates, cheapest first: {', '.join(self.models)}",
            *_left(self.left),
            "",
            f"{'margin':>8} {'cost, %':>8} {'mean loss':>10} {'bound':>8} {'needs':>8}  ",
            *(_row(each, chosen=self._is_chosen(each)) for each in self._shown()),
            "",
            self._conclusion(),
            _rehearsed(self.rehearsal, promise.within),
        ]
        return "\n".join(text)

    def _shown(self) -> list[Setting]:
        """Give the settings that differ, to a few beyond the last that was accepted."""
        kept = distinct(self.settings)
        return kept[: sum(each.accepted for each in kept) + _BEYOND]

    def _is_chosen(self, setting: Setting) -> bool:
        return self.calibration is not None and self.calibration.margin == setting.margin

    def _conclusion(self) -> str:
        found = self.calibration
        if found is not None:
            return (
                f"chosen: margin {found.margin:+.3f}, at {found.cost_share:.1%} of the reference's expected cost; "
                f"its mean loss is {found.mean_loss:+.4f} here and at most {found.bound:+.4f} at that confidence"
            )
        if all(each.cost_share >= 1 for each in self.settings):
            return "refused: found no setting that is cheaper than the reference, expected a cheaper candidate; add one"
        if self.needed is None:
            return (
                f"refused: found {self.groups} questions on which every cheaper setting loses too much; "
                "expected one that does not; allow more with --within, or train on more outcomes"
            )
        return (
            f"refused: found {self.groups} different questions, too few to be sure of any cheaper setting; "
            f"expected about {self.needed}; add prompts, or allow more with --within"
        )


def distinct(settings: Iterable[Setting]) -> list[Setting]:
    """Leave out settings that choose as the one before does."""
    kept: list[Setting] = []
    for each in settings:
        if not kept or (each.cost_share, each.mean_loss) != (kept[-1].cost_share, kept[-1].mean_loss):
            kept.append(each)
    return kept


def rounded(count: float) -> int | None:
    """Round an estimated number up to two digits; None for none."""
    if count == float("inf"):
        return None
    whole = int(count)
    step: int = 10 ** max(0, len(str(whole)) - _SIGNIFICANT)
    return -(-whole // step) * step


def _left(left: Left) -> list[str]:
    counts = (
        (left.without_reference, "prompts without an outcome of the reference"),
        (left.incomplete, "prompts that not every candidate answered"),
    )
    names = ((left.seldom, "answered too few prompts"), (left.unpriced, "price unknown; --prices states it"))
    return [f"left out: {count} {what}" for count, what in counts if count] + [
        f"left out: {', '.join(models)} ({why})" for models, why in names if models
    ]


def _row(setting: Setting, *, chosen: bool) -> str:
    word = "chosen" if chosen else "accepted" if setting.accepted else ""
    needs = "-" if setting.needed is None else str(setting.needed)
    return (
        f"{setting.margin:>+8.3f} {setting.cost_share:>8.1%} {setting.mean_loss:>+10.4f} {setting.bound:>+8.4f} "
        f"{needs:>8}  {word}"
    ).rstrip()


def _rehearsed(found: Rehearsal, within: float) -> str:
    return (
        f"rehearsal: {found.rounds} random splits, calibrated on {found.calibrated_on} questions and measured on the "
        f"other {found.measured_on}: {found.violations} lost more than {within:g}, that is {found.rate:.1%} "
        f"({found.low:.1%} to {found.high:.1%}); {found.refusals} were refused; "
        f"mean loss {found.mean_loss:+.4f} at {found.cost_share:.1%} of the cost"
    )
