"""Own the routes of `/admin/v1`. Each is short: the role is checked, the form is checked, somebody else does it.

Every list is bounded. Errors are `{"error": {"code", "message", "param"}}`, as the errors of the inference routes are.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gearshift import __version__, documents
from gearshift.errors import GearshiftError, InvalidRequest, RouteNotFound, UnknownExchange
from gearshift.server.admin import budgets, keys
from gearshift.server.admin.actor import Actor, After, Before, Since, actor
from gearshift.server.admin.desk import Desk
from gearshift.server.admin.forms import TeamForm, UserForm, usage_document
from gearshift.server.views import generation
from gearshift.storage.history import FILTERS, exchanges
from gearshift.storage.usage import usage
from gearshift.types.directory import User

MAX_DIMENSIONS = 5
MAX_FAULTS = 20


def build(desk: Desk) -> FastAPI:
    """Make the app."""
    app = FastAPI(
        title="Gearshift admin API",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(actor)],
    )
    for router in (keys.routes(desk), budgets.routes(desk), _people(desk), _traffic(desk), _state(desk), _config(desk)):
        app.include_router(router, prefix="/admin/v1")

    @app.get("/openapi.json", include_in_schema=False)
    def openapi(_caller: Actor) -> dict[str, Any]:
        return app.openapi()

    app.add_exception_handler(GearshiftError, _ours)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _lost)
    return app


def _people(desk: Desk) -> APIRouter:
    router, directory = APIRouter(tags=["teams and users"]), desk.directory

    @router.get("/teams")
    def list_teams(after: After = "") -> dict[str, Any]:
        """List teams."""
        return {"teams": [msgspec.to_builtins(each) for each in directory.teams(after)]}

    @router.post("/teams", status_code=201)
    def create_team(form: TeamForm, caller: Actor) -> dict[str, Any]:
        """Make a team, whose keys share budgets."""
        made: dict[str, Any] = msgspec.to_builtins(directory.make_team(caller.id, form.name))
        return made

    @router.get("/users")
    def list_users(after: After = "") -> dict[str, Any]:
        """List users."""
        return {"users": [msgspec.to_builtins(each) for each in directory.users(after)]}

    @router.post("/users", status_code=201)
    def create_user(form: UserForm, caller: Actor) -> dict[str, Any]:
        """Make a user."""
        wanted = User(id="", name=form.name, role=form.role, email=form.email, team=form.team, created=0.0)
        made: dict[str, Any] = msgspec.to_builtins(directory.make_user(caller.id, wanted))
        return made

    @router.get("/audit")
    def list_changes(before: Before = None) -> dict[str, Any]:
        """List who changed what, newest first."""
        return {"changes": [msgspec.to_builtins(each) for each in directory.changes(before)]}

    return router


def _traffic(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["traffic"])

    @router.get("/usage")
    def show_usage(request: Request, by: str = "", since: Since = 0.0, until: Before = None) -> dict[str, Any]:
        """Sum up what was used, by any dimensions, dearest first; any of these is also a filter (`model=gpt-5.5`)."""
        dimensions = [each for each in by.split(",") if each]
        if len(dimensions) > MAX_DIMENSIONS:
            raise InvalidRequest(
                f"by: found {len(dimensions)} dimensions, expected at most {MAX_DIMENSIONS}", param="by"
            )
        where = {name: value for name, value in request.query_params.items() if name not in {"by", "since", "until"}}
        sums = usage(desk.database, by=dimensions, since=since, until=until, where=where)
        return {"usage": [usage_document(each) for each in sums]}

    @router.get("/exchanges")
    def list_exchanges(
        request: Request, since: Since = 0.0, before: Before = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
    ) -> dict[str, Any]:
        """List exchanges, newest first; filters are the fields of an exchange (`router=auto`)."""
        where = {name: value for name, value in request.query_params.items() if name in FILTERS}
        unknown = set(request.query_params) - set(FILTERS) - {"since", "before", "limit"}
        if unknown:
            raise InvalidRequest(
                f"found the filters {', '.join(sorted(unknown))[:100]}, expected some of {', '.join(FILTERS)}"
            )
        rows = exchanges(desk.database, since=since, before=before, limit=limit, where=where)
        return {"exchanges": [{**generation(each), "decision": None, "attempts": None} for each in rows]}

    @router.get("/exchanges/{exchange_id}")
    def show_exchange(exchange_id: str) -> dict[str, Any]:
        """Show one exchange, with its decision and its attempts."""
        desk.store.flush(2.0)
        row = desk.store.exchange(exchange_id)
        if row is None:
            raise UnknownExchange(f"found no exchange {exchange_id[:100]!r} in the log")
        shown: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(generation(row)))
        return {**shown, "key": row.key, "prompt": row.prompt, "answer": row.answer}

    return router


def _state(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["state"])

    @router.get("/whoami")
    def whoami(caller: Actor) -> dict[str, Any]:
        """Say who asks."""
        return {"id": caller.id, "name": caller.name, "role": caller.role, "team": caller.team}

    @router.get("/deployments")
    def list_deployments() -> dict[str, Any]:
        """List who can be called, at which price, and how each is doing."""
        return {"deployments": desk.gateway().state()}

    @router.get("/routers")
    def list_routers() -> dict[str, Any]:
        """List routers: what each chooses among, by which objective, policy and predictor."""
        routers = desk.gateway().world.routers.routers.values()
        return {
            "routers": [
                {
                    "name": each.name,
                    "deployments": [deployment.id for deployment in each.deployments],
                    "objective": documents.objective(each.objective),
                    "policy": each.policy.name,
                    "predictor": each.predictor.version if each.predictor is not None else None,
                }
                for each in routers
            ]
        }

    return router


def _config(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["config"])

    @router.get("/config")
    def show_config() -> dict[str, Any]:
        """Show the effective config; secrets are references."""
        return {"version": desk.gateway().world.version, "config": dict(desk.config())}

    @router.delete("/cache")
    async def purge_cache(_caller: Actor) -> dict[str, Any]:
        """Forget all answers that are kept."""
        return {"purged": desk.cache.purge()}

    @router.post("/reload")
    async def reload(_caller: Actor) -> dict[str, Any]:
        """Read the config and artefacts again; a fault leaves everything as it was."""
        if desk.reload is None:
            raise InvalidRequest("found no config file to read again: this gateway was started without one")
        faults = await desk.reload()
        if faults:
            raise InvalidRequest("; ".join(faults))
        return {"reloaded": True, "version": desk.gateway().world.version}

    return router


def _error(status: int, code: str, message: str, param: str | None = None) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message, "param": param}}, status_code=status)


def _ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, GearshiftError)  # noqa: S101 - what it is registered for
    return _error(error.status, error.code, error.message, getattr(error, "param", None))


def _malformed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    told = [
        f"{'.'.join(str(step) for step in each['loc'][1:]) or 'body'}: {each['msg']}" for each in error.errors()[:20]
    ]
    first = error.errors()[0]["loc"] if error.errors() else ()
    return _error(400, InvalidRequest.code, "; ".join(told), ".".join(map(str, first[1:])) or None)


def _lost(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    found = f"found {request.method} {request.url.path[:100]}, expected a route of /openapi.json"
    return _error(error.status_code, RouteNotFound.code, found)
