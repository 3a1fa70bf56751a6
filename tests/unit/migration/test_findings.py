"""What is told never shows a secret, and keeps the order of the file."""

from __future__ import annotations

import pytest

from gearshift.migration.findings import Finding, Findings, Reason, Spot, place, shown, spelled

WHY = Reason("because", "do this")


def test_what_was_left_is_told_in_the_order_of_the_file() -> None:
    findings = Findings()
    for path in (("second", "a"), ("first", 11, "x"), ("first", 2), ("first",), ("nowhere",)):
        findings.leave(path, "it", WHY)

    told = findings.not_carried(["first", "second"])

    assert [each.where for each in told] == ["first", "first[2]", "first[11].x", "second.a", "nowhere"]
    assert told[0] == Finding(where="first", found="it", why="because", do="do this")


def test_a_finding_has_its_line_where_that_is_known() -> None:
    findings = Findings()
    findings.leave(("a", 0), "it", WHY)

    (unknown,) = findings.not_carried(["a"])
    (known,) = findings.not_carried(["a"], lambda path: Spot(line=len(path)))
    (apart,) = findings.not_carried(["a"], lambda _: Spot(file="b.yaml", line=7))

    assert (unknown.place, unknown.line) == ("a[0]", None)
    assert (known.place, known.line) == ("a[0] (line 2)", 2)
    assert apart.place == "a[0] (b.yaml, line 7)"


def test_an_assumption_is_told_once() -> None:
    findings = Findings()
    for text in ("a", "b", "a"):
        findings.assume(text)
    assert findings.assumptions == ("a", "b")


@pytest.mark.parametrize("name", ["sk-made-up-key-123", "eyJhbGciOiJub25lIn0", "a\nb", "ümlaut", "x" * 81, ""])
def test_a_name_that_may_be_a_secret_or_is_none_is_not_spelled(name: str) -> None:
    assert spelled(name) == "(not shown)"
    assert name not in place(("model_list", 0, name)) or name == ""


@pytest.mark.parametrize("name", ["gpt-4o", "openai/gpt-4o", "qwen3:8b", "openai/*", "team one"])
def test_a_models_name_is_spelled(name: str) -> None:
    assert spelled(name) == name


@pytest.mark.parametrize(
    ("key", "value", "plain", "expected"),
    [
        ("model", "gpt-4o", True, "gpt-4o"),
        ("model", "gpt-4o", False, "a text (not shown)"),
        ("api_key", 1234, True, "a value (not shown)"),
        ("redis_password", "hunter2", True, "a value (not shown)"),
        ("max_tokens", 20, False, "20"),
        ("input_cost_per_token_above_200k_tokens", 0.5, False, "0.5"),
        ("forward_auth", True, False, "true"),
        ("callbacks", ["otel", "sk-made-up-key-123"], True, "otel, (not shown)"),
        ("callbacks", [str(number) for number in range(10)], True, "0, 1, 2, 3, 4, 5, 6, 7 and 2 more"),
        ("callbacks", ["otel"], False, "a list of 1"),
        ("callbacks", [1], True, "a list of 1"),
        ("headers", {"a": "b"}, True, "a mapping"),
        ("x", None, False, "nothing"),
    ],
)
def test_a_value_is_shown_where_it_holds_no_secret(key: str, value: object, plain: bool, expected: str) -> None:
    assert shown(key, value, plain=plain) == expected
