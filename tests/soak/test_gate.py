"""Callers pause when they are asked to, after what they are doing; faults are drawn in an order that a seed decides."""

from __future__ import annotations

import itertools
import random
import threading
from contextlib import closing

import httpx

from tests.faults.history import Attempt, Caller, History
from tests.soak.faults import FAULTS, deck
from tests.soak.gate import Gate, LeanHistory


def test_a_quiet_moment_begins_when_the_last_job_is_done_and_holds_up_the_next() -> None:
    gate, begun, finish, done = Gate(), threading.Event(), threading.Event(), list[str]()

    def work(_caller: Caller) -> None:
        begun.set()
        assert finish.wait(10)
        done.append("job")

    with closing(Caller("http://127.0.0.1:9", History())) as caller:
        first = threading.Thread(target=gate.through(work), args=(caller,))
        first.start()
        assert begun.wait(10)
        threading.Timer(0.1, finish.set).start()
        with gate.quiet():
            done.append("quiet")
            second = threading.Thread(target=gate.through(work), args=(caller,))
            second.start()
            second.join(0.1)
            assert second.is_alive()
        second.join(10)
        first.join(10)
    assert done == ["job", "quiet", "job"]


def test_of_a_good_answer_only_its_time_is_kept() -> None:
    history = LeanHistory()
    history.add(Attempt("refresh", 1.0, 0.5, 200, httpx.Headers({"Retry-After": "1"}), {"refresh_token": "secret"}))
    history.add(Attempt("refresh", 2.0, 0.5, 503, httpx.Headers({"Retry-After": "1"}), {"error": "x"}))
    good, bad = history.of("refresh")
    assert (good.status, good.seconds, good.body, len(good.headers)) == (200, 0.5, None, 0)
    assert (bad.status, bad.headers["Retry-After"], bad.body) == (503, "1", "{'error': 'x'}")


def test_a_seed_decides_the_faults_and_none_comes_twice_before_all_have_come() -> None:
    first = list(itertools.islice(deck(random.Random(5)), 2 * len(FAULTS)))
    assert first == list(itertools.islice(deck(random.Random(5)), 2 * len(FAULTS)))
    assert {one.name for one in first[: len(FAULTS)]} == {one.name for one in FAULTS}
    assert first != list(itertools.islice(deck(random.Random(6)), 2 * len(FAULTS)))
