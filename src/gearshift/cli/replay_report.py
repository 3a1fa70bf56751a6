"""Own how a replay reads on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gearshift.learning.logged import REASONS
from gearshift.learning.offpolicy import Estimated
from gearshift.learning.replay import Measure, Replay, Versus

_PER: Final = 1000
_SHOWN: Final = 10
_MODELS: Final = {
    "forecasts": "the predictor's forecasts, fitted to the log",
    "means": "each deployment's mean in the log",
}


def text(found: Replay) -> str:
    """Write the whole report."""
    return "\n".join(_lines(found))


def _lines(found: Replay) -> Iterator[str]:
    yield f"{found.rows:,} rows replayed, {sum(found.left_out.values()):,} left out"
    for reason, count in found.left_out.items():
        yield f"  {count:>9,}  {REASONS[reason]}"
    yield ""
    yield f"would go elsewhere: {found.changed:.1%} of the rows"
    for move in found.moves[:_SHOWN]:
        yield f"  {move.rows:>9,.0f}  {move.source} -> {move.target}"
    if len(found.moves) > _SHOWN:
        yield f"             and {len(found.moves) - _SHOWN} more pairs"
    yield ""
    width = max(map(len, found.shares))
    yield f"{'deployment':<{width}}  {'log':>7}  {'policy':>7}"
    for name, (old, new) in found.shares.items():
        yield f"{name:<{width}}  {old:>7.1%}  {new:>7.1%}"
    yield ""
    yield from _measure("quality, 0 to 1", found.quality, 1.0)
    yield ""
    yield from _measure(f"cost, USD per {_PER:,} requests", found.cost, _PER)
    yield from _spend(found.cost)


def _measure(title: str, found: Measure, scale: float) -> Iterator[str]:
    if found.log is None or found.support is None:
        yield f"{title}: refused: {'; '.join(found.refused)}"
        return
    base = found.support
    yield f"{title}: {found.rows:,} rows, {base.effective:,.0f} effective, {base.unsupported:.1%} unsupported"
    cut = "none cut" if base.clip is None else f"cut at {base.clip:g} in {base.clipped_rows:,} rows"
    yield f"  weights: mean {base.mean_weight:.2f}, greatest {base.max_weight:.1f}, {cut}"
    yield f"  {'':<14}  {'value (95 % interval)':<32}  less the log's"
    yield f"  {'log':<14}  {_shown(found.log, scale)}"
    for name, versus in (("doubly robust", found.dr), ("SNIPS", found.snips), ("IPS", found.ips)):
        if versus is not None:
            yield _row(name, versus, scale)
    if found.dm is not None:
        yield _row("direct method", found.dm, scale)
        yield f"    model-based: it believes {_MODELS[found.model]}; how wrong these are is not in its interval"
    for why in found.refused:
        yield f"  refused: {why}"


def _row(name: str, found: Versus, scale: float) -> str:
    return f"  {name:<14}  {_shown(found.value, scale):<32}  {_shown(found.difference, scale, '+')}"


def _shown(found: Estimated, scale: float, sign: str = "") -> str:
    value, low, high = (f"{each * scale:{sign}.4f}" for each in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})"


def _spend(found: Measure) -> Iterator[str]:
    """Say what the rows cost in all, as it was and by the best estimate there is."""
    best = found.dr or found.snips
    if found.log is not None and best is not None:
        log, policy = found.log.value * found.rows, best.value
        ends = f"${policy.low * found.rows:,.4f} to ${policy.high * found.rows:,.4f}"
        yield f"  spend of these rows: log ${log:,.4f}, policy ${policy.value * found.rows:,.4f} ({ends})"
