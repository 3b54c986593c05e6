"""What a sign-in costs: one password hash and at most a dozen statements; and what the way on to the code costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import bcrypt
import pytest
from sqlalchemy import Engine, event

from oidc_server.core import clock, statements
from tests.accounts.json_client import JsonClient
from tests.app_login import App
from tests.browsing import Browser
from tests.relying_party import Server, TestUser

# Four of them are what every sign-in takes care of: when it was, that a closed account is open again, that no link to
# set a password is left, and whether the device is known.
STATEMENTS_AT_MOST = 12
STATEMENTS_ON_A_NEW_DEVICE = STATEMENTS_AT_MOST + 1  # the mail about it, to be sent later
# The session is the same; the grant, how it stands and its refresh token come with the answer, and no request waited.
STATEMENTS_BY_JSON = STATEMENTS_AT_MOST + 2
STATEMENTS_TO_REFRESH = 3  # to find the token locked, to use it up, and its successor; use of the session costs none
# The client, the session, the consent, whether the challenge is fresh; the grant and its code.
STATEMENTS_WHEN_SIGNED_IN = 6
STATEMENTS_TO_GO_ON = STATEMENTS_WHEN_SIGNED_IN + 2  # the request that waited, and that it waits no more
_TRANSACTIONS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@dataclass
class Cost:
    """What was done: statements, without those that begin transactions, and password hashes."""

    statements: list[str] = field(default_factory=list)
    hashes: int = 0

    def note(self, statement: str) -> None:
        if not statement.startswith(_TRANSACTIONS):
            self.statements.append(" ".join(statement.split())[:100])


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cost]:
    """Counts all the while: what SQLAlchemy runs, what hot statements run by the driver, and bcrypt."""
    counted = Cost()
    fetch, check, make = statements._fetch, bcrypt.checkpw, bcrypt.hashpw

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        counted.note(statement)

    def fetched(*arguments: Any) -> Any:
        counted.note(arguments[2].text)
        return fetch(*arguments)

    def hashed(work: Any, *arguments: Any) -> Any:
        counted.hashes += 1
        return work(*arguments)

    monkeypatch.setattr(statements, "_fetch", fetched)
    monkeypatch.setattr(bcrypt, "checkpw", lambda *arguments: hashed(check, *arguments))
    monkeypatch.setattr(bcrypt, "hashpw", lambda *arguments: hashed(make, *arguments))
    event.listen(Engine, "before_cursor_execute", note)
    yield counted
    event.remove(Engine, "before_cursor_execute", note)


@contextmanager
def measured(cost: Cost) -> Iterator[Cost]:
    """The cost of what happens inside of the block."""
    cost.statements.clear()
    cost.hashes = 0
    yield cost


@pytest.fixture
def user(server: Server, web: App) -> TestUser:
    """A person who has allowed the app all that it asks for."""
    made = server.user()
    web.tokens(web.log_in(Browser(server.app), made))
    return made


@pytest.mark.parametrize("remember", [{}, {"remember": "1"}])
def test_signing_in_costs_one_hash_and_a_dozen_statements(
    web: App, user: TestUser, cost: Cost, remember: dict[str, str]
) -> None:
    """The form; and then, in a request of its own, the way on to the code."""
    browser = Browser(web.server.app)
    page = web.open(browser)
    typed = page.form.fields | {"login": user.email, "password": user.password} | remember
    with measured(cost):
        signed_in = browser.http.post(page.path, data=typed)
    assert cost.hashes == 1
    assert len(cost.statements) <= STATEMENTS_AT_MOST, "\n".join(cost.statements)
    with measured(cost):
        visit = browser.open(signed_in.headers["Location"])
    assert web.code(visit)
    assert cost.hashes == 0
    assert len(cost.statements) <= STATEMENTS_TO_GO_ON, "\n".join(cost.statements)


def test_a_device_that_is_not_known_costs_one_statement_more(web: App, user: TestUser, cost: Cost) -> None:
    browser = Browser(web.server.app)
    browser.http.environ_base["HTTP_USER_AGENT"] = "Another/1.0"
    page = web.open(browser)
    typed = page.form.fields | {"login": user.email, "password": user.password}
    with measured(cost):
        assert browser.http.post(page.path, data=typed).status_code == 303
    assert len(cost.statements) <= STATEMENTS_ON_A_NEW_DEVICE, "\n".join(cost.statements)


def test_signing_in_by_json_costs_about_the_same_and_a_refresh_little(web: App, user: TestUser, cost: Cost) -> None:
    app = JsonClient(web.server).login(user)  # the first sign-in of all makes the client
    with measured(cost):
        app.login(user)
    assert cost.hashes == 1
    assert len(cost.statements) <= STATEMENTS_BY_JSON, "\n".join(cost.statements)
    clock.travel(timedelta(minutes=5))
    assert app.get("/auth/me").status_code == 200  # the client is looked up anew
    with measured(cost):
        assert app.post("/auth/refresh", refresh_token=app.tokens["refresh_token"]).status_code == 200
    assert cost.hashes == 0
    assert len(cost.statements) <= STATEMENTS_TO_REFRESH, "\n".join(cost.statements)


def test_a_wrong_password_costs_one_hash_too(web: App, user: TestUser, cost: Cost) -> None:
    browser = Browser(web.server.app)
    page = web.open(browser)
    browser.sign_in(page, "first@example.com", "a wrong password")  # the decoy is made once a process
    for name in (user.email, "nobody@example.com"):
        with measured(cost):
            assert browser.sign_in(page, name, "a wrong password").status == 422
        assert cost.hashes == 1
        assert len(cost.statements) <= STATEMENTS_AT_MOST, "\n".join(cost.statements)


def test_who_is_limited_costs_no_hash(web: App, user: TestUser, cost: Cost) -> None:
    browser = Browser(web.server.app)
    page = web.open(browser)
    while browser.sign_in(page, user.email, "a wrong password").status != 429:
        pass
    with measured(cost):
        assert browser.sign_in(page, user.email, user.password).status == 429
    assert cost.hashes == 0


def test_who_is_signed_in_costs_few_statements(
    web: App, user: TestUser, cost: Cost, record_property: Callable[[str, object], None]
) -> None:
    """With a session and a consent that is remembered."""
    browser = Browser(web.server.app)
    web.tokens(web.log_in(browser, user))
    address = web.address()
    with measured(cost):
        visit = browser.open(address)
    assert web.code(visit)
    assert cost.hashes == 0
    record_property("statements", len(cost.statements))
    assert len(cost.statements) <= STATEMENTS_WHEN_SIGNED_IN, "\n".join(cost.statements)
