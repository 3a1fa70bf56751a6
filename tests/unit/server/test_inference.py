from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gearshift.case import Inbound
from gearshift.errors import InvalidRequest
from gearshift.server.inference import steer
from tests.fakes.house import serving
from tests.fakes.upstream import answers

BARE = Inbound(path="/v1/chat/completions", body=b"", began=0.0)


def steered(**headers: str) -> Inbound:
    given = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return steer({"headers": given}, BARE, "key-id")


def test_nothing_said_is_nothing_asked_for() -> None:
    found = steered()
    assert (found.key, found.wants_metadata, found.no_fallback) == ("key-id", False, False)
    assert (found.deadline, found.max_cost, found.session) == (None, None, None)


@pytest.mark.parametrize(("said", "heard"), [("enabled", True), ("Enabled", True), ("disabled", False)])
def test_metadata_are_switched_on_by_name(said: str, heard: bool) -> None:
    assert steered(x_gearshift_metadata=said).wants_metadata is heard


@pytest.mark.parametrize(
    ("said", "heard"), [("true", True), ("1", True), ("YES", True), ("false", False), ("0", False)]
)
def test_fallback_can_be_forbidden(said: str, heard: bool) -> None:
    assert steered(x_gearshift_no_fallback=said).no_fallback is heard


@pytest.mark.parametrize(("said", "heard"), [("1500", 1.5), ("0.5", 0.0005), ("86400000", 86400.0)])
def test_a_deadline_is_milliseconds(said: str, heard: float) -> None:
    assert steered(x_gearshift_timeout_ms=said).deadline == pytest.approx(heard)


def test_cloudflare_s_timeout_is_the_time_until_an_answer_begins() -> None:
    found = steered(cf_aig_request_timeout="2000")
    assert (found.first_content, found.deadline) == (2.0, None)


@pytest.mark.parametrize(
    ("said", "heard"),
    [("0", 0), ("0.01", 10_000_000), ("1", 10**9), ("1e-9", 1), ("0.0000000001", 0), ("1000000", 10**15)],
)
def test_a_limit_of_cost_is_dollars_exactly(said: str, heard: int) -> None:
    assert steered(x_gearshift_max_cost_usd=said).max_cost == heard


def test_a_session_is_text() -> None:
    assert steered(x_session_id="chat 7").session == "chat 7"
    assert steered(x_session_id="").session is None
    assert steered(x_session_id="x" * 256).session == "x" * 256


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x_gearshift_metadata", "yes please"),
        ("x_gearshift_no_fallback", "maybe"),
        *(("x_gearshift_timeout_ms", said) for said in ("soon", "0", "-5", "", "nan", "inf", "1e3", "1.2.3", "\xb2")),
        *(("x_gearshift_max_cost_usd", said) for said in ("free", "-1", "nan", "Infinity", "1e7", "1e999999", "")),
        ("cf_aig_request_timeout", "soon"),
        ("x_session_id", "x" * 257),
        ("x_session_id", "a\tb"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_header(name: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=f"header {name.replace('_', '-')}: ") as caught:
        steered(**{name: said})
    assert len(caught.value.message) < 300


def test_a_number_of_a_million_digits_is_refused_at_once() -> None:
    with pytest.raises(InvalidRequest):
        steered(x_gearshift_max_cost_usd="1e999999999")
    assert steered(x_gearshift_timeout_ms="9" * 400).deadline is not None


def test_a_bad_header_is_a_400_with_a_row(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, upstream):
            visit = await home.chat(headers={"x-gearshift-max-cost-usd": "free"}).done()
            assert (visit.status, visit.json["error"]["code"]) == (400, "invalid_request")
            assert "x-gearshift-max-cost-usd" in visit.json["error"]["message"]
            assert home.row().status == 400
            assert upstream.log == []

    asyncio.run(scene())


def test_the_key_s_id_is_in_the_row_and_the_key_nowhere(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers(), keys=["sk-virtual"]) as (home, _):
            visit = await home.chat(headers={"authorization": "Bearer sk-virtual"}).done()
            assert visit.status == 200
            assert home.row().key is not None
            assert "sk-virtual" not in repr(home.row())

    asyncio.run(scene())
