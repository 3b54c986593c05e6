"""Transactions: returning commits, raising rolls back, readers never wait for a writer."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from oidc_server.core import clock
from oidc_server.core.database import UtcDateTime, engine_url
from oidc_server.core.limits import RateLimitCounter
from tests.relying_party import Server


def row(key: str) -> RateLimitCounter:
    return RateLimitCounter(key=key, hits=1, expires_at=clock.now())


def keys(session: Session) -> set[str]:
    return set(session.scalars(select(RateLimitCounter.key)))


def test_returning_commits_and_raising_rolls_back(server: Server) -> None:
    with server.database.transaction() as session:
        session.add(row("kept"))

    def raise_in_transaction() -> None:
        with server.database.transaction() as session:
            session.add(row("lost"))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        raise_in_transaction()
    with server.database.reading() as session:
        assert keys(session) == {"kept"}


def test_what_a_reader_changes_is_thrown_away(server: Server) -> None:
    with server.database.reading() as session:
        session.add(row("never"))
    with server.database.reading() as session:
        assert keys(session) == set()


def test_a_reader_does_not_wait_for_a_writer(server: Server) -> None:
    writing, read = threading.Event(), threading.Event()

    def write() -> None:
        with server.database.transaction() as session:
            session.add(row("slow"))
            session.flush()
            writing.set()
            assert read.wait(timeout=10)

    writer = threading.Thread(target=write)
    writer.start()
    assert writing.wait(timeout=10)
    with server.database.reading() as session:
        assert keys(session) == set()
    read.set()
    writer.join(timeout=10)
    with server.database.reading() as session:
        assert keys(session) == {"slow"}


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), sqlite.dialect())  # noqa: DTZ001 - that is the fault


def test_postgresql_means_psycopg2_here() -> None:
    assert engine_url("postgresql://u:p@h/d") == "postgresql+psycopg2://u:p@h/d"
    assert engine_url("sqlite:///x") == "sqlite:///x"
