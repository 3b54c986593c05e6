"""Changing the password by who knows the present one: what goes on, what ends, and that it is no place to guess."""

from __future__ import annotations

from datetime import timedelta

import pytest

from oidc_server.core import clock
from oidc_server.core.limit_rules import LOGIN_ATTEMPTS
from oidc_server.users.models import User
from tests.accounts.json_client import JsonClient, errors, problem
from tests.accounts.people import ADA, Town
from tests.app_login import make_app
from tests.browsing import Browser
from tests.relying_party import PASSWORD, TestUser, body_of

NEW = "four quiet green lamps"
PATH = "/users/me/password"
GUESS = "a wrong password"


@pytest.fixture
def ada(town: Town) -> TestUser:
    return town.server.user(ADA, username="ada")


def change(app: JsonClient, current: str = PASSWORD, new: str = NEW) -> int:
    return app.put(PATH, current_password=current, new_password=new).status_code


def test_the_new_one_is_good_and_the_old_one_is_not(town: Town, ada: TestUser) -> None:
    town.app.login(ada)
    town.mail()
    assert change(town.app) == 204
    stranger = JsonClient(town.server)
    assert problem(stranger.post("/auth/login", email=ADA, password=PASSWORD)) == (401, "credentials_wrong")
    stranger.login(TestUser(ada.id, ADA, NEW))
    (letter,) = town.mail()
    assert (letter.recipient, letter.subject) == (ADA, "Your password was changed")
    assert letter.link.endswith("/forgot-password")
    assert town.server.audit("user.password_changed", str(ada.id))


def test_this_session_goes_on_and_all_others_end_f11(town: Town, ada: TestUser) -> None:
    web, browser = make_app(town.server), Browser(town.server.app)
    granted = web.tokens(web.log_in(browser, ada, scope="openid offline_access", prompt="consent"))
    other, mine = JsonClient(town.server).login(ada), town.app.login(ada)
    assert change(mine) == 204
    assert mine.get("/auth/me").status_code == 200
    refreshed = mine.post("/auth/refresh", refresh_token=mine.tokens["refresh_token"])
    assert refreshed.status_code == 200
    assert (
        town.server.verify(body_of(refreshed)["access_token"])["sid"]
        == town.server.verify(mine.tokens["access_token"])["sid"]
    )
    assert problem(other.get("/auth/me")) == (401, "unauthorized")
    assert other.post("/auth/refresh", refresh_token=other.tokens["refresh_token"]).status_code == 401
    assert town.server.refresh(web.client, granted["refresh_token"]).status_code == 400
    assert web.open(browser).path.startswith("/sign-in")


def test_a_cookie_from_before_the_change_is_dead_where_tokens_of_its_session_go_on_f01(
    town: Town, ada: TestUser
) -> None:
    """An app of ours in a browser: whoever copied the cookie is out, and the app is not."""
    web, browser = make_app(town.server, first_party=True), Browser(town.server.app)
    town.app.tokens = web.tokens(web.log_in(browser, ada))
    assert change(town.app) == 204
    assert town.app.get("/auth/me").status_code == 200
    assert web.open(browser).path.startswith("/sign-in")


def test_a_wrong_present_password_is_counted_with_sign_ins_r02_r04(town: Town, ada: TestUser) -> None:
    """Under whatever name and by whatever way: one bucket for the account at this address."""
    town.app.login(ada)
    refused = town.app.put(PATH, current_password=GUESS, new_password=NEW)
    assert (problem(refused), errors(refused)) == ((422, "password_wrong"), {"current_password"})
    tried = 1
    for body in ({"email": ADA}, {"username": "ADA"}):
        assert town.app.post("/auth/login", password=GUESS, **body).status_code == 401
        tried += 1
    first_party = town.server.first_party()
    headers = {"X-Forwarded-For": "192.0.2.1"} | first_party.basic
    form = {"grant_type": "password", "username": ADA, "password": GUESS}
    assert town.server.http.post("/oauth/token", data=form, headers=headers).status_code == 400
    for _ in range(LOGIN_ATTEMPTS[0].amount - tried - 1):
        assert change(town.app, GUESS) == 422
    limited = town.app.put(f"/api/v1{PATH}", current_password=PASSWORD, new_password=NEW)
    assert problem(limited) == (429, "too_many_requests")
    assert 0 < int(limited.headers["Retry-After"]) <= 60
    assert problem(town.app.post("/auth/change-email", email="a@example.org", password=PASSWORD))[0] == 429
    clock.travel(timedelta(seconds=61))
    assert change(town.app) == 204


@pytest.mark.parametrize("password", ["short", "password123", "ada@example.com", "x" * 257])
def test_a_new_one_that_may_not_be_used_changes_nothing(town: Town, ada: TestUser, password: str) -> None:
    town.app.login(ada)
    refused = town.app.put(PATH, current_password=PASSWORD, new_password=password)
    assert (problem(refused), errors(refused)) == ((422, "password_refused"), {"new_password"})
    JsonClient(town.server).login(ada)


def test_an_account_without_a_password_has_none_to_change_g28(town: Town, ada: TestUser) -> None:
    """Its owner is signed in by other means; the way to a first password is the mail."""
    town.app.login(ada)
    with town.server.database.transaction() as session:
        session.get_one(User, ada.id).password_hash = None
    for current in (PASSWORD, "", None):
        assert town.app.put(PATH, current_password=current, new_password=NEW).status_code == 422
