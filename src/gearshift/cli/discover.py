"""Own asking servers for their models: all of them at once, each for as long as `PATIENCE` at most.

Invariant: no server keeps the gateway from starting. One that does not answer is a fault in words, which hold nothing
that it said, and what it had before stays.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urljoin

from gearshift.catalog.discovery import Discovery
from gearshift.catalog.offers import Offers, read_offers
from gearshift.cli.fetching import fetch
from gearshift.config import Config, resolve_secret
from gearshift.config.rows import builtin, resolve, row_of
from gearshift.errors import GearshiftError
from gearshift.execution.credentials import Credentials
from gearshift.execution.proof import Outgoing
from gearshift.protocols.registry import CODECS
from gearshift.types.catalog import Provider, Seconds

PATIENCE: Final[Seconds] = 3
MAX_BYTES: Final = 2 * 1024 * 1024

_log = logging.getLogger("gearshift.discovery")


async def discover(config: Config, environ: Mapping[str, str], before: Discovery | None = None) -> Discovery:
    """Ask every provider that lists its models for them; one that fails has what it had `before`."""
    table = builtin()
    stated = config.providers.items()
    resolved = (resolve(name, each, row_of(name, each, table), environ) for name, each in stated)
    asked = [provider for provider in resolved if provider.lists]
    answers = await asyncio.gather(*(_ask(provider, environ) for provider in asked))
    had = {} if before is None else before.offers
    offers, faults = dict[str, Offers](), dict[str, str]()
    for provider, answer in zip(asked, answers, strict=True):
        if isinstance(answer, Offers):
            offers[provider.id] = answer
            continue
        kept = had.get(provider.id)
        stale = f"; its {len(kept.models)} models of before stay" if kept else ""
        faults[provider.id] = f"its models could not be listed: {answer}{stale}"
        if kept is not None:
            offers[provider.id] = kept
    return Discovery(offers=offers, faults=faults)


def tell(found: Discovery, left_out: Iterable[str]) -> None:
    """Log what was found, one line, and each fault, one line."""
    if found.offers:
        counts = {provider: len(offers.models) for provider, offers in found.offers.items()}
        _log.info("models_discovered", extra={"fields": {"models": counts, "left_out": list(left_out)}})
    for provider, fault in found.faults.items():
        _log.warning("discovery_degraded", extra={"fields": {"provider": provider, "fault": fault}})


async def _ask(provider: Provider, environ: Mapping[str, str]) -> Offers | str:
    """Ask one provider, at the first place that answers; give its models, or what went wrong at the best one."""
    try:
        secrets = {} if provider.key is None else {provider.id: resolve_secret(provider.key, environ).reveal()}
    except GearshiftError as error:
        return error.message
    if provider.auth != "key":
        return f"its models are asked for with a key or none, not by auth: {provider.auth}; say discover: false"
    keys, headers = Credentials(secrets), {**CODECS[provider.protocol].headers}
    faults: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE):
            for place in provider.lists:
                url = urljoin(provider.base_url + "/", place)
                call = keys.keyed(provider, Outgoing(url, headers, b""))
                try:
                    return read_offers(await fetch(call.url, call.headers, limit=MAX_BYTES, patience=PATIENCE))
                except GearshiftError as error:
                    faults.append(error.message)
                except ValueError as error:
                    faults.append(str(error))
    except TimeoutError:
        faults.append(f"no answer within {PATIENCE:g} s")
    return faults[0]
