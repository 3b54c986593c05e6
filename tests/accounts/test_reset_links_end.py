"""G07: a link to set a new password is not good any more as soon as anything overtakes it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from oidc_server.authorizations.sweep import sweep
from oidc_server.core import clock
from oidc_server.core.crypto import digest
from oidc_server.core.identity import new_id
from oidc_server.users.links import Place, Purpose, make_link
from oidc_server.users.models import Link, User
from tests.accounts.json_client import JsonClient, problem
from tests.accounts.people import ADA, Town
from tests.app_login import make_app
from tests.browsing import Browser
from tests.relying_party import PASSWORD, TestUser

NEW = "four quiet green lamps"


def ask(town: Town) -> str:
    """Ask for a link; its token."""
    assert town.app.post("/auth/forgot-password", email=ADA).status_code == 202
    return town.token()


def is_refused(town: Town, token: str) -> bool:
    response = town.app.post("/auth/reset-password", token=token, password=NEW)
    if response.status_code == 200:
        return False
    assert problem(response) == (400, "link_invalid")
    return True


@pytest.fixture
def ada(town: Town) -> TestUser:
    return town.server.user(ADA)


@pytest.mark.usefixtures("ada")
def test_after_it_was_used_g07(town: Town) -> None:
    token = ask(town)
    assert not is_refused(town, token)
    assert is_refused(town, token)


@pytest.mark.usefixtures("ada")
def test_after_a_newer_one_was_sent_g07(town: Town) -> None:
    older, newer = ask(town), ask(town)
    assert is_refused(town, older)
    assert not is_refused(town, newer)


def test_after_the_password_was_changed_g07(town: Town, ada: TestUser) -> None:
    app = JsonClient(town.server).login(ada)
    token = ask(town)
    assert app.put("/users/me/password", current_password=PASSWORD, new_password=f"{NEW} 2").status_code == 204
    assert is_refused(town, token)


def test_after_the_email_address_was_changed_g07(town: Town, ada: TestUser) -> None:
    app = JsonClient(town.server).login(ada)
    token = ask(town)
    app.post("/auth/change-email", email="ada@example.org")
    assert app.post("/auth/change-email/confirm", token=town.token()).status_code == 200
    assert is_refused(town, token)


def test_after_the_address_alone_is_another_g07(town: Town, ada: TestUser) -> None:
    """As when an admin changed it: no link was cancelled, and none is good."""
    token = ask(town)
    with town.server.database.transaction() as session:
        session.execute(update(User).where(User.id == ada.id).values(email="a@b.org", email_key="a@b.org"))
    assert is_refused(town, token)


def test_after_a_sign_in_by_the_json_api_g07(town: Town, ada: TestUser) -> None:
    token = ask(town)
    JsonClient(town.server).login(ada)
    assert is_refused(town, token)


def test_after_a_sign_in_on_the_page_g07(town: Town, ada: TestUser) -> None:
    token = ask(town)
    make_app(town.server).log_in(Browser(town.server.app), ada)
    assert is_refused(town, token)


def test_after_the_account_was_suspended_g07(town: Town, ada: TestUser) -> None:
    token = ask(town)
    town.server.suspend(ada)
    assert is_refused(town, token)


@pytest.mark.usefixtures("ada")
def test_after_an_hour_g07(town: Town) -> None:
    token = ask(town)
    clock.travel(timedelta(hours=1, seconds=1))
    assert is_refused(town, token)


def test_one_that_still_waited_when_something_overtook_it_is_not_sent_g07(town: Town, ada: TestUser) -> None:
    """It was asked for before the sign-in, the new password, or its hour, and the mail server was away meanwhile."""
    town.app.post("/auth/forgot-password", email=ADA)
    app = JsonClient(town.server).login(ada)
    assert town.mail() == []
    town.app.post("/auth/forgot-password", email=ADA)
    app.put("/users/me/password", current_password=PASSWORD, new_password=NEW)
    assert [letter.subject for letter in town.mail()] == ["Your password was changed"]
    town.app.post("/auth/forgot-password", email=ADA)
    clock.travel(timedelta(hours=1, seconds=1))
    assert town.mail() == []


@pytest.mark.parametrize("database_kind", ["postgresql"])  # on SQLite there is one writer at a time
def test_a_password_changed_while_the_link_is_being_made_wins_g07(town: Town, ada: TestUser) -> None:
    """Between the look at the account and the lock on it."""
    place = Place(new_id(), clock.now(), ADA, ADA)
    with town.server.database.transaction() as composing:
        user = composing.get_one(User, ada.id)
        with town.server.database.transaction() as session:
            session.get_one(User, ada.id).password_changed_at = clock.now()
        assert make_link(composing, [b"key"], user, Purpose.RESET_PASSWORD, place) is None


@pytest.mark.usefixtures("ada")
def test_a_token_of_another_purpose_or_of_nobody_is_refused(town: Town) -> None:
    token = ask(town)
    assert problem(town.app.post("/auth/change-email/undo", token=token)) == (400, "link_invalid")
    for wrong in (token[:-1], token + "A", "A" * 43):
        assert is_refused(town, wrong)
    assert not is_refused(town, token)


@pytest.mark.usefixtures("ada")
def test_a_week_after_its_end_it_is_swept(town: Town) -> None:
    ask(town)
    clock.travel(timedelta(days=7, hours=1, seconds=1))
    assert sweep(town.server.database)["links"] == 1
    assert sweep(town.server.database)["links"] == 0


@pytest.mark.usefixtures("ada")
def test_the_database_holds_its_digest_only(town: Town) -> None:
    token = ask(town)
    with town.server.database.reading() as session:
        assert session.scalars(select(Link.digest)).one() == digest(token)


def test_looking_at_the_page_of_the_link_uses_nothing_up_g12(town: Town, ada: TestUser) -> None:
    """A scanner of mail follows links, and may send HEAD."""
    token = ask(town)
    for method in ("GET", "HEAD"):
        for path in ("/auth/reset-password", "/reset-password"):
            town.app.http.open(path, method=method, query_string={"token": token})
    assert not is_refused(town, token)
    JsonClient(town.server).login(TestUser(ada.id, ADA, NEW))
