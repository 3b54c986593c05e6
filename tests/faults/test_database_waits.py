"""No wait for the database is without an end: for an answer, for a connection, or for a free one in the pool."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Timer

import pytest
from flask import Response
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from oidc_server.core.database import make_engine
from oidc_server.core.postgresql import wait_without_end
from tests.faults.postgresql import OwnPostgreSQL
from tests.faults.proxy import Proxy
from tests.relying_party import Server

TIMEOUT_MS = 500
SELECT = text("SELECT 1")


@pytest.fixture
def network(postgresql: OwnPostgreSQL) -> Iterator[Proxy]:
    with Proxy(lambda: ("127.0.0.1", postgresql.port)) as proxy:
        yield proxy


@pytest.fixture
def engine(postgresql: OwnPostgreSQL, network: Proxy) -> Iterator[Engine]:
    made = make_engine(postgresql.url(port=network.port), pool_size=1, statement_timeout_ms=TIMEOUT_MS)
    yield made
    made.dispose()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def ask(engine: Engine) -> int:
    with engine.connect() as connection:
        answer: int = connection.execute(SELECT).scalar_one()
        return answer


def test_a_statement_that_is_never_answered_ends_x05(engine: Engine, network: Proxy) -> None:
    with engine.connect() as connection:
        network.silent.set()
        with within(3), pytest.raises(OperationalError, match=r"did not answer within 1\.0 seconds") as error:
            connection.execute(SELECT)
        assert error.value.connection_invalidated
    network.speak()
    assert ask(engine) == 1


def test_a_commit_that_is_never_answered_ends_x05(engine: Engine, network: Proxy) -> None:
    with engine.connect() as connection:
        connection.execute(SELECT)
        network.silent.set()
        with within(3), pytest.raises(OperationalError, match="did not answer"):
            connection.commit()
    network.speak()
    assert ask(engine) == 1


def test_a_pooled_connection_that_went_silent_and_a_new_one_that_never_opens_end_x45(
    engine: Engine, network: Proxy
) -> None:
    assert ask(engine) == 1
    time.sleep(1.1)  # one that was just used is lent without a ping
    network.silent.set()
    with within(3), pytest.raises(OperationalError, match=f"port {network.port} failed: .* did not answer"):
        ask(engine)
    network.speak()
    assert ask(engine) == 1


def test_a_migration_waits_as_long_as_it_takes(engine: Engine, network: Proxy) -> None:
    with engine.connect() as connection:
        connection.execute(SELECT)
        wait_without_end(connection)
        network.silent.set()
        Timer(1.5, network.speak).start()
        assert connection.execute(SELECT).scalar_one() == 1
    assert ask(engine) == 1


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_whoever_finds_the_pool_stuck_is_refused_at_once_x05(kind: str, make_database: Callable[[str], str]) -> None:
    """Waiting holds a thread; the first to wait do so for half a second, and those after them not at all."""
    engine = make_engine(make_database(kind), pool_size=2, statement_timeout_ms=3000)
    with ThreadPoolExecutor(4) as threads:
        with engine.connect(), engine.connect():
            with within(3):
                for waiting in [threads.submit(ask, engine) for _ in range(4)]:
                    with pytest.raises(PoolTimeoutError):
                        waiting.result()
            with within(0.3), pytest.raises(PoolTimeoutError, match="none has come back lately"):
                ask(engine)
        assert ask(engine) == 1
        assert list(threads.map(ask, [engine] * 20)) == [1] * 20
    engine.dispose()


class ConnectionLost(DBAPIError):
    """What SQLAlchemy makes of a driver's error of no particular kind on a connection that broke."""

    def __init__(self) -> None:
        super().__init__("SELECT secret", {}, Exception("server closed the connection"), connection_invalidated=True)


@pytest.mark.parametrize("error", [ConnectionLost(), PoolTimeoutError("the pool")])
def test_a_fault_after_the_view_is_told_as_any_other(make_server: Callable[..., Server], error: Exception) -> None:
    server = make_server()
    faults = [error]

    @server.app.after_request
    def fail_once(response: Response) -> Response:
        if faults:
            raise faults.pop()
        return response

    answer = server.http.get("/health/live")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.json is not None
    assert answer.json["code"] == "service_unavailable"
    assert server.http.get("/health/live").status_code == 200
