"""Own what a call is told to do: the caller's request, and how the gateway words the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from gearshift.errors import GearshiftError
from gearshift.execution.metering import Meter
from gearshift.execution.outlet import Headers
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.voice import Voice
from gearshift.types.decision import Decision
from gearshift.types.embedding import Asked
from gearshift.types.ledger import Payer
from gearshift.types.record import Attempt


class Order(Protocol):
    """Be what the gateway wants done, and how it words the answer."""

    request: Asked
    body: bytes
    codec: Voice
    decision: Decision
    exchange_id: str
    began: float
    attempts: list[Attempt]
    draining: list[asyncio.Task[None]]
    """What reads on for the usage of attempts whose caller left; each is appended when that is done."""
    spoken: int
    """The number of the stream's next event, where the caller's protocol numbers them."""

    @property
    def payer(self) -> Payer:
        """Give on whose behalf it is; the decision must have been taken."""
        ...

    @property
    def passed_on(self) -> Mapping[str, str]:
        """Give the caller's headers that an upstream of the same protocol is told too."""
        ...

    def head(self, attempt: Attempt | Meter) -> Headers:
        """Give the head of a good answer: of a finished attempt, or of one that has begun to stream."""
        ...

    def early_head(self) -> Headers:
        """Give the head of a stream of which it is not known yet who answers."""
        ...

    def edits(self, attempt: Attempt) -> ResponseEdits:
        """Give what is added to a good answer, once it is metered."""
        ...

    def cancelled(self) -> GearshiftError:
        """Say why the exchange was cancelled."""
        ...
