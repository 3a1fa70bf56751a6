"""Own the routes of keys: made, shown, changed, rotated, revoked."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter

from gearshift.server.admin import roles
from gearshift.server.admin.actor import Actor, After
from gearshift.server.admin.desk import Desk
from gearshift.server.admin.forms import KeyChange, KeyForm, Rotation, key_document


def routes(desk: Desk) -> APIRouter:
    """Give the routes of keys."""
    router = APIRouter(prefix="/keys", tags=["keys"])
    _making(router, desk)
    _changing(router, desk)
    _ending(router, desk)
    return router


def _making(router: APIRouter, desk: Desk) -> None:
    directory = desk.directory

    @router.get("")
    def list_keys(after: After = "") -> dict[str, Any]:
        """List keys, without what opens anything."""
        return {"keys": [key_document(each) for each in directory.keys(after)]}

    @router.post("", status_code=201)
    def create_key(form: KeyForm, caller: Actor) -> dict[str, Any]:
        """Make a key; it is shown this once."""
        wanted = form.record()
        roles.check_grant(caller, wanted.role, wanted.scopes)
        made, key = directory.make_key(caller.id, wanted)
        desk.keyring.refresh()
        return key_document(made, key)

    @router.get("/{key_id}")
    def show_key(key_id: str) -> dict[str, Any]:
        """Show a key, without what opens anything."""
        return key_document(directory.key(key_id))


def _changing(router: APIRouter, desk: Desk) -> None:
    directory = desk.directory

    @router.patch("/{key_id}")
    def change_key(key_id: str, form: KeyChange, caller: Actor) -> dict[str, Any]:
        """Change what a key may do; what is left out stays."""
        former = directory.key(key_id)
        changes: dict[str, Any] = {name: getattr(form, name) for name in form.model_fields_set}
        if "user" in changes:
            changes["user_id"] = changes.pop("user")
        if form.scopes is not None:
            changes["scopes"] = form.scopes.scopes()
        if form.defaults is not None:
            changes["defaults"] = form.defaults.defaults()
        kept = {name: value for name, value in changes.items() if value is not None or name not in {"name", "role"}}
        changed = msgspec.structs.replace(former, **kept)
        roles.check_grant(caller, former.role, former.scopes)
        roles.check_grant(caller, changed.role, changed.scopes)
        made = directory.change_key(caller.id, changed)
        desk.keyring.refresh()
        return key_document(made)


def _ending(router: APIRouter, desk: Desk) -> None:
    directory = desk.directory

    @router.post("/{key_id}/rotate", status_code=201)
    def rotate_key(key_id: str, caller: Actor, form: Rotation | None = None) -> dict[str, Any]:
        """Make a key in the place of another; it is shown this once."""
        former = directory.key(key_id)
        roles.check_grant(caller, former.role, former.scopes)
        made, key = directory.rotate_key(caller.id, key_id, (form or Rotation()).grace_seconds)
        desk.keyring.refresh()
        return key_document(made, key)

    @router.post("/{key_id}/revoke")
    def revoke_key(key_id: str, caller: Actor) -> dict[str, Any]:
        """Let a key open nothing any more: here at once, within a second everywhere."""
        former = directory.key(key_id)
        roles.check_grant(caller, former.role, caller.scopes)
        made = directory.revoke_key(caller.id, key_id)
        desk.keyring.refresh()
        return key_document(made)
