"""Own what an operator is told of a plan when it begins to serve: what servers have, and which models come to an end.

Invariant: an end is told once by a process, however often its config is made anew.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from gearshift.catalog.lifecycle import notices
from gearshift.cli.assemble import Assembly
from gearshift.cli.discover import tell

_log = logging.getLogger("gearshift.catalog")


def announce(assembly: Assembly) -> None:
    """Log what there is to say of the plan that serves."""
    tell(assembly.plan.found, assembly.plan.left_out)
    for name, notice in notices(assembly.catalog.deployments, datetime.now(UTC).date()).items():
        if assembly.told.get(name) != notice:
            assembly.told[name] = notice
            _log.warning("model_ends", extra={"fields": {"deployment": name, "notice": notice}})
