"""Own what time means in a decision: how long an answer is expected to take, what that counts as, and who is too slow.

    expected latency   the predictor's; else forecast tokens / measured tokens per second; else not known
    latency_price      that latency x USD per second, beside the cost; not known: as the median of those known
    p95_first_token    measured 95th percentile above the limit: rejected; not measured: no reason against

Invariant: pure; an unknown latency is never 0. Where no latency is known at all, all count alike, as nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median_low

import msgspec
from msgspec import Struct

from gearshift.routing.check import part, reject
from gearshift.routing.estimate import Option
from gearshift.types.catalog import NANO_PER_USD, Deployment, NanoUSD, Seconds
from gearshift.types.decision import Estimate, Rejection, Speed


class Tariff(Struct, frozen=True, kw_only=True):
    """Hold what a second counts as, in USD, and the latency that counts where none is known."""

    usd_per_second: float = 0.0
    unknown: Seconds = 0.0

    def charge(self, estimate: Estimate) -> NanoUSD:
        """Give what the expected latency of an answer counts as, in nano-USD."""
        if not self.usd_per_second:
            return 0
        seconds = self.unknown if estimate.latency is None else estimate.latency
        return round(seconds * self.usd_per_second * NANO_PER_USD)


def tariff(usd_per_second: float | None, estimates: Iterable[Estimate]) -> Tariff:
    """Make the tariff by which `estimates` are compared; without a price all time is free."""
    if not usd_per_second:
        return Tariff()
    known = [each.latency for each in estimates if each.latency is not None]
    return Tariff(usd_per_second=usd_per_second, unknown=median_low(known) if known else 0.0)


def timed(options: Sequence[Option], speeds: Mapping[str, Speed]) -> list[Option]:
    """Fill in latencies that the predictor does not know, from what was measured."""
    if not speeds:
        return list(options)
    return [(deployment, _timed(found, speeds.get(deployment.id))) for deployment, found in options]


def in_time(
    deployments: Sequence[Deployment], limit: Seconds | None, speeds: Mapping[str, Speed]
) -> tuple[list[Deployment], list[Rejection]]:
    """Part deployments into those not known to begin later than `limit`, and the rejections of the others."""
    if limit is None or not speeds:
        return list(deployments), []

    def check(deployment: Deployment) -> Rejection | None:
        speed = speeds.get(deployment.id)
        if speed is None or speed.first_token is None or speed.first_token.p95 <= limit:
            return None
        found = f"95 of 100 of its streams lately began within {speed.first_token.p95:.3g} s"
        detail = f"{found}, the objective's latency allows {limit:.3g} s; raise p95_first_token or wait"
        return reject(deployment, "latency", detail)

    return part(deployments, [check])


def _timed(found: Estimate | None, speed: Speed | None) -> Estimate | None:
    if found is None or found.latency is not None or speed is None or not speed.tokens_per_second:
        return found
    return msgspec.structs.replace(found, latency=found.output_tokens / speed.tokens_per_second)
