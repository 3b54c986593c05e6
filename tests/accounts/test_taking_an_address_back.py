"""A thief has changed the address of an account: its owner takes it back by the mail that the thief does not read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from oidc_server.audit.service import SYSTEM
from oidc_server.authorizations import consents
from oidc_server.authorizations.consents import Asked
from oidc_server.core import clock
from oidc_server.users.models import Closure, User
from oidc_server.users.service import create_user
from tests.accounts.json_client import JsonClient, problem
from tests.accounts.people import ADA, Town, token_of
from tests.app_login import make_app
from tests.relying_party import PASSWORD, TestUser, body_of

THIEF, THIEF_TOO = "thief@example.net", "thief@example.org"
NEW = "four quiet green lamps"
UNDO = "/auth/change-email/undo"


@pytest.fixture
def ada(town: Town) -> TestUser:
    """Ada, as whom a thief is signed in."""
    user = town.server.user(ADA)
    town.app.login(user)
    return user


def change(town: Town, email: str = THIEF) -> str:
    """The thief changes the address; the token that takes it back."""
    assert town.app.post("/auth/change-email", email=email).status_code == 202
    assert town.app.post("/auth/change-email/confirm", token=town.token()).status_code == 200
    return town.token()


def email_now(town: Town, user: TestUser) -> str | None:
    with town.server.database.reading() as session:
        return session.scalar(select(User.email).where(User.id == user.id))


def test_the_owner_has_the_account_again_and_the_thief_has_nothing_g17(town: Town, ada: TestUser) -> None:
    token = change(town)
    web = make_app(town.server)
    with town.server.app.app_context(), town.server.database.transaction() as session:
        consents.remember(session, user_id=ada.id, client_id=web.client.client_id, asked=Asked(frozenset({"openid"})))
    response = JsonClient(town.server).post(UNDO, token=token)
    assert (response.status_code, body_of(response)) == (200, {"email": ADA, "is_verified": True})
    assert problem(town.app.get("/auth/me")) == (401, "unauthorized")
    assert town.app.post("/auth/refresh", refresh_token=town.app.tokens["refresh_token"]).status_code == 401
    for email in (ADA, THIEF):
        assert problem(JsonClient(town.server).post("/auth/login", email=email, password=PASSWORD))[0] == 401
    with town.server.database.reading() as session:
        assert not consents.remembered(session, user_id=ada.id, client_id=web.client.client_id)
    (letter,) = town.mail()
    assert (letter.recipient, letter.subject) == (ADA, "Set a new password")
    stranger = JsonClient(town.server)
    assert stranger.post("/auth/reset-password", token=token_of(letter), password=NEW).status_code == 200
    stranger.login(TestUser(ada.id, ADA, NEW))
    assert town.server.audit("user.email_change_undone", str(ada.id))


@pytest.mark.usefixtures("ada")
def test_it_is_good_once_and_for_seven_days_g17(town: Town) -> None:
    token, stranger = change(town), JsonClient(town.server)
    clock.travel(timedelta(days=7, seconds=1))
    assert problem(stranger.post(UNDO, token=token)) == (400, "link_invalid")
    clock.travel(timedelta(seconds=-60))
    assert stranger.post(UNDO, token=token).status_code == 200
    assert problem(stranger.post(UNDO, token=token)) == (400, "link_invalid")


def test_of_twenty_at_once_one_takes_it_back_g06(town: Town, ada: TestUser) -> None:
    token = change(town)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: JsonClient(town.server).post(UNDO, token=token).status_code, range(20)))
    assert sorted(answers) == [200] + [400] * 19
    assert len(town.server.audit("user.email_change_undone", str(ada.id))) == 1


def test_nothing_that_the_thief_does_ends_the_link_g17(town: Town, ada: TestUser) -> None:
    """Neither another password, nor another change of the address, nor closing the account."""
    token = change(town)
    assert town.app.put("/users/me/password", current_password=PASSWORD, new_password=NEW).status_code == 204
    town.mail()
    theirs = change(town, THIEF_TOO)
    town.app.delete("/users/me")
    assert JsonClient(town.server).post(UNDO, token=token).status_code == 200
    assert email_now(town, ada) == ADA
    assert problem(JsonClient(town.server).post(UNDO, token=theirs)) == (400, "link_invalid")
    assert email_now(town, ada) == ADA
    with town.server.database.reading() as session:
        assert session.get(Closure, ada.id) is None


def test_the_thief_gets_no_link_that_still_waited_to_be_sent_g17(town: Town, ada: TestUser) -> None:
    """The notice to the thief's own address is composed after the owner has taken the account back."""
    token = change(town)
    town.app.post("/auth/change-email", email=THIEF_TOO)
    assert town.app.post("/auth/change-email/confirm", token=town.token()).status_code == 200
    assert JsonClient(town.server).post(UNDO, token=token).status_code == 200
    assert [letter.recipient for letter in town.mail()] == [ADA]


@pytest.mark.usefixtures("ada")
def test_an_account_that_was_put_in_the_way_without_proof_gives_way_g17(town: Town) -> None:
    """The thief registers the address that became free; nobody can confirm it but Ada."""
    token = change(town)
    response = JsonClient(town.server).post("/auth/register", email=ADA, password=NEW)
    squatter = body_of(response)["id"]
    assert JsonClient(town.server).post(UNDO, token=token).status_code == 200
    assert town.server.audit("user.erased", squatter)
    assert problem(JsonClient(town.server).post("/auth/login", email=ADA, password=NEW)) == (401, "credentials_wrong")


@pytest.mark.usefixtures("ada")
def test_an_account_that_was_proven_keeps_the_address(town: Town) -> None:
    token = change(town)
    with town.server.app.app_context(), town.server.database.transaction() as session:
        create_user(session, actor=SYSTEM, email=ADA, verified=True)
    stranger = JsonClient(town.server)
    assert problem(stranger.post(UNDO, token=token)) == (409, "email_taken")
    assert problem(stranger.post(UNDO, token=token)) == (409, "email_taken")


def test_a_change_of_ones_own_can_be_taken_back_step_by_step(town: Town, ada: TestUser) -> None:
    """The later change first: the earlier one can still be taken back then."""
    first = change(town)
    second = change(town, THIEF_TOO)
    stranger = JsonClient(town.server)
    assert body_of(stranger.post(UNDO, token=second))["email"] == THIEF
    assert body_of(stranger.post(UNDO, token=first))["email"] == ADA
    assert email_now(town, ada) == ADA
