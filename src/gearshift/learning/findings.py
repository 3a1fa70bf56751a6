"""Own what an evaluation finds in a data set, as nouns.

Invariant: a figure that compares carries its interval; a figure that is not defined is None, never 0. What later
versions added has a default, for manifests keep these nouns.
"""

from __future__ import annotations

from msgspec import Struct

from gearshift.learning.metrics import Bin, Coverage, Interval


class Point(Struct, frozen=True, kw_only=True):
    """Hold one setting of the dial: mean score and cost of the choices, and what mixing single models scores there.

    `low` and `high` bound the mean score (95 %, bootstrap over prompts); `shares` says how often each model was chosen.
    """

    willingness_to_pay: float
    quality: float
    cost_usd: float
    mix_quality: float
    low: float | None = None
    high: float | None = None
    shares: dict[str, float] = {}


class Single(Struct, frozen=True, kw_only=True):
    """Hold a model alone: mean score and mean cost of a call."""

    model: str
    quality: float
    cost_usd: float | None


class Baselines(Struct, frozen=True, kw_only=True):
    """Hold what needs no router: the best single model (in hindsight), a model at random, and the oracle.

    Costs are means over prompts, USD for one call; None: no cost is recorded.
    """

    best_model: str
    best_quality: float
    best_cost_usd: float | None
    random_quality: float
    random_cost_usd: float | None
    oracle_quality: float
    oracle_cost_usd: float | None


class PairReport(Struct, frozen=True, kw_only=True):
    """Hold RouteLLM's metrics of a pair of models; CPT are shares of strong calls."""

    strong: str
    weak: str
    apgr: Interval
    cpt_50: Interval
    cpt_80: Interval


class RivalReport(Struct, frozen=True, kw_only=True):
    """Hold another way to forecast scores, with the same costs and the same dial.

    `points` are (mean cost in USD, mean score). `gain` is its own over mixing single models; `lead` is the router's
    gain less its, on the same resamples. `setting` says what was tuned, and `prompts` how many it was fitted to.
    """

    name: str
    setting: str
    prompts: int
    points: tuple[tuple[float, float], ...]
    gain: Interval
    lead: Interval


class TaskReport(Struct, frozen=True, kw_only=True):
    """Hold one task of a data set; `gain` as in `SetReport`, None without costs."""

    task: str
    prompts: int
    best_model: str
    best_quality: float
    gain: Interval | None


class SetReport(Struct, frozen=True, kw_only=True):
    """Hold the report of one data set.

    `gain` is in points of quality (0..1) above the mix of single models, averaged over the logarithm of cost. `parity`
    and `near_parity` are the cost, relative to the best single model's, at 100 % and 98 % of its quality. `aiq` is that
    of router and single models, `aiq_gain` the difference. `harm` and `lift` are the least and the mean, over the
    dial, of score less the mix's at the same cost. None: no cost is known.
    `trained`: the artefact has learned from prompts of this data set; None: not known. `left_out` are models of it that
    answered too little, or at no known cost.
    """

    dataset: str
    prompts: int
    models: int
    ece: float
    baselines: Baselines
    points: tuple[Point, ...]
    gain: Interval | None
    parity: Interval | None
    near_parity: Interval | None
    aiq: tuple[float, float] | None
    pair: PairReport | None
    trained: bool | None = None
    left_out: tuple[str, ...] = ()
    aiq_gain: Interval | None = None
    harm: Interval | None = None
    lift: Interval | None = None
    perf_gain: Interval | None = None
    cost_save: Interval | None = None
    oracle_gap: Interval | None = None
    arena: Interval | None = None
    coverage: Coverage | None = None
    bins: tuple[Bin, ...] = ()
    singles: tuple[Single, ...] = ()
    tasks: tuple[TaskReport, ...] = ()
    rivals: tuple[RivalReport, ...] = ()


class PromiseReport(Struct, frozen=True, kw_only=True):
    """Hold what became of a calibrated `at_least` on the measured prompts.

    `loss` is the mean over different `questions` of the reference's score less the chosen model's, which was promised
    to be at most `within`; `cost_share` the expected cost relative to the reference's, at the calibrated prices.
    `calibrated_on`: these are the outcomes that it was calibrated on, so that it proves nothing.
    """

    reference: str
    within: float
    confidence: float
    margin: float
    prompts: int
    questions: int
    loss: Interval
    cost_share: float
    calibrated_on: bool

    @property
    def verdict(self) -> str:
        """Say in a word or two whether the promise was kept."""
        if self.calibrated_on:
            return "calibrated on these outcomes"
        if self.loss.value is not None and self.loss.value <= self.within:
            return "kept"
        sure = self.loss.low is not None and self.loss.low > self.within
        return "broken" if sure else "missed, within chance"


class Method(Struct, frozen=True, kw_only=True):
    """Hold how an evaluation was made.

    `unseen` counts the `prompts` that training held back (share `holdout`, by `seed`), or whose data set it had not.
    `checked` choices were made by `routing.decide` beside the sweep, `differing` of them came out otherwise (then all
    were made by it). Digests are SHA-256 of outcomes.
    """

    gearshift: str
    training_digest: str
    data_digest: str
    prompts: int
    unseen: int
    holdout: float
    seed: int
    dials: int
    resamples: int
    checked: int = 0
    differing: int = 0
