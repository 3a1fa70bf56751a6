from __future__ import annotations

import json
import logging

import pytest
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families

from gearshift import telemetry
from gearshift.telemetry import JSONFormatter, Telemetry, log_to_stderr
from gearshift.types.chat import Usage
from gearshift.types.record import Exchange
from tests.fakes.house import metric
from tests.fakes.nouns import SECRET, attempt, decision, deployment, exchange, failed

LABELS = {"model": "small", "provider": "lab"}


def count(*exchanges: Exchange) -> Telemetry:
    counted = Telemetry()
    for each in exchanges:
        counted.began()
        counted.ended()
        counted.recorded(each)
    return counted


def test_an_answered_exchange_is_counted_under_its_model() -> None:
    counted = count(exchange(), exchange())
    labels = {**LABELS, "router": "auto", "status": "200", "outcome": "completed"}
    assert metric(counted, "gearshift_requests_total", **labels) == 2
    assert metric(counted, "gearshift_request_duration_seconds_sum", **LABELS) == 2.0
    assert metric(counted, "gearshift_time_to_first_token_seconds_sum", **LABELS) == 1.0
    assert metric(counted, "gearshift_overhead_seconds_count") == 2
    chosen = {"router": "auto", "policy": "fixed", "chosen": "lab/small", "reason": "named"}
    assert metric(counted, "gearshift_decisions_total", **chosen) == 2


def test_tokens_and_money_are_counted() -> None:
    counted = count(exchange(attempts=[attempt(usage=Usage(input_tokens=10, output_tokens=5, cache_read_tokens=4))]))
    for kind, tokens in (("input", 10), ("output", 5), ("cache_read", 4)):
        assert metric(counted, "gearshift_tokens_total", **LABELS, kind=kind) == tokens
    assert metric(counted, "gearshift_cost_usd_total", **LABELS) == pytest.approx(0.00002)
    assert metric(counted, "gearshift_cost_unknown_total", **LABELS) is None


def test_an_unknown_cost_is_counted_as_such_not_as_zero() -> None:
    counted = count(exchange(attempts=[attempt(cost=None)], cost=None))
    assert metric(counted, "gearshift_cost_unknown_total", **LABELS) == 1
    assert metric(counted, "gearshift_cost_usd_total", **LABELS) is None


def test_what_was_saved_may_fall_again() -> None:
    counted = count(exchange(cost=100, baseline_cost=300), exchange(cost=300, baseline_cost=100))
    assert metric(counted, "gearshift_saved_usd", router="auto") == pytest.approx(0)
    assert metric(count(exchange(cost=None, baseline_cost=1)), "gearshift_saved_usd", router="auto") is None


def test_failed_attempts_are_counted_by_their_reason() -> None:
    counted = count(exchange(attempts=[failed(1, "upstream_timeout"), attempt(2, deployment=deployment("large"))]))
    assert metric(counted, "gearshift_attempt_failures_total", **LABELS, reason="upstream_timeout") == 1


def test_an_exchange_that_nobody_answered_is_counted_under_none() -> None:
    counted = count(exchange(attempts=[], decision=None, outcome="failed", status=404, error="model_not_found"))
    labels = {"router": "none", "model": "none", "provider": "none", "status": "404", "outcome": "failed"}
    assert metric(counted, "gearshift_requests_total", **labels) == 1


def test_a_decision_is_slow_beyond_twenty_milliseconds(caplog: pytest.LogCaptureFixture) -> None:
    counted, decided = Telemetry(), decision(deployment("small"))
    counted.decided(decided, telemetry.SLOW_DECISION)
    assert metric(counted, "gearshift_slow_decisions_total", router="auto") is None
    assert not caplog.records
    counted.decided(decided, 0.0201)
    assert metric(counted, "gearshift_slow_decisions_total", router="auto") == 1
    (record,) = caplog.records
    assert (record.message, record.__dict__["fields"]["took_s"]) == ("slow_decision", 0.0201)


def test_reloads_are_counted_by_how_they_ended() -> None:
    counted = Telemetry()
    counted.reloaded()
    counted.reload_refused()
    counted.reload_refused()
    assert metric(counted, "gearshift_reloads_total") == 1
    assert metric(counted, "gearshift_reload_failures_total") == 2


def test_what_is_in_flight_is_counted_in_and_out() -> None:
    counted = Telemetry()
    counted.began()
    counted.began()
    assert metric(counted, "gearshift_in_flight") == 2
    counted.ended()
    assert metric(counted, "gearshift_in_flight") == 1


def test_two_gateways_do_not_share_their_counts() -> None:
    first, second = count(exchange()), Telemetry()
    assert metric(first, "gearshift_overhead_seconds_count") == 1
    assert metric(second, "gearshift_overhead_seconds_count") == 0


def test_no_label_holds_a_key_a_user_or_a_prompt() -> None:
    private = exchange(
        key="key-id",
        session="user-7",
        requested_model="a prompt in the place of a model",
        prompt="a prompt",
        error="model_not_found",
        attempts=[failed(1, detail=f"said {SECRET}"), attempt(2)],
    )
    families = text_string_to_metric_families(count(private).exposition().decode())
    values = {value for family in families for sample in family.samples for value in sample.labels.values()}
    assert not values & {"key-id", "user-7", "a prompt"}
    assert not any(word in value for value in values for word in ("prompt", SECRET, "user-7"))


def test_the_children_of_a_metric_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted, looked_up = Telemetry(), 0
    labels = Counter.labels

    def counting(self: Counter, *values: str) -> Counter:
        nonlocal looked_up
        looked_up += 1
        return labels(self, *values)

    monkeypatch.setattr("prometheus_client.metrics.MetricWrapperBase.labels", counting)
    for _ in range(50):
        counted.began()
        counted.recorded(exchange())
    assert 0 < looked_up < 12


def test_the_exposition_is_prometheus_text() -> None:
    assert telemetry.CONTENT_TYPE.startswith("text/plain")
    names = {family.name for family in text_string_to_metric_families(count(exchange()).exposition().decode())}
    assert all(name.startswith("gearshift_") for name in names)
    assert "gearshift_requests" in names


# Log lines


def line(record: logging.LogRecord) -> dict[str, object]:
    text = JSONFormatter().format(record)
    assert "\n" not in text
    found: dict[str, object] = json.loads(text)
    return found


def test_one_json_line_per_exchange(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="gearshift")
    count(exchange(attempts=[failed(1), attempt(2)], key="key-id"))
    (record,) = caplog.records
    found = line(record)
    assert (found["event"], found["level"], found["id"], found["status"]) == ("exchange", "info", "x", 200)
    assert (found["model"], found["provider"], found["router"]) == ("small", "lab", "auto")
    assert (found["attempts"], found["cost_usd"], found["outcome"]) == (2, 0.00002, "completed")
    assert isinstance(found["time"], float)


def test_a_log_line_holds_no_prompt_answer_or_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="gearshift")
    count(exchange(prompt="a prompt", answer="an answer", attempts=[failed(detail=f"said {SECRET}")]))
    (record,) = caplog.records
    text = JSONFormatter().format(record)
    assert not any(word in text for word in ("a prompt", "an answer", SECRET))


def test_no_line_is_made_when_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry.log, "isEnabledFor", lambda _level: False)
    monkeypatch.setattr(telemetry.log, "info", lambda *_args, **_more: pytest.fail("a line was made"))
    count(exchange())


def test_an_exception_is_told_by_its_type_and_place_never_by_its_text() -> None:
    def risky() -> None:
        raise ValueError("a secret prompt")

    with pytest.raises(ValueError, match="secret") as caught:
        risky()
    told = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("gearshift", logging.ERROR, __file__, 1, "gateway_error", (), told)
    found = line(record)
    assert (found["event"], found["exception"]) == ("gateway_error", "ValueError")
    places = found["at"]
    assert isinstance(places, list)
    assert places[-1].startswith("test_telemetry.py:")
    assert places[-1].endswith(" risky")
    assert "secret" not in JSONFormatter().format(record)


def test_odd_text_is_still_one_json_line() -> None:
    record = logging.LogRecord("gearshift", logging.INFO, __file__, 1, 'Grüße\n"x"', (), None)
    assert line(record)["event"] == 'Grüße\n"x"'


def test_our_log_and_uvicorn_s_go_to_stderr_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("gearshift", "uvicorn")
    before = [(logging.getLogger(name).handlers, logging.getLogger(name).propagate) for name in names]
    levels = [logging.getLogger(name).level for name in names]
    try:
        log_to_stderr()
        logging.getLogger("gearshift.storage").warning("store_recovered", extra={"fields": {"rows": 3}})
        logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    finally:
        for name, (handlers, propagate), level in zip(names, before, levels, strict=True):
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
    out, err = capsys.readouterr()
    assert out == ""
    first, second = (json.loads(text) for text in err.splitlines())
    assert (first["event"], first["rows"], first["level"]) == ("store_recovered", 3, "warning")
    assert second["event"] == "Started server process [7]"
