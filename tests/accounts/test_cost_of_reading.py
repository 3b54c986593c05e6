"""What reading accounts costs the database: few statements, however many accounts are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from oidc_server.core import statements
from tests.accounts.json_client import JsonClient
from tests.relying_party import Server

_TRANSACTIONS = ("BEGIN", "COMMIT", "ROLLBACK")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement, whether SQLAlchemy runs it or the driver."""
    found: list[str] = []
    fetch = statements._fetch

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if not statement.startswith(_TRANSACTIONS):
            found.append(statement)

    def fetched(*arguments: Any) -> Any:
        found.append(arguments[2].text)
        return fetch(*arguments)

    monkeypatch.setattr(statements, "_fetch", fetched)
    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("path", "most"),
    [("/auth/me", 2), ("/users", 3), ("/users?query=a&is_active=true&limit=200", 4), ("/users/{id}", 2)],
)
def test_an_account_costs_two_statements_and_a_page_of_any_length_four_at_most(
    server: Server, counted: list[str], path: str, most: int
) -> None:
    """Whether the token is good; for the list, whether it is an admin's, how many begin so, where
    that was asked; and the accounts."""
    person = server.user(superuser=True)
    for number in range(20):
        server.user(f"a{number}@example.com", password=None)
    own = JsonClient(server).login(person)
    own.get("/auth/me")  # finds the client, which is kept
    counted.clear()
    assert own.http.get(path.format(id=person.id), headers=own.headers).status_code == 200
    assert 1 < len(counted) <= most, counted
