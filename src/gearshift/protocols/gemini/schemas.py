"""Own the schemas of Gemini's `Schema`, an older subset of OpenAPI, as JSON schemas.

Source: the Gemini API reference, "Caching", `Schema` (2026-11): types are in capitals, `nullable` stands beside them.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

_LISTS: Final = ("anyOf",)
_MAPS: Final = ("properties", "$defs")
_ONE: Final = ("items", "additionalProperties")
_NUMBERS: Final = ("maxItems", "minItems", "maxLength", "minLength", "maxProperties", "minProperties")
_NAMES: Final = {
    "additional_properties": "additionalProperties",
    "any_of": "anyOf",
    "max_properties": "maxProperties",
    "min_properties": "minProperties",
    "max_items": "maxItems",
    "min_items": "minItems",
    "max_length": "maxLength",
    "min_length": "minLength",
    "property_ordering": "propertyOrdering",
}


def to_json_schema(raw: Raw) -> Raw:
    """Give a schema with the words of JSON Schema; one that has them already stays as it is, byte for byte."""
    said = msgspec.json.decode(raw)
    told = _convert(said)
    return raw if told == said else Raw(msgspec.json.encode(told))


def _convert(schema: object) -> object:
    if not isinstance(schema, dict):
        return schema
    told: dict[str, object] = {}
    for key, value in schema.items():
        name = str(_NAMES.get(key, key))
        if name == "type" and isinstance(value, str):
            told[name] = value.lower()
        elif name in _LISTS and isinstance(value, list):
            told[name] = [_convert(each) for each in value]
        elif name in _MAPS and isinstance(value, dict):
            told[name] = {inner: _convert(each) for inner, each in value.items()}
        elif name in _ONE:
            told[name] = _convert(value)
        elif name in _NUMBERS and isinstance(value, str) and value.isdecimal():
            told[name] = int(value)  # Google writes 64-bit numbers as strings
        elif name != "nullable":
            told[name] = value
    return _with_null(told) if schema.get("nullable") is True else told


def _with_null(schema: dict[str, object]) -> dict[str, object]:
    """Allow null, as JSON Schema says it."""
    kind, choices, either = schema.get("type"), schema.get("enum"), schema.get("anyOf")
    if isinstance(kind, str):
        schema["type"] = [kind, "null"]
    if isinstance(choices, list) and None not in choices:
        schema["enum"] = [*choices, None]
    if isinstance(either, list):
        schema["anyOf"] = [*either, {"type": "null"}]
    return {"anyOf": [schema, {"type": "null"}]} if "$ref" in schema else schema
