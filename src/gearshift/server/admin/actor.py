"""Own who asks the admin API, and the words that many routes share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Depends, Query, Request

from gearshift.server.admin import roles
from gearshift.server.auth import CALLER
from gearshift.types.access import Caller


def actor(request: Request) -> Caller:
    """Give who asks, once it is known that the route is for them."""
    caller: Caller = request.scope[CALLER]
    roles.check(caller, request.scope["endpoint"].__name__)
    return caller


Actor: TypeAlias = Annotated[Caller, Depends(actor)]
Since: TypeAlias = Annotated[float, Query(ge=0, description="Seconds since the epoch.")]
Before: TypeAlias = Annotated[float | None, Query(ge=0, description="Seconds since the epoch; it is left out itself.")]
After: TypeAlias = Annotated[str, Query(max_length=100, description="The id that the list goes on behind.")]
