"""Own what the admin API is told, and what it says: checked on the way in, without secrets on the way out."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gearshift import documents
from gearshift.storage.usage import Usage
from gearshift.types.access import Defaults, Role, Scopes
from gearshift.types.budget import Limit, Standing
from gearshift.types.catalog import NANO_PER_USD
from gearshift.types.directory import KeyRecord

Name = Annotated[str, Field(min_length=1, max_length=200)]
Globs = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=100)]
Usd = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Moment = Annotated[float, Field(ge=0, le=32_503_680_000, allow_inf_nan=False)]
"""Seconds since the epoch, until the year 3000."""


class Form(BaseModel):
    """Be told nothing that is not known."""

    model_config = ConfigDict(extra="forbid")


class ScopesForm(Form):
    """Say what a key may use, as globs; what is left out is everything."""

    models: Globs | None = None
    routers: Globs | None = None
    routes: Globs | None = None
    providers: Globs | None = None

    def scopes(self) -> Scopes:
        """Give the noun."""
        return Scopes(**{name: None if value is None else tuple(value) for name, value in self})


class DefaultsForm(Form):
    """Say what counts where a request says nothing."""

    max_cost_usd: Usd | None = None
    cost_tier: Annotated[str, Field(pattern="^(low|medium|high|xhigh|max)$")] | None = None
    content: bool = False
    explore: bool = True

    def defaults(self) -> Defaults:
        """Give the noun."""
        most = None if self.max_cost_usd is None else round(self.max_cost_usd * NANO_PER_USD)
        return Defaults(max_cost=most, cost_tier=self.cost_tier, content=self.content, explore=self.explore)


class KeyForm(Form):
    """Say what a new key is to be."""

    name: Name
    role: Role = "caller"
    team: Name | None = None
    user: Name | None = None
    scopes: ScopesForm = ScopesForm()
    defaults: DefaultsForm = DefaultsForm()
    expires: Moment | None = None

    def record(self) -> KeyRecord:
        """Give the noun, which has no id yet."""
        return KeyRecord(
            id="",
            name=self.name,
            prefix="",
            role=self.role,
            team=self.team,
            user_id=self.user,
            scopes=self.scopes.scopes(),
            defaults=self.defaults.defaults(),
            created=0.0,
            expires=self.expires,
        )


class KeyChange(Form):
    """Say what of a key is to change; what is left out stays."""

    name: Name | None = None
    role: Role | None = None
    team: Name | None = None
    user: Name | None = None
    scopes: ScopesForm | None = None
    defaults: DefaultsForm | None = None
    expires: Moment | None = None


class Rotation(Form):
    """Say for how many seconds the old key goes on."""

    grace_seconds: Annotated[float, Field(ge=0, le=2_592_000, allow_inf_nan=False)] = 0.0


class TeamForm(Form):
    """Say what a new team is to be."""

    name: Name


class UserForm(Form):
    """Say what a new user is to be."""

    name: Name
    role: Role = "caller"
    email: Annotated[str, Field(max_length=320)] | None = None
    team: Name | None = None


class BudgetForm(Form):
    """Say what is limited: exactly one of `usd` and `amount`, as `unit` asks for."""

    scope: Annotated[str, Field(pattern="^(all|key|team|user|router|model|provider|tag)$")]
    value: Annotated[str, Field(max_length=200)] = ""
    unit: Annotated[str, Field(pattern="^(usd|requests|input_tokens|output_tokens|concurrent)$")] = "usd"
    usd: Usd | None = None
    amount: Annotated[int, Field(ge=0, le=2**53, strict=True)] | None = None
    per: Annotated[str, Field(pattern="^(minute|hour|day|week|month)$")] | None = None
    rolling: bool = False
    mode: Annotated[str, Field(pattern="^(strict|elastic)$")] = "elastic"
    on_loss: Annotated[str, Field(pattern="^(closed|open)$")] = "closed"

    @model_validator(mode="after")
    def _coherent(self) -> BudgetForm:
        if (self.scope == "all") == bool(self.value):
            raise ValueError("value: expected none with the scope all, and one with every other")
        if self.scope == "tag" and "=" not in self.value:
            raise ValueError("value: expected a tag as name=value")
        if (self.unit == "usd") != (self.usd is not None) or (self.unit == "usd") == (self.amount is not None):
            raise ValueError("expected usd where the unit is usd, and amount where it is another")
        if (self.unit == "concurrent") == (self.per is not None):
            raise ValueError("per: expected minute, hour, day, week or month, and nothing where the unit is concurrent")
        return self

    def limit(self) -> Limit:
        """Give the noun, which has no id yet."""
        amount = self.amount if self.usd is None else round(self.usd * NANO_PER_USD)
        said = {"kind": self.scope, "scope": self.value, "unit": self.unit, "amount": amount, "period": self.per}
        return msgspec.convert(
            {"id": "", **said, "calendar": not self.rolling, "mode": self.mode, "on_loss": self.on_loss}, Limit
        )


class BudgetChange(Form):
    """Say how much it is to be from now on."""

    usd: Usd | None = None
    amount: Annotated[int, Field(ge=0, le=2**53, strict=True)] | None = None


def budget_document(limit: Limit, standing: Standing | None = None, resets_in: float | None = None) -> dict[str, Any]:
    """Show a limit and, where it is known, where it stands; money in US dollars."""

    def shown(amount: int) -> float | int | None:
        return documents.usd(amount) if limit.unit == "usd" else amount

    told: dict[str, Any] = {
        "id": limit.id,
        "scope": limit.kind,
        "value": limit.scope,
        "unit": limit.unit,
        "limit": shown(limit.amount),
        "per": limit.period,
        "rolling": not limit.calendar,
        "mode": limit.mode,
        "on_loss": limit.on_loss,
        "created": limit.created,
    }
    if standing is not None:
        told |= {"used": shown(standing.used), "held": shown(standing.held), "left": shown(standing.left)}
        told["resets_in_s"] = resets_in
    return told


def key_document(record: KeyRecord, key: str | None = None) -> dict[str, Any]:
    """Show a key; `key` is there the only time that it is given out."""
    defaults = record.defaults
    return {
        "id": record.id,
        "name": record.name,
        **({} if key is None else {"key": key}),
        "prefix": record.prefix,
        "role": record.role,
        "team": record.team,
        "user": record.user_id,
        "scopes": {name: getattr(record.scopes, name) for name in record.scopes.__struct_fields__},
        "defaults": {
            "max_cost_usd": documents.usd(defaults.max_cost),
            "cost_tier": defaults.cost_tier,
            "content": defaults.content,
            "explore": defaults.explore,
        },
        "created": record.created,
        "expires": record.expires,
        "revoked": record.revoked,
    }


def usage_document(found: Usage) -> dict[str, Any]:
    """Show what was used; money in US dollars."""
    return {
        **found.group,
        "attempts": found.attempts,
        "exchanges": found.exchanges,
        "input_tokens": found.input_tokens,
        "output_tokens": found.output_tokens,
        "cache_read_tokens": found.cache_read_tokens,
        "cache_write_tokens": found.cache_write_tokens,
        "reasoning_tokens": found.reasoning_tokens,
        "cost_usd": documents.usd(found.cost),
        "estimated_attempts": found.estimated,
        "unknown_attempts": found.unknown,
        "unknown_at_most_usd": documents.usd(found.bound),
    }
