"""PostgreSQL through psycopg2, with an end to every wait.

A server that is stopped, or behind a network that swallows packets, neither answers nor closes the connection, and its
own statement timeout is of no use then: libpq would wait for ever. So psycopg2 waits here, by a deadline."""

import select
import time
from functools import partial
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import Connection as SqlalchemyConnection
from sqlalchemy import Dialect, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

_CONNECT_SECONDS = 2.0
_PING_SECONDS = 1.0
_FRESH_SECONDS = 1.0  # a connection that was used within this time is lent without a ping
_ANSWER_SECONDS = 0.5  # on top of the statement timeout: how late the server's own refusal may come


class PatientConnection(extensions.connection):
    """A connection that waits for ``patience`` seconds for each answer; None: as long as it takes.

    ``prepared`` names the statements that the server holds for it."""

    def __init__(self, *arguments: Any, patience: float, **options: Any) -> None:
        self.patience: float | None = patience
        self.returned_at = 0.0
        self.prepared: set[str] = set()
        super().__init__(*arguments, **options)


def _wait(connection: Any) -> None:
    """What psycopg2 calls whenever it has to wait. What is raised here closes the connection."""
    state = connection.poll()
    if state == extensions.POLL_OK:
        return
    patience = getattr(connection, "patience", None)
    deadline = None if patience is None else time.monotonic() + patience
    while state != extensions.POLL_OK:
        poller = select.poll()
        poller.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
        left = None if deadline is None else max(0.0, (deadline - time.monotonic()) * 1000)
        if not poller.poll(left):
            raise psycopg2.OperationalError(f"the database did not answer within {patience} seconds")
        state = connection.poll()


def connect_arguments(statement_timeout_ms: int) -> dict[str, Any]:
    """What psycopg2 is given for each connection."""
    return {
        "connection_factory": partial(PatientConnection, patience=_at_most(_CONNECT_SECONDS, statement_timeout_ms)),
        # A dead peer is noticed within 15 s also while nothing is asked of it.
        "keepalives_idle": 5,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
        "application_name": "oidc-server",
        "options": f"-c statement_timeout={statement_timeout_ms} -c lock_timeout={statement_timeout_ms} "
        f"-c idle_in_transaction_session_timeout={statement_timeout_ms * 4} -c timezone=UTC",
    }


def bound_waits(engine: Engine, statement_timeout_ms: int) -> None:
    """Let nobody wait on a connection of ``engine`` for much longer than the server itself would let them.

    A connection in the pool is only ever pinged, which is quick or hopeless."""
    extensions.set_wait_callback(_wait)
    answer = statement_timeout_ms / 1000 + _ANSWER_SECONDS
    ping = _at_most(_PING_SECONDS, statement_timeout_ms)

    def lent(connection: Any, _record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        connection.patience = answer

    def returned(connection: Any, _record: ConnectionPoolEntry) -> None:
        if connection is not None:
            connection.patience = ping
            connection.returned_at = time.monotonic()

    dialect = engine.dialect
    ping_now = dialect.do_ping

    def ping_unless_just_used(connection: Any) -> bool:
        return time.monotonic() - connection.returned_at < _FRESH_SECONDS or ping_now(connection)

    dialect.do_ping = ping_unless_just_used  # type: ignore[assignment, method-assign]
    event.listen(engine, "checkout", lent)
    event.listen(engine, "checkin", returned)
    event.listen(engine, "do_connect", _connect)


def wait_without_end(connection: SqlalchemyConnection) -> None:
    """Until ``connection`` goes back to the pool, wait for its answers as long as it takes: for migrations."""
    driver_connection: Any = connection.connection.dbapi_connection
    driver_connection.patience = None


def _at_most(seconds: float, statement_timeout_ms: int) -> float:
    return min(seconds, statement_timeout_ms / 1000)


def _connect(
    dialect: Dialect, _record: ConnectionPoolEntry, arguments: Any, parameters: dict[str, Any]
) -> DBAPIConnection:
    """Connect, and name the host in an error, as libpq does where psycopg2 leaves the waiting to it.

    The hosts of a URL that names several are tried one by one. libpq would try them by itself, but the deadline is one
    for the whole list, and the first host may be the one that is silent. Of several, only one that takes writes will
    do, unless the URL says otherwise: a standby knows too little of what was just revoked, and a pooled connection to
    it would go on to refuse every write after the primary is back."""
    hosts = str(parameters.get("host", "")).split(",")
    ports = str(parameters.get("port", "")).split(",")
    if len(hosts) > 1:
        parameters = {"target_session_attrs": "read-write"} | parameters
    failure = None
    for host, port in zip(hosts, ports * len(hosts) if len(ports) == 1 else ports, strict=True):
        try:
            return dialect.connect(*arguments, **parameters | {"host": host or None, "port": port or None})
        except psycopg2.OperationalError as error:
            text = str(error)
            if not text.startswith(("connection to", "could not translate")):
                text = f'connection to server at "{host}", port {port} failed: {text}'
            failure = psycopg2.OperationalError(text)
    assert failure is not None  # noqa: S101 - there is at least one host
    raise failure
