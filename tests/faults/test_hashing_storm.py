"""A storm of password sign-ins on two worker processes: it is bounded, and what needs no password stays quick."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from oidc_server.audit.service import SYSTEM
from oidc_server.core.errors import Reason, Unavailable
from oidc_server.users import passwords
from oidc_server.users.passwords import HashingGate, Passwords
from oidc_server.users.service import create_user
from tests.faults.history import HANG_SECONDS, History, load
from tests.faults.installation import Installation, get, introspection
from tests.faults.storm import Storm, collect, start
from tests.relying_party import PASSWORD

PEOPLE = 150
PRODUCTION_ROUNDS = 12
STORM_SECONDS = 5
STORMS, P99_SECONDS = 3, 0.25
QUICK = ("jwks", "live", "introspection")


def people_with_real_hashes(site: Installation) -> list[str]:
    """Register people whose passwords are hashed as in production; their addresses."""
    hashed = Passwords(PRODUCTION_ROUNDS, HashingGate(1, 0)).hash(PASSWORD)
    emails = [f"person{number}@storm.example.com" for number in range(PEOPLE)]
    with site.owner.app.app_context(), site.owner.database.transaction() as session:
        for email in emails:
            create_user(session, actor=SYSTEM, email=email, password_hash=hashed, verified=True)
    return emails


@pytest.mark.slow
def test_a_storm_of_sign_ins_leaves_the_rest_quick_r13_x36(site: Installation, figures: Callable[[str], None]) -> None:
    """Clients and other tests share the two processors, so the best of a few storms counts for the 99th percentile."""
    web, service, history = site.owner.first_party(), site.owner.client(), History()
    token = site.owner.token(service).get_json()["access_token"]
    emails = people_with_real_hashes(site)
    forms = [
        {"grant_type": "password", "username": email, "password": PASSWORD if number % 2 else "a wrong guess"}
        for number, email in enumerate(emails)
    ]
    quick = [get("jwks", "/.well-known/jwks.json"), get("live", "/health/live"), introspection(service, token)]
    p99s: list[float] = []
    with site.serving(password_hash_rounds=PRODUCTION_ROUNDS) as server, load(server.url, history, *quick, pause=0.02):
        while len(p99s) < STORMS and min(p99s, default=1.0) >= P99_SECONDS:
            site.owner.forget_limits()  # or the next storm would be refused before it hashes anything
            began = time.monotonic() + 2
            ended = began + STORM_SECONDS
            storm = start(Storm(server.url + "/oauth/token", forms, web.basic, began, ended))
            time.sleep(ended - time.monotonic())
            collect(storm, "sign_in", history)
            p99s.append(max(history.seconds(0.99, name, since=began, until=ended) for name in QUICK))
            assert {200, 503} <= {one.status for one in history.of("sign_in", since=began)}
    figures(f"p99 of each storm: {p99s}\n{history.describe()}")
    answers = history.of("sign_in")
    assert {one.status for one in answers} <= {200, 400, 429, 503}
    assert all(int(one.headers["Retry-After"]) >= 1 for one in answers if one.status in {429, 503})
    assert history.seconds(1, "sign_in") < HANG_SECONDS + 3, history.describe()
    assert set(history.statuses(*QUICK)) == {200}
    assert min(p99s) < P99_SECONDS, history.describe()
    assert max(p99s) < 1, history.describe()


def test_whose_turn_does_not_come_in_time_is_refused_r13(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_WAIT_SECONDS", 0.05)
    gate = HashingGate(concurrency=1, waiters=1)

    def wait() -> None:
        with gate.enter():
            pytest.fail("two ran at once")

    with ThreadPoolExecutor(1) as thread:
        with gate.enter():
            with pytest.raises(Unavailable) as refusal:
                thread.submit(wait).result(timeout=10)
            assert (refusal.value.reason, refusal.value.retry_after) == (Reason.HASHING_BUSY, 2)
        with gate.enter():
            entered_again = True
    assert entered_again


def test_who_was_admitted_is_not_refused_half_way_r13() -> None:
    """A check and the new hash at another cost are one sign-in: the second does not need another place."""
    gate = HashingGate(concurrency=1, waiters=0)
    hashing = Passwords(4, gate)
    with hashing.admission(), ThreadPoolExecutor(1) as thread:
        assert hashing.verify(PASSWORD, hashing.hash(PASSWORD))
        with pytest.raises(Unavailable):
            thread.submit(hashing.hash, PASSWORD).result(timeout=10)
    assert hashing.hash(PASSWORD)
