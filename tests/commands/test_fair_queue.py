"""X46: senders take turns. Order, fairness, that nobody waits forever, and that nothing is left of who has gone."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc_server.commands.arriving_request import ArrivingRequest
from oidc_server.commands.fair_queue import COMPANY_SECONDS, HELD_UP_SECONDS, FairQueue

Queue = FairQueue[tuple[str, int]]


def fill(queue: Queue, senders: str, now: float = 0.0) -> None:
    """Let a request of each sender wait; they are numbered in their order."""
    for number, sender in enumerate(senders):
        queue.push(sender, (sender, number), now)


def popped(queue: Queue, count: int, now: float = 0.0) -> str:
    """Whose turns come, when each gives its place back at once."""
    turns = ""
    for _ in range(count):
        turn = queue.pop(now)
        assert turn is not None
        turns += turn[1][0]
        queue.release(turn[0])
    return turns


def test_one_request_waits_behind_two_of_a_busy_sender_at_most_x46() -> None:
    queue = Queue()
    fill(queue, "a" * 1000 + "b")
    assert "b" in popped(queue, 3)


def test_senders_with_much_to_do_are_served_alike_x46() -> None:
    """Of two turns one goes by age: there the one that came with more at once is before the others."""
    queue = Queue()
    fill(queue, "a" * 900 + "b" * 300 + "c" * 300)
    served = Counter(popped(queue, 300))
    assert min(served["b"], served["c"]) >= 49


@given(st.text("abcdefg", min_size=1, max_size=200), st.integers(0, 100))
def test_names_that_others_make_up_at_most_double_a_wait_x46(before: str, burst: int) -> None:
    queue = Queue()
    fill(queue, before)
    for number in range(burst):
        queue.push("honest", ("h", number), 0.0)
    turns = ""
    while turns.count("h") < burst:
        queue.push(f"x{len(turns)}", ("x", len(turns)), 0.0)
        turns += popped(queue, 1)
    assert len(turns) <= 2 * (len(before) + burst)


def test_a_sender_that_is_alone_may_have_every_place_x46() -> None:
    queue = Queue()
    fill(queue, "a" * 20)
    assert [queue.pop(COMPANY_SECONDS) is not None for _ in range(20)] == [True] * 20
    assert queue.pop(COMPANY_SECONDS) is None


def test_who_was_seen_long_ago_is_no_company_unless_it_holds_a_place_x46() -> None:
    queue = Queue()
    fill(queue, "b")
    popped(queue, 1)
    fill(queue, "aa", COMPANY_SECONDS)
    assert [queue.pop(COMPANY_SECONDS) is not None for _ in range(2)] == [True] * 2
    assert queue.may_keep("a", COMPANY_SECONDS)
    fill(queue, "c", 3 * COMPANY_SECONDS)
    assert queue.pop(3 * COMPANY_SECONDS) == ("c", ("c", 0))
    assert not queue.may_keep("a", 3 * COMPANY_SECONDS)


def test_a_busy_sender_waits_while_another_is_answered_but_not_for_long_x46() -> None:
    queue = Queue()
    fill(queue, "b" + "a" * 4)
    assert [queue.pop(0.0), queue.pop(0.0)] == [("b", ("b", 0)), ("a", ("a", 1))]
    assert queue.pop(HELD_UP_SECONDS / 2) is None
    queue.push("c", ("c", 5), HELD_UP_SECONDS / 2)
    assert queue.pop(HELD_UP_SECONDS / 2) == ("c", ("c", 5))
    assert queue.pop(HELD_UP_SECONDS) == ("a", ("a", 2))
    assert queue.pop(HELD_UP_SECONDS) is None
    for sender in "abca":
        queue.release(sender)
    assert queue.pop(HELD_UP_SECONDS) == ("a", ("a", 3))


def test_a_place_is_kept_only_while_nobody_waits_and_by_who_has_no_other_x46() -> None:
    queue = Queue()
    fill(queue, "aab")
    assert [queue.pop(now) is not None for now in (0.0, 0.0, HELD_UP_SECONDS)] == [True] * 3
    assert not queue.may_keep("a", 0.0)
    assert queue.may_keep("b", 0.0)
    assert queue.may_keep("a", COMPANY_SECONDS)
    fill(queue, "c")
    assert not queue.may_keep("b", 0.0)


@given(st.lists(st.tuples(st.sampled_from(["push", "pop", "release", "wait"]), st.integers(0, 3)), max_size=200))
def test_each_is_served_once_in_order_and_nothing_is_left_x46(steps: list[tuple[str, int]]) -> None:
    queue, now = Queue(), 0.0
    places: list[Hashable] = []
    pushed: dict[Hashable, list[int]] = defaultdict(list)
    served: dict[Hashable, list[int]] = defaultdict(list)

    def pop() -> None:
        if turn := queue.pop(now):
            served[turn[0]].append(turn[1][1])
            places.append(turn[0])

    for number, (step, which) in enumerate(steps):
        sender = "abcd"[which]
        if step == "push":
            queue.push(sender, (sender, number), now)
            pushed[sender].append(number)
        elif step == "pop":
            pop()
        elif step == "release" and places:
            queue.release(places.pop(which % len(places)))
        else:
            now += HELD_UP_SECONDS * which
    for _ in range(len(queue) + 1):  # with every place free, somebody's turn comes each time
        while places:
            queue.release(places.pop())
        pop()
    assert served == pushed
    assert not any(
        getattr(queue, name) for name in ("_lines", "_modest", "_arrivals", "_held", "_given_at", "_all_held")
    )


def test_ten_thousand_senders_cost_no_more_each_than_ten_x46() -> None:
    def seconds_each(senders: int) -> float:
        queue: FairQueue[int] = FairQueue()
        began = time.perf_counter()
        for number in range(2 * senders):
            queue.push(number % senders, number, 0.0)
        turns = [queue.pop(0.0) for _ in range(2 * senders)]  # half of them find that everybody must wait
        assert turns[-1] is None
        return (time.perf_counter() - began) / senders

    assert min(seconds_each(10_000) for _ in range(3)) < 20 * min(seconds_each(10) for _ in range(30))


BASIC = b"POST /oauth/token HTTP/1.1\r\nAuthoriZation: Basic  c2VydmljZTpzZWNyZXQ=\r\nContent-Length: %d\r\n\r\n%s"
FORM = b"POST /oauth/token HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s"


@pytest.mark.parametrize(
    ("request_", "credentials", "named"),
    [
        (BASIC % (0, b""), b"Basic  c2VydmljZTpzZWNyZXQ=", b""),
        (FORM % (31, b"grant_type=a&client_id=one&b=c+"), b"", b"client_id=one"),
        (FORM % (13, b"client_id=one"), b"", b"client_id=one"),
        (b"GET /userinfo?client_id=no HTTP/1.1\r\nAuthorization: Bearer abc\r\n\r\n", b"", b""),
        (b"GET / HTTP/1.1\r\n\r\n", b"", b""),
    ],
)
def test_who_sends_is_told_by_credentials_or_the_form_x46(request_: bytes, credentials: bytes, named: bytes) -> None:
    arriving = ArrivingRequest(1000)
    arriving.add(request_)
    assert arriving.is_complete()
    assert (arriving.credentials, arriving.named_client) == (credentials, named)
    arriving.take()
    assert (arriving.credentials, arriving.named_client) == (b"", b"")


def test_all_lines_of_forwarded_addresses_count_x46() -> None:
    arriving = ArrivingRequest(1000)
    arriving.add(
        b"GET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1, 192.0.2.2\r\nA: b\r\nx-forwarded-for: 2001:DB8::1\r\n\r\n"
    )
    assert arriving.is_complete()
    assert arriving.forwarded_for == " 192.0.2.1, 192.0.2.2, 2001:db8::1"
