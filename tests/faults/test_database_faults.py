"""The database hangs, restarts, becomes read-only, is full, locked, or cut off: real processes on a real PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import psycopg2
import pytest
from sqlalchemy import text

from oidc_server.core.database import make_engine
from tests.faults.history import HANG_SECONDS, Caller, History, load
from tests.faults.installation import (
    DOCUMENTS,
    Chain,
    Installation,
    all_workers,
    client_credentials,
    documents,
    introspection,
)
from tests.faults.postgresql import MAX_CONNECTIONS, OwnPostgreSQL
from tests.faults.proxy import Proxy
from tests.faults.recovery import NO_DATABASE, READY, UNREADY_WITHIN, assert_recovered, assert_went_on, first_unready
from tests.relying_party import TestClient
from tests.running import RunningServer

pytestmark = pytest.mark.slow

Figures = Callable[[str], None]
NewChain = Callable[[], Chain]
STATEMENT_TIMEOUT = 3.0
POOLED_CONNECTIONS = 2 * 10


@pytest.fixture(scope="module")
def running(site: Installation) -> Iterator[RunningServer]:
    """One server for all the faults: after each it must recover without a restart. Its clients stay in memory."""
    with site.serving(client_cache_seconds=60) as server:
        workers = all_workers(server, 2)
        yield server
        assert all_workers(server, 2) == workers, "a worker was lost"


@pytest.fixture
def service(site: Installation, running: RunningServer) -> TestClient:
    """A service that every worker knows."""
    client, history = site.owner.client(), History()
    with load(running.url, history, *[client_credentials(client)] * 8, keep_alive=False):
        time.sleep(0.5)
    assert set(history.statuses()) == {200}
    return client


@pytest.fixture
def token(site: Installation, service: TestClient) -> str:
    """An access token of the service for itself."""
    access_token: str = site.owner.token(service).get_json()["access_token"]
    return access_token


@pytest.fixture
def new_chain(site: Installation) -> NewChain:
    """Makes a signed-in person's chain of refresh tokens."""
    web = site.owner.first_party()
    return lambda: Chain(web, site.owner.sign_in(web, site.owner.user())["refresh_token"])


def test_a_frozen_database_stops_only_what_needs_it_x05(
    running: RunningServer, postgresql: OwnPostgreSQL, service: TestClient, token: str, new_chain: NewChain,
    figures: Figures,
) -> None:  # fmt: skip
    """More callers hang on the database than a worker has threads; what needs none is answered all the same."""
    chains, history = [new_chain() for _ in range(30)], History()
    waiting = [*[introspection(service, token)] * 15, *(chain.keep_on for chain in chains)]
    with (
        load(running.url, history, *documents(), client_credentials(service), READY, pause=0.05),
        load(running.url, history, *waiting, pause=0.3),
    ):
        time.sleep(1)
        with postgresql.frozen():
            frozen = time.monotonic()
            time.sleep(5)
        thawed = time.monotonic()
        running.wait_until_ready()
        time.sleep(1.5)
    figures(history.describe(since=frozen, until=thawed))
    history.assert_failures_are_clean()
    assert_went_on(history, *NO_DATABASE, since=frozen, until=thawed)
    assert 503 in history.statuses("introspection", since=frozen, until=thawed)
    assert first_unready(history, frozen) - frozen < UNREADY_WITHIN
    assert_recovered(history, running, thawed, chains)


def test_a_restart_fails_one_request_per_connection_at_most_x06(
    running: RunningServer, postgresql: OwnPostgreSQL, service: TestClient, token: str, new_chain: NewChain,
    figures: Figures,
) -> None:  # fmt: skip
    chains, history = [new_chain() for _ in range(6)], History()
    asking = [introspection(service, token), *(chain.keep_on for chain in chains)]
    with load(running.url, history, *documents(), client_credentials(service), READY, *asking, pause=0.05):
        time.sleep(1)
        began = time.monotonic()
        postgresql.restart()
        back = time.monotonic()
        running.wait_until_ready()
        time.sleep(1.5)
    figures(f"away for {back - began:.2f} s\n{history.describe(since=began)}")
    history.assert_failures_are_clean()
    assert_went_on(history, *NO_DATABASE, since=began)
    assert history.statuses("refresh", "introspection", since=back)[503] <= POOLED_CONNECTIONS
    assert_recovered(history, running, back, chains)


def test_a_read_only_database_refuses_what_has_to_write_x09(
    site: Installation, running: RunningServer, postgresql: OwnPostgreSQL, service: TestClient, token: str,
    new_chain: NewChain,
) -> None:  # fmt: skip
    chains, history, user = [new_chain() for _ in range(4)], History(), site.owner.user()
    person = site.owner.first_party()
    sign_in = {"grant_type": "password", "username": user.email, "password": user.password}
    before = rows(postgresql)
    with postgresql.read_only():
        time.sleep(0.5)
        since = time.monotonic()
        jobs = [*documents(), client_credentials(service), introspection(service, token), READY]
        with load(running.url, history, *jobs, *(chain.keep_on for chain in chains), pause=0.1):
            with closing(Caller(running.url, history)) as caller:
                auth = (person.client_id, person.client_secret or "")
                caller.ask("sign_in", "POST", "/oauth/token", data=sign_in, auth=auth)
            time.sleep(1.5)
        until = time.monotonic()
        assert rows(postgresql) == before
    history.assert_failures_are_clean()
    assert_went_on(history, *NO_DATABASE, "introspection", since=since, until=until)
    assert set(history.statuses("refresh", "sign_in")) == {503}, history.describe()
    time.sleep(0.5)
    with closing(Caller(running.url, history)) as caller:
        assert [chain.refresh(caller).status for chain in chains] == [200] * len(chains)
        answer = caller.ask("sign_in", "POST", "/oauth/token", data=sign_in, auth=auth)
        assert answer.status == 200, answer


def rows(postgresql: OwnPostgreSQL) -> list[int]:
    """How many rows there are in what refreshing and signing in write."""
    tables = ("sessions", "authorizations", "refresh_tokens", "audit_events")
    with closing(psycopg2.connect(postgresql.url())) as connection, connection.cursor() as cursor:
        counts = []
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {table}")
            counts += [count for (count,) in cursor]
        cursor.execute("SELECT count(*) FROM refresh_tokens WHERE used_at IS NULL")
        return counts + [count for (count,) in cursor]


def test_without_a_free_connection_the_answer_is_a_quick_503_x12(
    running: RunningServer, postgresql: OwnPostgreSQL, service: TestClient, new_chain: NewChain, figures: Figures
) -> None:
    chains, history = [new_chain() for _ in range(12)], History()
    with ExitStack() as taken:
        taken_by_server = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'oidc-server'"
        )
        postgresql.run(taken_by_server)
        for _ in range(MAX_CONNECTIONS + 1):
            try:
                taken.enter_context(closing(psycopg2.connect(postgresql.url(), connect_timeout=5)))
            except psycopg2.OperationalError:
                break
        since = time.monotonic()
        jobs = [*documents(), client_credentials(service), READY]
        with load(running.url, history, *jobs, *(chain.keep_on for chain in chains), pause=0.1):
            time.sleep(2)
        until = time.monotonic()
    figures(history.describe(since=since, until=until))
    history.assert_failures_are_clean()
    assert_went_on(history, *NO_DATABASE, since=since, until=until)
    assert set(history.statuses("refresh", "ready", since=since, until=until)) == {503}
    assert history.seconds(1, "refresh", since=since, until=until) < 1 + 1, "not within the pool's own timeout"
    freed = time.monotonic()
    with load(running.url, history, READY, *(chain.keep_on for chain in chains), pause=0.1):
        time.sleep(1.5)
    assert_recovered(history, running, freed, chains)


@pytest.mark.parametrize("table", ["users", "refresh_tokens"])
def test_a_lock_holds_up_only_what_needs_the_table_x13(
    running: RunningServer, postgresql: OwnPostgreSQL, service: TestClient, token: str, new_chain: NewChain,
    table: str, figures: Figures,
) -> None:  # fmt: skip
    """As long as fewer requests wait for the lock than a worker has database connections."""
    chains, history = [new_chain() for _ in range(6)], History()
    jobs = [*documents(), client_credentials(service), introspection(service, token), READY]
    with load(running.url, history, *jobs, *(chain.keep_on for chain in chains), pause=0.1):
        time.sleep(0.5)
        with postgresql.locked(table):
            locked = time.monotonic()
            time.sleep(STATEMENT_TIMEOUT + 1)
        unlocked = time.monotonic()
        time.sleep(1.5)
    figures(history.describe(since=locked, until=unlocked))
    history.assert_failures_are_clean()
    assert_went_on(history, *NO_DATABASE, "introspection", "ready", since=locked, until=unlocked)
    refused = [one for one in history.of("refresh", until=unlocked) if one.status == 503]
    assert len(refused) == len(chains)
    assert all(one.seconds < STATEMENT_TIMEOUT + 1 for one in refused), history.describe("refresh")
    assert_recovered(history, running, unlocked, chains)


def test_a_silent_network_is_noticed_x45(
    site: Installation, postgresql: OwnPostgreSQL, new_chain: NewChain, figures: Figures
) -> None:
    """The signing keys are in that database too, clients are soon forgotten, and a browser's origin is looked up."""
    chains, history = [new_chain() for _ in range(20)], History()

    def in_a_browser(caller: Caller) -> None:
        caller.ask("browser", "POST", "/oauth/token", headers={"Origin": "https://app.example.com"})

    with (
        Proxy(lambda: ("127.0.0.1", postgresql.port)) as network,
        site.serving(
            database_url=postgresql.url(port=network.port), key_store="database", client_cache_seconds=1
        ) as server,
        load(server.url, history, *documents(), READY, pause=0.05),
        load(server.url, history, in_a_browser, *(chain.keep_on for chain in chains), pause=0.3),
    ):
        time.sleep(1.5)
        network.silent.set()
        silent = time.monotonic()
        time.sleep(5)
        network.speak()
        speaking = time.monotonic()
        server.wait_until_ready()
        time.sleep(3)
        figures(history.describe(since=silent, until=speaking))
        assert_went_on(history, *DOCUMENTS, since=silent, until=speaking)
        refused = [one for one in history.of(since=silent, until=speaking) if one.status == 503]
        assert {"ready", "refresh"} <= {one.operation for one in refused}
        assert first_unready(history, silent) - silent < UNREADY_WITHIN
        assert set(history.statuses("browser")) <= {400, 503}, history.describe("browser")
        assert history.seconds(1, "browser") < HANG_SECONDS + 1
        assert_recovered(history, server, speaking, chains)


def test_a_silent_host_is_passed_over_when_the_address_names_another(postgresql: OwnPostgreSQL) -> None:
    with Proxy(lambda: ("127.0.0.1", postgresql.port)) as network:
        network.silent.set()
        address = postgresql.url().replace(f"127.0.0.1:{postgresql.port}", "")
        hosts = f"host=127.0.0.1:{network.port}&host=127.0.0.1:{postgresql.port}"
        engine = make_engine(f"{address}?{hosts}", pool_size=1, statement_timeout_ms=1000)
        started = time.monotonic()
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
        engine.dispose()
    assert time.monotonic() - started < HANG_SECONDS
