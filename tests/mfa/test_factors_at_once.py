"""Many at the same moment, over real worker processes: guesses (M07) are counted before they are looked at, and a code
that is right is good once (M04, M12)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest

from oidc_server.core.limit_rules import MFA_ATTEMPTS
from oidc_server.core.settings import Settings
from tests.accounts.json_client import JsonClient
from tests.mfa.json_app import owed
from tests.relying_party import Server, TestUser
from tests.running import NO_TLS, RunningServer, environment, serving
from tests.second_factors import enrol_totp, recovery_codes

pytestmark = pytest.mark.slow
CONNECTIONS, GUESSES, USES = 50, 500, 20
HOST = {"Host": "login.example.com"}
Body = dict[str, Any]


@pytest.fixture
def running(server: Server, settings: Settings, database_kind: str, tmp_path: Path) -> Iterator[RunningServer]:
    """The same installation in processes of their own."""
    env = environment(
        settings.database_url, settings.key_directory, secret_key=settings.secret_key, master_key=settings.master_key,
        hash_waiters=USES,
    )  # fmt: skip
    workers = 4 if database_kind == "postgresql" else 2
    with serving(env, tmp_path / "log", workers=workers, threads=USES + 8) as started:
        yield started


def at_once(running: RunningServer, bodies: Sequence[Body]) -> list[httpx.Response]:
    """Send all of them to /mfa/verify, as many at the same moment as there are connections."""
    connections = min(CONNECTIONS, len(bodies))
    barrier = Barrier(connections)

    def send(share: Sequence[Body]) -> list[httpx.Response]:
        with httpx.Client(base_url=running.url, headers=HOST, timeout=60, verify=NO_TLS) as http:
            http.get("/health/live")
            barrier.wait(timeout=60)
            return [http.post("/mfa/verify", json=body) for body in share]

    with ThreadPoolExecutor(connections) as pool:
        shares = pool.map(send, [bodies[place::connections] for place in range(connections)])
        return [answer for share in shares for answer in share]


def logins(server: Server, user: TestUser, count: int) -> list[str]:
    """The tokens of so many logins that wait for the factor."""
    return [owed(JsonClient(server), user)["mfa_token"] for _ in range(count)]


def test_of_500_guesses_at_once_no_more_are_looked_at_than_the_limit_allows_m07(
    server: Server, running: RunningServer
) -> None:
    user = server.user()
    totp = enrol_totp(server, user)
    (mfa_token,) = logins(server, user, 1)
    guess = {"mfa_token": mfa_token, "method_id": str(totp.method_id), "code": totp.wrong_code()}
    told = Counter((answer.status_code, answer.json()["code"]) for answer in at_once(running, [guess] * GUESSES))
    # For some no connection to the database is free in time: they were not looked at either.
    assert set(told) <= {(422, "second_factor_wrong"), (503, "service_unavailable")}, told
    assert told[422, "second_factor_wrong"] > GUESSES // 2, told
    assert len(server.audit("mfa.failed", str(user.id))) <= MFA_ATTEMPTS[0].amount
    assert 1 <= len(server.audit("mfa.throttled", str(user.id))) <= 2  # once a minute
    right = running.request("POST", "/mfa/verify", json=guess | {"code": totp.code()}, headers=HOST)
    assert (right.status_code, right.json()["code"]) == (422, "second_factor_wrong")  # M10: locked, and told the same


@pytest.mark.parametrize("kind", ["totp", "recovery"])
def test_one_code_at_once_in_twenty_logins_lets_one_in_m04_m12(
    server: Server, running: RunningServer, kind: str
) -> None:
    user = server.user()
    totp = enrol_totp(server, user)
    code: Callable[[], Body] = {
        "totp": lambda: {"method_id": str(totp.method_id), "code": totp.code()},
        "recovery": lambda: {"code": recovery_codes(server, user)[0]},
    }[kind]
    waiting = logins(server, user, USES)
    given = code()
    server.forget_limits()
    answers = at_once(running, [{"mfa_token": mfa_token} | given for mfa_token in waiting])
    told = Counter(answer.status_code for answer in answers)
    assert told[200] == 1, told
    assert told[200] + told[422] + told[503] == USES, told
    assert len(server.audit("user.signed_in", str(user.id))) == 1
