from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.errors import KeyInUse, KeyReused
from gearshift.idempotency import Bounds, Name, Recording, Register, fingerprint, is_final
from gearshift.types.inbound import Inbound
from gearshift.types.record import Outcome
from tests.fakes.nouns import attempt, exchange

ONE: Name = ("caller", "k-1")
SMALL = Bounds(recordings=3, total=100, each=40)


def answered(register: Register, name: Name, size: int = 10, *, expires: float | None = 60.0) -> Recording:
    """Claim, answer in one piece, settle."""
    recording, is_new = register.claim(name, b"print", 0.0)
    assert is_new
    recording.ended = True
    register.add(recording, b"x" * size)
    register.settle(name, recording, expires)
    return recording


def is_known(register: Register, name: Name, now: float = 0.0) -> bool:
    """Tell whether a claim finds something; what it makes where it does not is gone again."""
    recording, is_new = register.claim(name, b"print", now)
    if is_new:
        register.settle(name, recording, None)
    return not is_new


def test_the_first_claim_makes_a_recording_and_the_next_ones_find_it() -> None:
    register = Register()
    recording, is_new = register.claim(ONE, b"print", 0.0)
    assert is_new
    assert register.claim(ONE, b"print", 0.0) == (recording, False)
    recording.ended = True
    register.add(recording, b"answer")
    register.settle(ONE, recording, 60.0)
    assert register.claim(ONE, b"print", 59.0) == (recording, False)
    assert list(recording.pieces) == [b"answer"]


def test_callers_never_share_a_key() -> None:
    register = Register()
    answered(register, ONE)
    assert not is_known(register, ("another", "k-1"))
    assert not is_known(register, (None, "k-1"))
    assert is_known(register, ONE)


@pytest.mark.parametrize("is_over", [False, True])
def test_another_request_under_the_key_is_refused(is_over: bool) -> None:
    register = Register()
    if is_over:
        answered(register, ONE)
    else:
        register.claim(ONE, b"print", 0.0)
    with pytest.raises(KeyReused, match="use a new key"):
        register.claim(ONE, b"another", 0.0)


def test_what_is_not_kept_is_asked_anew_whatever_its_words() -> None:
    register = Register()
    answered(register, ONE, expires=None)
    assert register.claim(ONE, b"another", 0.0)[1]
    assert register.held == 0


def test_what_did_not_end_is_not_kept() -> None:
    register = Register()
    recording, _ = register.claim(ONE, b"print", 0.0)
    register.add(recording, b"half")
    register.settle(ONE, recording, 60.0)
    assert (len(register), register.held) == (0, 0)


def test_an_answer_is_forgotten_after_its_time() -> None:
    register = Register()
    answered(register, ONE, expires=60.0)
    assert is_known(register, ONE, 59.9)
    assert not is_known(register, ONE, 60.0)
    assert register.held == 0


def test_a_shorter_time_holds_although_an_older_answer_is_kept_for_longer() -> None:
    register = Register()
    answered(register, ("caller", "long"), expires=1000.0)
    answered(register, ONE, expires=60.0)
    assert not is_known(register, ONE, 61.0)
    assert is_known(register, ("caller", "long"), 61.0)


def test_nothing_kept_is_still_joined_while_it_runs() -> None:
    register = Register()
    recording, _ = register.claim(ONE, b"print", 5.0)
    assert register.claim(ONE, b"print", 5.0) == (recording, False)
    recording.ended = True
    register.settle(ONE, recording, 5.0)
    assert not is_known(register, ONE, 5.0)


def test_the_oldest_makes_room_by_number() -> None:
    register = Register(SMALL)
    for number in range(4):
        answered(register, ("caller", str(number)), 1)
    assert len(register) == 3
    assert [number for number in (3, 2, 1, 0) if is_known(register, ("caller", str(number)))] == [3, 2, 1]


def test_the_oldest_makes_room_by_bytes() -> None:
    register = Register(SMALL)
    for number in range(3):
        answered(register, ("caller", str(number)), 40)
    assert register.held == 80
    assert not is_known(register, ("caller", "0"))
    assert is_known(register, ("caller", "2"))


def test_what_runs_is_never_pushed_out() -> None:
    register = Register(SMALL)
    running = [register.claim(("caller", str(number)), b"print", 0.0)[0] for number in range(5)]
    assert [register.claim(("caller", str(number)), b"print", 0.0)[0] for number in range(5)] == running


def test_an_answer_beyond_its_share_can_neither_be_joined_nor_had_again() -> None:
    register = Register(SMALL)
    recording, _ = register.claim(ONE, b"print", 0.0)
    register.add(recording, b"x" * 30)
    assert register.claim(ONE, b"print", 0.0) == (recording, False)
    register.add(recording, b"x" * 30)
    assert (recording.partial, register.held) == (True, 0)
    with pytest.raises(KeyInUse, match="40 bytes"):
        register.claim(ONE, b"print", 0.0)
    with pytest.raises(KeyReused):
        register.claim(ONE, b"another", 0.0)
    recording.ended = True
    register.settle(ONE, recording, 60.0)
    assert (len(register), register.held) == (0, 0)


def test_all_that_run_share_the_bytes() -> None:
    register = Register(SMALL)
    running = [register.claim(("caller", str(number)), b"print", 0.0)[0] for number in range(3)]
    for recording in running:
        register.add(recording, b"x" * 40)
    assert [recording.partial for recording in running] == [False, False, True]
    assert register.held == 80


def test_of_a_long_answer_only_what_somebody_lacks_and_one_share_is_held() -> None:
    register = Register(SMALL)
    recording, _ = register.claim(ONE, b"print", 0.0)
    for _ in range(10):
        register.add(recording, b"x" * 20)
    register.trim(recording, 0)
    assert recording.size == 200
    register.trim(recording, 3)
    assert (recording.first, recording.size, recording.count) == (3, 140, 10)
    register.trim(recording, 10)
    assert (recording.first, recording.size, recording.count) == (8, 40, 10)


def test_a_short_answer_is_never_trimmed() -> None:
    register = Register(SMALL)
    recording, _ = register.claim(ONE, b"print", 0.0)
    register.add(recording, b"x" * 40)
    register.trim(recording, 1)
    assert (recording.first, recording.size) == (0, 40)


def test_only_who_runs_under_a_name_settles_it() -> None:
    register = Register()
    former, _ = register.claim(ONE, b"print", 0.0)
    register.settle(ONE, former, None)
    present, _ = register.claim(ONE, b"print", 0.0)
    former.ended = True
    register.settle(ONE, former, 60.0)
    assert register.claim(ONE, b"print", 0.0) == (present, False)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["claim", "add", "keep", "forget"]), st.integers(0, 60)),
        max_size=80,
    )
)
def test_whatever_happens_the_books_are_right_and_the_bounds_hold(steps: list[tuple[int, str, int]]) -> None:
    register = Register(SMALL)
    running: dict[int, Recording] = {}
    kept: dict[int, Recording] = {}
    for now, (number, what, amount) in enumerate(steps):
        name = ("caller", str(number))
        if what == "claim" and number not in running:
            recording, is_new = register.claim(name, b"print", float(now))
            if is_new:
                running[number] = recording
            else:
                assert recording is kept[number]
                assert recording.expires > now
        elif number in running:
            recording = running[number]
            if what == "add":
                register.add(recording, b"x" * amount)
                continue
            recording.ended = True
            register.settle(name, running.pop(number), now + 1.0 + amount if what == "keep" else None)
            kept[number] = recording
        assert 0 <= register.held <= SMALL.total
        assert len(register) <= max(SMALL.recordings + 1, len(running) + 1)
    for number, recording in running.items():
        register.settle(("caller", str(number)), recording, None)
    register.claim(("another", "k"), b"print", 1e9)
    assert (len(register), register.held) == (1, 0)


def test_a_request_is_its_path_and_every_byte_of_its_body() -> None:
    def of(path: str, body: bytes) -> bytes:
        return fingerprint(Inbound(path=path, body=body, began=0.0))

    assert of("/v1/messages", b"{}") == of("/v1/messages", b"{}")
    assert len({of("/a", b"b"), of("/a", b"b "), of("/ab", b""), of("/", b"ab"), of("/\udcff", b"")}) == 5


@pytest.mark.parametrize(
    ("outcome", "status", "asked", "final"),
    [
        ("completed", 200, True, True),
        ("cancelled", 499, True, True),  # whether the answer was whole, the recording tells
        ("failed", 400, True, True),
        ("failed", 413, True, True),
        ("failed", 422, True, True),
        ("failed", 400, False, False),
        ("failed", 404, False, False),
        ("failed", 422, False, False),
        ("failed", 408, True, False),
        ("failed", 409, True, False),
        ("failed", 429, True, False),
        ("failed", 500, True, False),
        ("failed", 502, True, False),
        ("failed", 503, False, False),
        ("failed", 504, True, False),
    ],
)
def test_only_what_would_be_the_same_again_is_kept(outcome: Outcome, status: int, asked: bool, final: bool) -> None:
    ended = exchange(outcome=outcome, status=status, attempts=(attempt(),) if asked else ())
    assert is_final(ended) is final
