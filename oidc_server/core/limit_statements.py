"""The statements that count attempts in the table of counters, for SQLite and PostgreSQL alike.

Each is one statement, so no attempt is lost. Several counters are locked in the order of their keys, so that requests
that count the same wait for each other, and none for one that waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import Executable, Integer, String, TextClause, bindparam, text

from oidc_server.core.database import UtcDateTime

_UPSERT = (
    "INSERT INTO rate_limit_counters AS c (key, hits, expires_at) VALUES {rows} ON CONFLICT (key) DO UPDATE SET"
    " hits = CASE WHEN c.expires_at <= :now THEN excluded.hits ELSE c.hits + excluded.hits END,"
    " expires_at = CASE WHEN c.expires_at <= :now THEN excluded.expires_at ELSE c.expires_at END"
)
_LOOK = "SELECT hits FROM rate_limit_counters WHERE key = :looked_at AND expires_at > :now"
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def count(key: str, amount: int, *, end: datetime, now: datetime) -> Executable:
    """Add ``amount``, beginning a new window until ``end`` when the old one is over. Gives ``hits``."""
    statement = text(_UPSERT.format(rows="(:key, :amount, :end)") + " RETURNING hits")
    return _bound(statement, {"key": key, "amount": amount}, now=now, end=end).columns(hits=Integer)


def count_each(ends: Mapping[str, datetime], looked_at: str, *, now: datetime) -> tuple[Executable, dict[str, Any]]:
    """:func:`count` one under several keys, each with the end of a new window. Gives ``key`` and ``hits`` of each, and
    beside them ``looked_at``: the hits under that further key, NULL when no window of it runs.

    The statement and its values: it is the same one for as many keys, because to make it costs more than to run it."""
    keys = sorted(ends)
    values: dict[str, Any] = {"now": now, "looked_at": looked_at}
    for number, key in enumerate(keys):
        values |= {f"key{number}": key, f"end{number}": ends[key]}
    return _counting(len(keys)), values


@cache
def _counting(keys: int) -> Executable:
    rows = ", ".join(f"(:key{number}, 1, :end{number})" for number in range(keys))
    statement = text(f"{_UPSERT.format(rows=rows)} RETURNING key, hits, ({_LOOK}) AS looked_at")
    instants = ["now", *(f"end{number}" for number in range(keys))]
    typed = statement.bindparams(*(bindparam(name, type_=UtcDateTime) for name in instants))
    return typed.columns(key=String, hits=Integer, looked_at=Integer)


def take_back(keys: list[str]) -> Executable:
    """Count one less under keys that this transaction has counted; a window that was begun for it has not begun."""
    statement = text(
        "UPDATE rate_limit_counters SET hits = hits - 1,"
        " expires_at = CASE WHEN hits <= 1 THEN :long_ago ELSE expires_at END WHERE key IN :keys"
    )
    return _bound(statement.bindparams(bindparam("keys", expanding=True)), {"keys": keys}, long_ago=_LONG_AGO)


def _bound(statement: TextClause, values: Mapping[str, Any], **instants: datetime) -> TextClause:
    return statement.bindparams(
        *(bindparam(name, value, UtcDateTime) for name, value in instants.items()), **dict(values)
    )
