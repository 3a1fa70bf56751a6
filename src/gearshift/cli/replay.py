"""Own `gearshift replay`: what the log would have cost and scored under another policy.

Exit code 3: an outcome was refused, because the log has too little support for it or none.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gearshift.cli import stretch
from gearshift.cli.inspect import find_config
from gearshift.cli.printing import AsJson, as_text
from gearshift.errors import DataError

if TYPE_CHECKING:
    from gearshift.config import Config
    from gearshift.config.policy import PolicyConfig
    from gearshift.learning.logged import Log
    from gearshift.learning.target import Forecaster

_REFUSED: Final = 3


def replay(
    policy: Annotated[Path, typer.Option(help="Policy file: `objective` or `weights`, as in a router.")],
    since: Annotated[str, typer.Option(help="The last stretch of time, such as 7d or 12h.")] = "7d",
    router: Annotated[str, typer.Option(help="Router whose rows are replayed.")] = "auto",
    clip: Annotated[
        float | None, typer.Option(min=1.0, help="Cut importance weights at this; default: no cut.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Config file; default: as serve.")] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate cost and quality of another policy from the gateway's own log, with intervals."""
    from gearshift.cli.replay_report import text
    from gearshift.config.policy import load_policy
    from gearshift.learning.replay import replay as estimate

    found = find_config(config)
    log = _read(found, time.time() - stretch.seconds(since, "--since"), router)
    stated = load_policy(policy, log.names)
    result = estimate(log, stated, forecast=_forecaster(stated, found), clip=clip)
    if as_json:
        typer.echo(as_text(result))
    else:
        typer.echo(f"router {router}, the last {since}\n{text(result)}")
    if result.quality.refused or result.cost.refused:
        raise typer.Exit(_REFUSED)


def _read(config: Config, since: float, router: str) -> Log:
    """Read the choices of `router` from the store of `config`; raise DataError when there are none."""
    from gearshift.learning.logged import listed, read_log
    from gearshift.storage.opening import open_log

    store = open_log(config.store)
    try:
        log = read_log(store.exchanges(since), store.scores(), router)
    finally:
        store.close()
    if not log.choices:
        seen = ", ".join(f"{name} ({count:,} rows)" for name, count in log.routers.most_common()) or "no rows"
        raise DataError(
            f"found no choice of router {router} to replay; left out: {listed(log.left_out)}; the log has {seen}: "
            "name another router with --router, or look further back with --since"
        )
    return log


def _forecaster(policy: PolicyConfig, config: Config) -> Forecaster | None:
    """Load what the policy wants to forecast with; None: the log's own estimates."""
    if policy.predictor is None:
        return None
    from gearshift.cli.assemble import open_catalog
    from gearshift.config.routers import BUILTIN
    from gearshift.learning.artifact import builtin_path, load
    from gearshift.learning.target import forecaster

    path = builtin_path() if policy.predictor == BUILTIN else Path(policy.predictor)
    return forecaster(load(path), open_catalog(config, os.environ).deployments)
