"""Own `gearshift keys`: made, listed, rotated and revoked, at a running gateway or, where none runs, in its store."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from gearshift.cli import stretch
from gearshift.cli.client import File, NoGateway, Url, client
from gearshift.cli.inspect import find_config
from gearshift.cli.printing import AsJson, as_text

keys = typer.Typer(name="keys", help="Virtual keys: make, list, rotate and revoke them.", no_args_is_help=True)
_Globs = Annotated[list[str] | None, typer.Option(help="What it may use, as a glob; may be said several times.")]
_Id = Annotated[str, typer.Argument(metavar="ID", help="The key's id.")]


@keys.command("create")
def create(
    name: Annotated[str, typer.Option(help="What it is for.")],
    role: Annotated[str, typer.Option(help="caller, viewer, operator or admin.")] = "caller",
    team: Annotated[str | None, typer.Option(help="The team that it belongs to.")] = None,
    user: Annotated[str | None, typer.Option(help="The user that it belongs to.")] = None,
    model: _Globs = None,
    router: _Globs = None,
    provider: _Globs = None,
    route: _Globs = None,
    max_cost: Annotated[float | None, typer.Option(help="US dollars that a request may cost.")] = None,
    expires: Annotated[str | None, typer.Option(help="After how long it opens nothing, such as 90d.")] = None,
    url: Url = None,
    config: File = None,
    as_json: AsJson = False,
) -> None:
    """Make a key; it is shown this once."""
    scopes = {"models": model, "routers": router, "providers": provider, "routes": route}
    form: dict[str, Any] = {
        "name": name,
        "role": role,
        "team": team,
        "user": user,
        "scopes": {what: globs for what, globs in scopes.items() if globs},
        "defaults": {} if max_cost is None else {"max_cost_usd": max_cost},
        "expires": time.time() + stretch.seconds(expires, "--expires") if expires else None,
    }
    try:
        made = client(url, config).post("/keys", form)
    except NoGateway:
        if url is not None:
            raise
        made = _in_the_store(form, config)
    if as_json:
        typer.echo(as_text(made))
    else:
        typer.echo(f"{made['key']}\n\nThis is {made['id']} ({made['name']}). It is not shown again: keep it now.")


@keys.command("list")
def list_keys(url: Url = None, config: File = None, as_json: AsJson = False) -> None:
    """List keys, without what opens anything."""
    found = client(url, config).get("/keys")["keys"]
    if as_json:
        typer.echo(as_text(found))
        return
    for each in found:
        state = "revoked" if each["revoked"] else "expires" if each["expires"] else "valid"
        typer.echo(f"{each['id']}  {each['prefix']}...  {each['role']:<8}  {state:<8}  {each['name']}")


@keys.command("rotate")
def rotate(
    key_id: _Id,
    grace: Annotated[str, typer.Option(help="How long the old one goes on, such as 1h.")] = "0s",
    url: Url = None,
    config: File = None,
    as_json: AsJson = False,
) -> None:
    """Make a key in the place of another."""
    made = client(url, config).post(f"/keys/{key_id}/rotate", {"grace_seconds": stretch.seconds(grace, "--grace")})
    typer.echo(as_text(made) if as_json else made["key"])


@keys.command("revoke")
def revoke(key_id: _Id, url: Url = None, config: File = None, as_json: AsJson = False) -> None:
    """Let a key open nothing any more, within a second on every gateway of the store."""
    made = client(url, config).post(f"/keys/{key_id}/revoke", {})
    typer.echo(as_text(made) if as_json else f"revoked {made['id']} ({made['name']})")


def _in_the_store(form: dict[str, Any], config: File) -> dict[str, Any]:
    """Make a key where no gateway runs: the next one that opens the store knows it."""
    from gearshift.server.admin.forms import KeyForm, key_document
    from gearshift.storage.directory import Directory
    from gearshift.storage.opening import open_database

    database = open_database(find_config(config).store)
    try:
        made, key = Directory(database, time.time).make_key("command line", KeyForm(**form).record())
    finally:
        database.close()
    return key_document(made, key)
