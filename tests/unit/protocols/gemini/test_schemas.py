from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.protocols.gemini.schemas import to_json_schema


def converted(schema: object) -> bytes:
    return bytes(to_json_schema(Raw(json.dumps(schema).encode())))


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "STRING"}, {"type": "string"}),
        (
            {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}, "required": ["a"]},
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
        ),
        ({"type": "ARRAY", "items": {"type": "NUMBER"}}, {"type": "array", "items": {"type": "number"}}),
        (
            {"anyOf": [{"type": "BOOLEAN"}, {"type": "STRING"}]},
            {"anyOf": [{"type": "boolean"}, {"type": "string"}]},
        ),
        ({"any_of": [{"type": "BOOLEAN"}]}, {"anyOf": [{"type": "boolean"}]}),
        (
            {"type": "OBJECT", "additionalProperties": {"type": "STRING"}},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ),
        ({"$defs": {"A": {"type": "STRING"}}}, {"$defs": {"A": {"type": "string"}}}),
    ],
)
def test_types_are_in_lower_case_at_every_depth(schema: object, told: object) -> None:
    assert json.loads(converted(schema)) == told


@pytest.mark.parametrize(("nullable", "told"), [(True, ["string", "null"]), (False, "string")])
def test_what_is_nullable_is_also_of_type_null(nullable: bool, told: object) -> None:
    assert json.loads(converted({"type": "STRING", "nullable": nullable})) == {"type": told}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("max_items", "maxItems"),
        ("min_items", "minItems"),
        ("max_length", "maxLength"),
        ("min_length", "minLength"),
        ("property_ordering", "propertyOrdering"),
    ],
)
def test_keywords_in_snake_case_are_known(name: str, told: str) -> None:
    assert json.loads(converted({"type": "STRING", name: 2})) == {"type": "string", told: 2}


def test_properties_may_be_named_like_keywords() -> None:
    schema = {"type": "OBJECT", "properties": {"type": {"type": "STRING"}, "nullable": {"type": "STRING"}}}
    told = {"type": "object", "properties": {"type": {"type": "string"}, "nullable": {"type": "string"}}}
    assert json.loads(converted(schema)) == told


@pytest.mark.parametrize("name", ["default", "example", "enum", "title"])
def test_values_are_no_schemas(name: str) -> None:
    value = {"type": "STRING", "nullable": True}
    assert json.loads(converted({"type": "OBJECT", name: value})) == {"type": "object", name: value}


@pytest.mark.parametrize(
    "spoken",
    [
        b'{ "type" : "object",\n "properties":{"a":{"type":["string","null"]}}, "maximum":1.50 }',
        b'{"$ref":"#/$defs/A","additionalProperties":false,"anyOf":[true]}',
        b"{}",
    ],
)
def test_a_json_schema_stays_byte_for_byte(spoken: bytes) -> None:
    assert bytes(to_json_schema(Raw(spoken))) == spoken
