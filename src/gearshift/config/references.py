"""Own what a config's names may refer to: each kind of reference checks itself against the `Names` of its config.

The names come as the validation's context, so that a wrong reference is reported at its own key, beside every other
fault. Without a context (a section made in code) references are taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from gearshift.config.names import Names, is_glob, matches, suggestion
from gearshift.config.values import fault, show


def _unknown(found: str, expected: str, known: Iterable[str]) -> PydanticCustomError:
    return fault(f"found {show(found)}, expected {expected}{suggestion(found, known)}")


def _candidate(value: str, info: ValidationInfo) -> str:
    names: Names | None = info.context
    if names is None or any(matches(value, id_, model) for id_, model in names.deployments.items()):
        return value
    if _may_be_found(value, names):
        return value
    if is_glob(value):
        if value.count("[") != value.count("]"):
            raise fault(f"found {show(value)}, expected a glob whose brackets close")
        raise fault(f"found {show(value)}, which matches no model and no deployment; expected a glob that matches one")
    if value in names.models:  # its deployments have faults of their own
        return value
    raise _unknown(value, "a model, deployment or glob", (*names.models, *names.deployments))


def _may_be_found(value: str, names: Names) -> bool:
    """Say whether a candidate can mean a model that a server will be asked for."""
    if is_glob(value):
        return bool(names.discovering) and value.count("[") == value.count("]")
    return value.partition("/")[0] in names.discovering


def _target(value: str, info: ValidationInfo) -> str:
    names: Names | None = info.context
    if names is None or value in names.models or value in names.deployments:
        return value
    raise _unknown(value, "a model or deployment", (*names.models, *names.deployments))


def _route(value: str, info: ValidationInfo) -> str:
    names: Names | None = info.context
    if names is None or value in names.models or value in names.deployments or value in names.routers:
        return value
    raise _unknown(value, "a model, deployment or router", (*names.models, *names.deployments, *names.routers))


def _provider(value: str, info: ValidationInfo) -> str:
    names: Names | None = info.context
    if names is None or value in names.providers:
        return value
    if value in names.builtin:
        raise fault(f"found {show(value)}, which is built in but not declared; add `{value}: {{}}` under providers")
    raise _unknown(value, "a provider declared under providers", names.providers)


def _row(value: str, info: ValidationInfo) -> str:
    names: Names | None = info.context
    if names is None or value in names.builtin:
        return value
    raise _unknown(value, "a built-in provider", names.builtin)


Candidate: TypeAlias = Annotated[str, AfterValidator(_candidate)]
"""A model, a deployment, or a glob over both."""
Target: TypeAlias = Annotated[str, AfterValidator(_target)]
"""A model or a deployment."""
Route: TypeAlias = Annotated[str, AfterValidator(_route)]
"""A model, a deployment or a router."""
ProviderRef: TypeAlias = Annotated[str, AfterValidator(_provider)]
"""A declared provider."""
RowRef: TypeAlias = Annotated[str, AfterValidator(_row)]
"""A built-in provider."""
