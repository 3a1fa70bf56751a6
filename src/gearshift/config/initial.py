"""Own what Gearshift does without a config: the one that the keys in the environment stand for, live or as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from gearshift.config.loading import from_mapping
from gearshift.config.model import DEFAULT_ROUTER, Config
from gearshift.config.routers import BUILTIN, DEFAULT_TIER
from gearshift.config.rows import ProviderRow, builtin

SOURCE: Final = "the keys in the environment"

_HEAD: Final = """\
# gearshift.yaml, as `gearshift init` wrote it. Every key and its default: docs/reference/configuration.md
# Secrets are never written here: env:NAME and file:PATH say where they are.

server:
  host: 127.0.0.1                   # other hosts need keys
  port: 4000
  # keys: [env:GEARSHIFT_KEY]       # what callers must show
"""
_NO_KEYS: Final = """\
# None of these was set, so what follows is an example:
# {variables}.
# `gearshift serve` without a config starts the demo providers instead; they need no key and no network.
# Take the # away, fill in your own, and try `gearshift check`.
"""
_EXAMPLE: Final = """\
providers:
  ollama: {}                        # a built-in provider: its URL and protocol are known
  lab: {protocol: openai_chat, base_url: http://127.0.0.1:9001/v1, key: env:LAB_KEY}

models:
  small:
    context_window: 32000
    capabilities: [tools, json_object]
    deployments:
      - {provider: ollama, name: "qwen3:8b", price: 0}
  large:
    deployments:
      - {provider: lab, name: large-v1, price: {input: 0.50, output: 2.00}}   # USD per million tokens
"""


def from_environment(environ: Mapping[str, str], *, known: Mapping[str, ProviderRow] | None = None) -> Config | None:
    """Make a config of the providers whose conventional key is set; None when there is none.

    Each serves the models of its row, and the router `auto` chooses among all of them with the objective
    `{cost_tier: medium}`.
    """
    document = _document(environ, builtin() if known is None else known)
    if document is None:
        return None
    return from_mapping(document, source=SOURCE, environ=environ, known=known)


def render_initial(environ: Mapping[str, str]) -> str:
    """Write the file that `gearshift init` saves: of the keys found, else an example as comments."""
    document = _document(environ, builtin())
    if document is None:
        variables = ", ".join(row.key_env[0] for row in builtin().values() if row.models)
        example = _EXAMPLE + "\n" + _routers(["small", "large"], fallback="large")
        return _HEAD + "\n" + _NO_KEYS.format(variables=variables) + "\n" + _commented(example)
    providers = "".join(f"  {name}: {{key: {stated['key']}}}\n" for name, stated in document["providers"].items())
    models = "".join(
        f"  {_scalar(name)}: {{deployments: [{', '.join(_deployment(each) for each in stated['deployments'])}]}}\n"
        for name, stated in document["models"].items()
    )
    auto = document["routers"][DEFAULT_ROUTER]
    return "\n".join(
        [
            _HEAD,
            f"providers:\n{providers}",
            f"models:                             # prices and capabilities come from the catalogue\n{models}",
            _routers(auto["candidates"], fallback=auto["fallback"]),
        ]
    )


def _document(environ: Mapping[str, str], table: Mapping[str, ProviderRow]) -> dict[str, Any] | None:
    """Make the config, as plain data, of the providers whose key is set."""
    keys = {name: [each for each in row.key_env if environ.get(each)] for name, row in table.items() if row.models}
    found = {name: variables[0] for name, variables in keys.items() if variables}
    if not found:
        return None
    models: dict[str, dict[str, list[dict[str, str]]]] = {}
    for provider in found:
        for model in table[provider].models:
            models.setdefault(model, {"deployments": []})["deployments"].append({"provider": provider})
    auto = {
        "candidates": list(models),
        "objective": {"cost_tier": DEFAULT_TIER},
        "fallback": next(iter(models)),
    }
    return {
        "providers": {provider: {"key": f"env:{variable}"} for provider, variable in found.items()},
        "models": models,
        "routers": {DEFAULT_ROUTER: auto},
    }


def _routers(candidates: list[str], *, fallback: str) -> str:
    listed = "".join(f"      - {_scalar(candidate)}\n" for candidate in candidates)
    return (
        f"routers:\n  {DEFAULT_ROUTER}:\n    candidates:\n{listed}"
        f"    predictor: {BUILTIN}              # or the directory of an artefact of `gearshift train`\n"
        f"    objective: {{cost_tier: {DEFAULT_TIER}}}   # low, medium, high, xhigh, max\n"
        f"    fallback: {_scalar(fallback)}   # answers when deciding itself fails\n"
    )


def _deployment(stated: Mapping[str, str]) -> str:
    return f"{{provider: {_scalar(stated['provider'])}}}"


def _scalar(text: str) -> str:
    """Write a text as YAML, in quotes unless it surely needs none."""
    return text if text.replace("-", "").replace("/", "").replace("_", "").isalpha() else json.dumps(text)


def _commented(text: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())
