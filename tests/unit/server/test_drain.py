"""Who takes nothing is cut off, who takes something is waited for."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from gearshift.server.drain import UNTAKEN, Drain


class Loop:
    """Be a loop whose timers fire when the test says so."""

    def __init__(self) -> None:
        self.due: list[tuple[float, Callable[..., None], tuple[object, ...]]] = []

    def call_later(self, delay: float, call: Callable[..., None], *arguments: object) -> Timer:
        self.due.append((delay, call, arguments))
        return Timer(self)

    def fire(self) -> None:
        (_, call, arguments) = self.due.pop()
        call(*arguments)


class Timer:
    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def cancel(self) -> None:
        self._loop.due.clear()


class Transport:
    """Be a connection with so many bytes not taken."""

    unsent = 0
    aborted = False

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.aborted = True


def made() -> tuple[Drain, Transport, Loop]:
    transport, loop = Transport(), Loop()
    return Drain(transport, loop), transport, loop  # type: ignore[arg-type]


def test_nothing_is_watched_where_all_was_taken() -> None:
    drain, _, loop = made()
    drain.watch()
    assert loop.due == []


def test_who_takes_nothing_for_the_whole_time_is_cut_off_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    drain, transport, loop = made()
    transport.unsent = 1000
    drain.watch()
    assert loop.due[0][0] == UNTAKEN
    with caplog.at_level(logging.WARNING):
        loop.fire()
    assert transport.aborted
    (line,) = caplog.records
    assert (line.getMessage(), line.fields["untaken_bytes"]) == ("slow_reader", 1000)  # type: ignore[attr-defined]


def test_who_takes_something_is_waited_for() -> None:
    drain, transport, loop = made()
    transport.unsent = 1000
    drain.watch()
    transport.unsent = 999
    loop.fire()
    assert not transport.aborted
    transport.unsent = 0
    loop.fire()
    assert loop.due == []
    assert not transport.aborted


def test_a_watch_that_is_stopped_or_begun_anew_has_one_timer_at_most() -> None:
    drain, transport, loop = made()
    transport.unsent = 1
    drain.watch()
    drain.watch()
    assert len(loop.due) == 1
    drain.stop()
    drain.stop()
    assert loop.due == []
