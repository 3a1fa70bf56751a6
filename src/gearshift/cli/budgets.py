"""Own `gearshift budgets`: limits of money, requests and tokens, at a running gateway."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gearshift.cli.client import File, Url, client
from gearshift.cli.printing import AsJson, as_text

budgets = typer.Typer(name="budgets", help="Budgets and limits: make, list, change and end them.", no_args_is_help=True)
_Id = Annotated[str, typer.Argument(metavar="ID", help="The budget's id.")]
_Usd = Annotated[float | None, typer.Option(help="US dollars.")]
_Amount = Annotated[int | None, typer.Option(help="Requests or tokens, as --unit says.")]


@budgets.command("create")
def create(
    scope: Annotated[str, typer.Option(help="all, key, team, user, router, model, provider or tag.")],
    value: Annotated[str, typer.Option(help="Whose: a key's id, a team, ..., a tag as name=value.")] = "",
    unit: Annotated[str, typer.Option(help="usd, requests, input_tokens, output_tokens or concurrent.")] = "usd",
    usd: _Usd = None,
    amount: _Amount = None,
    per: Annotated[str | None, typer.Option(help="minute, hour, day, week or month.")] = None,
    rolling: Annotated[bool, typer.Option("--rolling", help="The last one, not the calendar's.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Hold the most that a call can use: never over.")] = False,
    fail_open: Annotated[bool, typer.Option("--fail-open", help="Let requests pass while counts are away.")] = False,
    url: Url = None,
    config: File = None,
    as_json: AsJson = False,
) -> None:
    """Make a limit; what was used in its window already counts."""
    form = {
        "scope": scope,
        "value": value,
        "unit": unit,
        "usd": usd,
        "amount": amount,
        "per": per,
        "rolling": rolling,
        "mode": "strict" if strict else "elastic",
        "on_loss": "open" if fail_open else "closed",
    }
    made = client(url, config).post("/budgets", {name: each for name, each in form.items() if each is not None})
    typer.echo(as_text(made) if as_json else f"{made['id']}  {_told(made)}")


@budgets.command("list")
def list_budgets(url: Url = None, config: File = None, as_json: AsJson = False) -> None:
    """List limits, and where each stands."""
    found = client(url, config).get("/budgets")["budgets"]
    if as_json:
        typer.echo(as_text(found))
        return
    for each in found:
        typer.echo(f"{each['id']}  {_told(each)}: {each['used']} used, {each['held']} held, {each['left']} left")


@budgets.command("update")
def update(
    budget_id: _Id,
    usd: _Usd = None,
    amount: _Amount = None,
    url: Url = None,
    config: File = None,
    as_json: AsJson = False,
) -> None:
    """Raise or lower a limit; what was counted stays."""
    said = {name: each for name, each in (("usd", usd), ("amount", amount)) if each is not None}
    made = client(url, config).patch(f"/budgets/{budget_id}", said)
    typer.echo(as_text(made) if as_json else f"{made['id']}  {_told(made)}")


@budgets.command("delete")
def delete(budget_id: _Id, url: Url = None, config: File = None, as_json: AsJson = False) -> None:
    """Let a limit hold no more."""
    made = client(url, config).delete(f"/budgets/{budget_id}")
    typer.echo(as_text(made) if as_json else f"deleted {made['deleted']}")


def _told(limit: dict[str, Any]) -> str:
    whose = limit["scope"] if limit["scope"] == "all" else f"{limit['scope']} {limit['value']}"
    when = f" a {limit['per']}{' (rolling)' if limit['rolling'] else ''}" if limit["per"] else ""
    return f"{whose}: {limit['limit']} {limit['unit']}{when}, {limit['mode']}"
