"""What registering costs tells nothing: the same work, statement by statement, for a new address and a taken one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import bcrypt
import pytest
from sqlalchemy import event

from oidc_server.core.database import Database
from tests.accounts.people import ADA, Town

STATEMENTS_AT_MOST = 12


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Every statement that is run inside the block by what writes, those that begin and end transactions too."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        seen.append(" ".join(statement.split()))

    def commit(_connection: Any) -> None:
        seen.append("COMMIT")

    def rollback(_connection: Any) -> None:
        seen.append("ROLLBACK")

    listeners: dict[str, Callable[..., None]] = {
        "before_cursor_execute": note, "commit": commit, "rollback": rollback,
    }  # fmt: skip
    for name, listener in listeners.items():
        event.listen(database.engine, name, listener)
    yield seen
    for name, listener in listeners.items():
        event.remove(database.engine, name, listener)


def test_a_new_and_a_taken_address_cost_the_same_g01(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes, make = [0], bcrypt.hashpw

    def hashed(*arguments: Any) -> bytes:
        hashes[0] += 1
        return make(*arguments)

    monkeypatch.setattr(bcrypt, "hashpw", hashed)
    town.server.user(ADA)
    costs = []
    for email in ("first@example.com", ADA, "bob@example.com", "ADA@example.com", "eve@example.com"):
        hashes[0] = 0
        with statements(town.server.database) as seen:
            name = email.partition("@")[0]
            assert town.register(email, username=f"{name}.x", full_name="Somebody", profile={}).status_code == 201
        costs.append((hashes[0], seen))
    assert [cost[0] for cost in costs] == [1] * 5
    assert costs[1][1] == costs[2][1] == costs[3][1] == costs[4][1]
    assert len([one for one in costs[1][1] if one.startswith(("INSERT", "SELECT", "UPDATE"))]) <= STATEMENTS_AT_MOST


def test_asking_for_the_link_again_costs_the_same_whoever_it_is_for_g01(town: Town) -> None:
    verified = town.server.user()
    town.register()
    costs = []
    for email in (ADA, verified.email, "nobody@example.com"):
        with statements(town.server.database) as seen:
            assert town.app.post("/auth/resend-verification", email=email).status_code == 202
        costs.append(seen)
    assert costs[0] == costs[1] == costs[2]
    assert not [one for one in costs[0] if "FROM users" in one]
