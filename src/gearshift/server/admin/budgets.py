"""Own the routes of budgets and limits: made, looked at, changed, ended."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from gearshift import budgeting
from gearshift.errors import InvalidRequest
from gearshift.server.admin.actor import Actor
from gearshift.server.admin.desk import Desk
from gearshift.server.admin.forms import BudgetChange, BudgetForm, budget_document
from gearshift.types.catalog import NANO_PER_USD


def routes(desk: Desk) -> APIRouter:
    """Give the routes of budgets."""
    router, book = APIRouter(prefix="/budgets", tags=["budgets"]), desk.book

    @router.get("")
    async def list_budgets() -> dict[str, Any]:
        """List limits, and where each stands now."""
        now = desk.wall_clock()
        found = await desk.purse.standings()
        shown = [budget_document(each, standing, budgeting.resets_in(each, now)) for each, standing in found]
        return {"budgets": shown}

    @router.post("", status_code=201)
    def create_budget(form: BudgetForm, caller: Actor) -> dict[str, Any]:
        """Make a limit; what was used in its window already counts."""
        made = book.make(caller.id, form.limit())
        desk.keyring.refresh()
        return budget_document(made)

    @router.patch("/{budget_id}")
    def change_budget(budget_id: str, form: BudgetChange, caller: Actor) -> dict[str, Any]:
        """Raise or lower a limit; what was counted stays."""
        former = book.limit(budget_id)
        if (former.unit == "usd") != (form.usd is not None) or (former.unit == "usd") == (form.amount is not None):
            expected = "usd" if former.unit == "usd" else "amount"
            raise InvalidRequest(f"expected {expected}, for the limit is of {former.unit}", param=expected)
        amount = round(form.usd * NANO_PER_USD) if form.usd is not None else form.amount or 0
        made = book.change(caller.id, budget_id, amount)
        desk.keyring.refresh()
        return budget_document(made)

    @router.delete("/{budget_id}")
    def delete_budget(budget_id: str, caller: Actor) -> dict[str, Any]:
        """Let a limit hold no more."""
        book.end(caller.id, budget_id)
        desk.keyring.refresh()
        return {"deleted": budget_id}

    return router
