"""Own the errors that are ours: the deadline, a stop, overload, the store, a bug, and files that cannot be used."""

from __future__ import annotations

from gearshift.errors.root import GearshiftError


class DeadlineExceeded(GearshiftError):
    """Say that the exchange's deadline passed before an answer was complete."""

    status = 504
    code = "deadline_exceeded"


class NoHealthyDeployment(GearshiftError):
    """Say that everybody who fits rests after failures; `retry_after`: whole seconds until the first is back."""

    status = 503
    code = "no_healthy_deployment"

    def __init__(self, message: str, *, retry_after: int) -> None:
        """Keep when to come again."""
        super().__init__(message)
        self.retry_after = retry_after


class ShuttingDown(GearshiftError):
    """Say that the gateway was told to stop, and that its grace ended before the answer did."""

    status = 503
    code = "shutting_down"
    retry_after = 1.0  # by then another process, or the next one, listens


class Overloaded(GearshiftError):
    """Say that there is more to do than can be done: nothing of the request was begun, it may be sent again."""

    status = 503
    code = "overloaded"


class StoreUnavailable(GearshiftError):
    """Say that the log cannot be read or written at present; answering requests goes on without it."""

    status = 503
    code = "store_unavailable"


class CountersAway(GearshiftError):
    """Say that the counters of budgets cannot be reached at present."""

    status = 503
    code = "counters_unavailable"
    retry_after = 1.0


class CountersLost(CountersAway):
    """Say that the counters are not those that we counted with: they were flushed, rolled back or made anew.

    `epoch` names what they are now, None where they are nothing yet; `ready`: they were filled from the ledger.
    """

    def __init__(self, epoch: str | None, *, ready: bool) -> None:
        """Keep what the counters are now."""
        super().__init__("found other counters than those that were counted with; they are made again from the ledger")
        self.epoch = epoch
        self.ready = ready


class RowRefused(GearshiftError):
    """Say that a row can never be written: it has a value that the store cannot hold."""

    code = "row_refused"


class LedgerUnavailable(GearshiftError):
    """Say that a call was not made, for it could not be counted: the ledger's disk takes nothing."""

    status = 503
    code = "ledger_unavailable"
    retry_after = 5.0


class InternalError(GearshiftError):
    """Say that our own code failed; the cause is in our log, under the exchange's id, not in the answer."""

    @classmethod
    def of(cls, cause: BaseException) -> InternalError:
        """Name the type of the cause only: its text may hold a prompt or a secret."""
        return cls(f"the gateway failed ({type(cause).__name__}); its log has the details under this exchange's id")


class ConfigError(GearshiftError):
    """Carry every fault found in a config, each as `key: what was found, what was expected`."""

    code = "config_invalid"

    def __init__(self, faults: list[str], *, source: str) -> None:
        """Join the faults under the name of their source."""
        self.faults = faults
        count = f"{len(faults)} fault" + ("s" if len(faults) != 1 else "")
        super().__init__("\n".join([f"{source}: {count}; nothing was started", *(f"  - {fault}" for fault in faults)]))


class DataError(GearshiftError):
    """Refuse outcome data, naming file, row and column."""

    code = "data_invalid"


class ArtifactError(GearshiftError):
    """Refuse a router artefact that is broken, tampered with or of another schema."""

    code = "artifact_invalid"
