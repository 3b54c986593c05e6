"""The judges of a soak see what is broken: hand-made histories, each with one promise that was not kept."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.faults.history import Attempt, History
from tests.soak.evidence import Probe, Refreshed, Round, Secrets, Signed, Verdict
from tests.soak.invariants import (
    NEEDS_DATABASE,
    accepted_wrongly,
    each_once,
    judge,
    not_verifying,
    signers_going_back,
    too_many_failures,
    two_successors,
)

AWAY = Round(1, "database away", 100.0, 110.0, 130.0, frozenset({503}), NEEDS_DATABASE)
NO_FAULT = Round(2, "keys rotated", 100.0, 110.0, 130.0, frozenset())
SPARING = Round(4, "key store away", 100.0, 110.0, 130.0, frozenset({503}), spares=frozenset({"refresh"}))
KILLED = Round(3, "worker killed", 100.0, 110.0, 130.0, frozenset({None}))
RETRY = httpx.Headers({"Retry-After": "2"})


def attempt(
    operation: str, started: float, status: int | None, seconds: float = 0.1, *, headers: httpx.Headers = RETRY
) -> Attempt:
    return Attempt(operation, started, seconds, status, headers)


def history(*attempts: Attempt) -> History:
    made = History()
    for one in attempts:
        made.add(one)
    return made


def good() -> list[Attempt]:
    """A fault as it should be: refused while it lasts, and well after it."""
    away = [attempt(name, 101.0 + step, 503) for step in range(9) for name in ("refresh", "ready")]
    served = [attempt(name, 100.5 + step, 200) for step in range(29) for name in ("jwks", "live")]
    return [*away, *served, *(attempt(name, 111.5 + step, 200) for step in range(18) for name in ("refresh", "ready"))]


def test_a_fault_that_is_refused_cleanly_breaks_nothing() -> None:
    assert judge(history(*good()), AWAY) == []


@pytest.mark.parametrize(
    ("one", "wrong", "invariant"),
    [
        (AWAY, attempt("refresh", 105, 500), "I11"),
        (AWAY, attempt("refresh", 105, 400), "I11"),
        (AWAY, attempt("refresh", 105, 503, headers=httpx.Headers()), "I11"),
        (AWAY, attempt("refresh", 105, None), "I11"),
        (AWAY, attempt("introspection", 103, 503, 6.5), "I11"),
        (AWAY, attempt("refresh", 103, 200, 6.5), "I11"),
        (AWAY, attempt("live", 105, 503), "I12"),
        (AWAY, attempt("jwks", 105, 500), "I11"),
        (AWAY, attempt("ready", 121, 503), "I12"),
        (AWAY, attempt("introspection", 104, 200), "I9"),
        (AWAY, attempt("revoke", 104, 200), "I9"),
        (AWAY, attempt("refresh", 125, None), "I11"),
        (NO_FAULT, attempt("client_credentials", 105, None), "I11"),
        (NO_FAULT, attempt("client_credentials", 105, 400), "I11"),
        (NO_FAULT, attempt("live", 105, 503), "I12"),
        (SPARING, attempt("refresh", 105, 503), "I11"),
        (KILLED, attempt("client_credentials", 105, 503), "I11"),
        (KILLED, attempt("jwks", 105, 503), "I12"),
    ],
)
def test_each_broken_promise_of_a_round_is_seen(one: Round, wrong: Attempt, invariant: str) -> None:
    well = good() if one is AWAY else [made for made in good() if made.status == 200]
    assert judge(history(*well), one) == []
    found = judge(history(*well, wrong), one)
    assert invariant in {violation.invariant for violation in found}, found


def test_readiness_that_does_not_follow_the_fault_is_seen() -> None:
    blind = [made for made in good() if made.operation != "ready"]
    found = judge(history(*blind, *(attempt("ready", 100.5 + step, 200) for step in range(20))), AWAY)
    assert [violation.invariant for violation in found] == ["I12"]


def test_a_broken_connection_is_no_fault_where_a_worker_was_killed() -> None:
    well = [made for made in good() if made.status == 200]
    assert judge(history(*well, attempt("jwks", 105, None), attempt("refresh", 105, None)), KILLED) == []


@pytest.mark.parametrize(("one", "moment"), [(AWAY, 125.0), (NO_FAULT, 105.0)])
def test_what_fails_without_a_fault_is_counted_by_round_and_over_the_run(one: Round, moment: float) -> None:
    served = [attempt("jwks", 112 + number / 1000, 200) for number in range(500)]
    well = [*(made for made in good() if one is AWAY or made.status == 200), *served]

    def failing(count: int) -> History:
        return history(*well, *(attempt("refresh", moment + number / 10, 503) for number in range(count)))

    assert judge(failing(1), one) == too_many_failures(failing(1), [one]) == []
    assert [violation.invariant for violation in too_many_failures(failing(3), [one])] == ["I14"]
    assert judge(failing(3), one) == []
    assert [violation.invariant for violation in judge(failing(12), one)] == ["I14"]


def test_a_doubled_successor_is_seen() -> None:
    retried = [Refreshed("first", "second"), Refreshed("first", "second"), Refreshed("second", "third")]
    assert two_successors(retried) == []
    assert [one.invariant for one in two_successors([*retried, Refreshed("first", "other")])] == ["I2"]


def test_what_works_again_after_its_end_is_seen() -> None:
    refused = Probe("a revoked refresh token", accepted=False, ended=10.0, started=11.0)
    within = Probe("a disabled client", accepted=True, ended=10.0, started=11.0, bound=2.0)
    assert accepted_wrongly([refused, within]) == []
    again = Probe("a revoked refresh token", accepted=True, ended=10.0, started=11.0)
    late = Probe("a disabled client", accepted=True, ended=10.0, started=12.5, bound=2.0)
    guess = Probe("a wrong password", accepted=True)
    assert len(accepted_wrongly([again, late, guess])) == 3


def test_an_acknowledged_token_that_does_not_verify_is_seen() -> None:
    assert not_verifying([Verdict("one", None)]) == []
    (found,) = not_verifying([Verdict("one", None), Verdict("two", "the JWKS does not have it")])
    assert (found.invariant, found.words) == ("I3", "a token of key two: the JWKS does not have it")


def test_a_signer_that_comes_back_is_seen() -> None:
    change = [Signed("old", 1.0, 1.1), Signed("old", 1.9, 2.3), Signed("new", 2.0, 2.1), Signed("old", 2.05, 2.2)]
    assert signers_going_back([*change, Signed("new", 3.0, 3.1)]) == []
    (found,) = signers_going_back([*change, Signed("old", 3.0, 3.1)])
    assert found.invariant == "I5"


@pytest.mark.parametrize(
    "line",
    [
        lambda secret: f'{{"token":"{secret}"}}',
        lambda secret: f"refresh_token={secret}&grant_type=refresh_token",
        lambda secret: f"header.payload.{secret} refused",
    ],
)
def test_a_secret_in_a_log_is_seen(line: Callable[[str], str]) -> None:
    secret = "Zm9vYmFyYmF6cXV4LXNvYWstc2VjcmV0"
    secrets = Secrets()
    secrets.add(f"header.payload.{secret}")
    secrets.add("correct horse battery staple")
    assert secrets.found_in(b'{"event":"request","client_id":"0f0e0d0c-0b0a-0908-0706-050403020100"}') == []
    assert secrets.found_in(line(secret).encode()) == ["Zm9vYmFy..."]
    assert secrets.found_in(b"password correct horse battery staple") == ["correct ..."]


def test_the_same_words_are_said_once_with_their_number() -> None:
    found = judge(history(*good(), *(attempt("refresh", 105, 500, 0.25) for _ in range(3))), AWAY)
    assert each_once(found) == ["I11 round 1, database away: refresh: 500 after 0.25 s, None (3 times)"]
    many = two_successors(Refreshed(f"{presented}", f"{number}") for presented in range(2) for number in range(3))
    assert each_once([*found, *many], most=1)[-1] == "I2 and 1 more"
