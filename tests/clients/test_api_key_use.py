"""When an API key was used last: written once a minute at most, by all processes together, and never in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from oidc_server.core import clock
from tests.clients.api_key_makers import Key, KeyedServer
from tests.log_lines import log_lines
from tests.relying_party import Server


@contextmanager
def writes(keyed: KeyedServer) -> Iterator[list[str]]:
    """The statements of the block that write to the table of keys."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("UPDATE api_keys"):
            found.append(statement)

    engine = keyed.server.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def used(keyed: KeyedServer, key: Key) -> datetime | None:
    """When the key was used last, as it is shown."""
    return keyed.stored(key).last_used_at


def test_a_hundred_requests_write_once(keyed: KeyedServer) -> None:
    key = keyed.make()
    assert used(keyed, key) is None
    with writes(keyed) as written:
        for _ in range(100):
            assert keyed.status(key.secret) == 200
            clock.travel(timedelta(seconds=0.5))
    assert len(written) == 1
    assert used(keyed, key) is not None


def test_requests_at_once_write_once(keyed: KeyedServer) -> None:
    key = keyed.make()
    with writes(keyed) as written, ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: KeyedServer.status(keyed, key.secret), range(8))) == {200}
    assert len(written) == 1


def test_what_is_shown_lags_by_a_minute_at_most(keyed: KeyedServer) -> None:
    key = keyed.make()
    with writes(keyed) as written:
        for _ in range(30):
            assert keyed.status(key.secret) == 200
            shown = used(keyed, key)
            assert shown is not None
            assert clock.now() - shown <= timedelta(seconds=60)
            clock.travel(timedelta(seconds=10))
    assert 4 <= len(written) <= 6


def test_several_processes_write_once_and_forget_no_minute(
    keyed: KeyedServer, make_server: Callable[..., Server]
) -> None:
    key, other = keyed.make(), KeyedServer(make_server())
    with writes(keyed) as first, writes(other) as second:
        assert keyed.status(key.secret) == 200
        clock.travel(timedelta(seconds=30))
        assert other.status(key.secret) == 200
        assert (len(first), len(second)) == (1, 0)
        clock.travel(timedelta(seconds=40))
        assert other.status(key.secret) == 200
        assert (len(first), len(second)) == (1, 1)
    shown = used(keyed, key)
    assert shown is not None
    assert clock.now() - shown < timedelta(seconds=5)


def test_a_refused_key_was_not_used(keyed: KeyedServer) -> None:
    key = keyed.make(networks=["192.0.2.0/24"])
    assert keyed.status(key.secret) == 401
    assert used(keyed, key) is None


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_database_that_takes_no_writes_is_no_reason_to_refuse(
    keyed: KeyedServer, capfd: pytest.CaptureFixture[str]
) -> None:
    key = keyed.make()
    with keyed.server.database.engine.begin() as connection:
        connection.execute(
            text("CREATE TRIGGER no_writes BEFORE UPDATE ON api_keys BEGIN SELECT RAISE(ABORT, 'read-only'); END")
        )
    try:
        assert [keyed.status(key.secret) for _ in range(3)] == [200] * 3
    finally:
        with keyed.server.database.engine.begin() as connection:
            connection.execute(text("DROP TRIGGER no_writes"))
    warnings = [line for line in log_lines(capfd) if line["event"] == "api_key_use_not_written"]
    assert [line["api_key"] for line in warnings] == [key.row.prefix]
    assert used(keyed, key) is None
