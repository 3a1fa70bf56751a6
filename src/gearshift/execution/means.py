"""Own what every call needs: the client, the codecs, the credentials, the clocks.

Invariant: it is the same for all calls of a config; nothing of one call is kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from gearshift.execution.allowance import Allowance, Unlimited
from gearshift.execution.books import Books, Unkept
from gearshift.execution.credentials import Credentials
from gearshift.execution.draining import Drains
from gearshift.execution.embedding import EmbeddingInterpreter
from gearshift.execution.fetching import Fetcher
from gearshift.execution.interpreter import Interpreter
from gearshift.execution.order import Order
from gearshift.execution.upstream import Upstream
from gearshift.protocols.codec import Codec
from gearshift.protocols.crossing import Stamp
from gearshift.protocols.namespaces import Namespaces
from gearshift.types.catalog import Deployment
from gearshift.types.embedding import EmbeddingRequest


class Means(Struct, frozen=True, kw_only=True):
    """Hold what every call needs; `clock` is monotonic, in seconds, `wall_clock` in seconds since the epoch.

    `fetcher` is None where what callers name by URL is never fetched. `drains` read on for callers who left, `books`
    are told of every call before it is made, and of its end before the answer's; `allowance` holds what
    it needs.
    """

    upstream: Upstream
    codecs: Mapping[str, Codec]
    credentials: Credentials
    fetcher: Fetcher | None = None
    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    drains: Drains = field(default_factory=Drains)
    books: Books = field(default_factory=Unkept)
    allowance: Allowance = field(default_factory=Unlimited)

    def interpreter(self, order: Order, deployment: Deployment) -> Interpreter | EmbeddingInterpreter:
        """Give who stands between the caller of `order` and `deployment`."""
        match order.request:
            case EmbeddingRequest() as request:
                return EmbeddingInterpreter(order, request, deployment)
            case request:
                stamp = Stamp(order.exchange_id, int(self.wall_clock()), Namespaces(request.tools))
                return Interpreter(order, request, deployment, self.codecs, stamp)
