"""Password hashing: what is compared, what is accepted, and the gate that keeps a login storm from the rest."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from oidc_server.core.errors import Reason, Unavailable
from oidc_server.users.passwords import HashingGate, Passwords

ROUNDS = 4


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(ROUNDS, HashingGate(concurrency=2, waiters=2))


def test_only_the_same_password_matches_g21(passwords: Passwords) -> None:
    """Neither the 72 bytes of bcrypt, nor NUL, nor a trailing space makes two passwords equal."""
    long = "x" * 72
    pairs = [(long + "a", long + "b"), ("a\0bcdefgh", "a\0xyzwvut"), ("trailing", "trailing "), ("Case", "case")]
    for chosen, other in pairs:
        stored = passwords.hash(chosen)
        assert passwords.verify(chosen, stored)
        assert not passwords.verify(other, stored)


def test_a_composed_and_a_decomposed_spelling_are_one_password_g21(passwords: Passwords) -> None:
    assert passwords.verify("Cafe\u0301 noir", passwords.hash("Caf\u00e9 noir"))
    assert not passwords.verify("\uff21bcdefgh", passwords.hash("Abcdefgh"))  # NFC, not NFKC


def test_a_long_password_works_and_a_lone_surrogate_is_no_fault_g21(passwords: Passwords) -> None:
    assert passwords.verify("ä" * 256, passwords.hash("ä" * 256))
    assert not passwords.verify("\ud800", passwords.hash("something"))


def test_no_password_and_an_unknown_scheme_never_match_g28(passwords: Passwords) -> None:
    for stored in (None, "", "plain$secret", "bcrypt-sha256"):
        for password in ("", "secret", "None"):
            assert not passwords.verify(password, stored)


def test_the_stored_form_holds_neither_the_password_nor_a_bare_digest(passwords: Passwords) -> None:
    assert passwords.hash("hunter2 hunter2").startswith("bcrypt-sha256$$2b$04$")
    assert passwords.hash("hunter2 hunter2") != passwords.hash("hunter2 hunter2")


def test_a_hash_of_lower_cost_needs_an_upgrade(passwords: Passwords) -> None:
    stored = passwords.hash("correct horse")
    assert not passwords.needs_upgrade(stored)
    assert Passwords(ROUNDS + 1, HashingGate(1, 1)).needs_upgrade(stored)


def test_the_gate_runs_so_many_at_once_lets_so_many_wait_and_refuses_the_rest_r13() -> None:
    gate, inside, release = HashingGate(concurrency=2, waiters=3), threading.Semaphore(0), threading.Event()
    running, most = 0, 0
    lock = threading.Lock()

    def enter() -> str:
        nonlocal running, most
        try:
            with gate.enter():
                with lock:
                    running += 1
                    most = max(most, running)
                inside.release()
                release.wait(timeout=10)
                with lock:
                    running -= 1
        except Unavailable as refusal:
            return f"refused: {refusal.reason} for {refusal.retry_after} s"
        return "served"

    busy = f"refused: {Reason.HASHING_BUSY} for 2 s"
    with ThreadPoolExecutor(12) as pool:
        futures = [pool.submit(enter) for _ in range(12)]
        inside.acquire(timeout=10)
        inside.acquire(timeout=10)
        refused = [future for future in futures if _result(future) == busy]
        release.set()
        outcomes = [future.result(timeout=10) for future in futures]
    assert len(refused) == outcomes.count(busy) == 7
    assert most == 2
    with gate.enter():
        pass  # every place was given back


def _result(future: object) -> object:
    """The result of a future that ends soon, or None of one that waits."""
    try:
        return future.result(timeout=0.3)  # type: ignore[attr-defined]
    except TimeoutError:
        return None
