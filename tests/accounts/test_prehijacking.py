"""Somebody registers another person's address and waits for them (attack G18): what each way to confirm it does."""

from __future__ import annotations

import pytest
from flask import Flask

from oidc_server.accounts.registration import Wanted, register
from oidc_server.accounts.verification import (
    Follower,
    RegistrantUnknown,
    browser_digest,
    look_at_link,
    verify_email,
    verify_with_new_password,
)
from oidc_server.core import crypto
from oidc_server.protocol.server import current_server
from oidc_server.users.sign_in import CredentialsWrong
from tests.accounts.json_client import JsonClient, problem
from tests.accounts.people import ADA, Town
from tests.relying_party import PASSWORD, TestUser, body_of

ATTACKERS = "the attacker has chosen this"
OWN = "and this one is of the owner"
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"


def registered_in(town: Town, browser_secret: str, password: str = PASSWORD) -> TestUser:
    """Somebody who has registered on the page, in this browser."""
    wanted = Wanted(ADA, password, browser_digest=browser_digest(browser_secret))
    with town.server.app.test_request_context("/register", method="POST"):
        made = register(current_server(), wanted, HERE)
    return TestUser(made.id, ADA, password)


def on_the_page(app: Flask, token: str, follower: Follower) -> str:
    """What the page does that the link leads to."""
    with app.test_request_context("/verify-email", method="POST"):
        return verify_email(current_server(), token, follower, HERE)


@pytest.fixture
def browser() -> str:
    return crypto.new_secret()


def test_the_browser_that_registered_confirms_and_keeps_everything_g18(town: Town, browser: str) -> None:
    ada = registered_in(town, browser)
    app, token = JsonClient(town.server).login(ada), town.token()
    with town.server.app.app_context():
        assert look_at_link(token, browser).is_registrant
    assert on_the_page(town.server.app, token, Follower(browser_secret=browser)) == ADA
    assert body_of(app.get("/auth/me"))["is_verified"] is True
    (event,) = town.server.audit("user.email_verified", str(ada.id))
    assert event.detail == {"registrant_shown_by": "browser"}


def test_no_other_browser_confirms_without_the_password_g18(town: Town, browser: str) -> None:
    ada, other = registered_in(town, browser), crypto.new_secret()
    token = town.token()
    with town.server.app.app_context():
        assert not look_at_link(token, other).is_registrant
        assert not look_at_link(token, None).is_registrant
    for follower in (Follower(), Follower(browser_secret=other)):
        with pytest.raises(RegistrantUnknown):
            on_the_page(town.server.app, token, follower)
    with pytest.raises(CredentialsWrong):
        on_the_page(town.server.app, token, Follower(other, password="a wrong password"))
    assert not town.server.audit("user.email_verified", str(ada.id))
    assert on_the_page(town.server.app, token, Follower(other, password=PASSWORD)) == ADA


def test_a_mail_that_is_asked_for_again_is_still_about_the_browser_that_registered_g18(
    town: Town, browser: str
) -> None:
    """And not about the one that asks."""
    registered_in(town, browser)
    town.mail()
    town.app.post("/auth/resend-verification", email=ADA)
    token = town.token()
    with town.server.app.app_context():
        assert look_at_link(token, browser).is_registrant
        assert not look_at_link(token, crypto.new_secret()).is_registrant


def test_who_did_not_register_sets_a_password_and_the_one_who_did_is_out_g18(town: Town) -> None:
    body = body_of(town.register(ADA, ATTACKERS))
    attacker = JsonClient(town.server, ELSEWHERE)
    attacker.tokens = body_of(attacker.post("/auth/login", email=ADA, password=ATTACKERS))
    assert attacker.get("/auth/me").status_code == 200
    token = town.token()
    with town.server.app.test_request_context("/verify-email", method="POST"):
        assert not look_at_link(token, crypto.new_secret()).is_registrant
        assert verify_with_new_password(current_server(), token, OWN, HERE, member="password") == ADA
    assert problem(attacker.get("/auth/me")) == (401, "unauthorized")
    refresh = attacker.tokens["refresh_token"]
    assert problem(attacker.http.post("/auth/refresh", json={"refresh_token": refresh})) == (
        401, "refresh_token_invalid",
    )  # fmt: skip
    attacker.tokens = {}
    assert problem(attacker.post("/auth/login", email=ADA, password=ATTACKERS)) == (401, "credentials_wrong")
    owner = body_of(town.app.post("/auth/login", email=ADA, password=OWN))
    town.app.tokens = owner
    me = body_of(town.app.get("/auth/me"))
    assert (me["id"], me["is_verified"]) == (body["id"], True)
    assert problem(JsonClient(town.server).post("/auth/verify-email", token=token)) == (400, "link_invalid")


def test_an_app_that_sends_the_token_alone_answers_for_who_follows_the_link_g18(town: Town) -> None:
    """It proves the address only: the password stays, and the record says that nothing showed who registered."""
    body = body_of(town.register(ADA, ATTACKERS))
    assert town.app.post("/auth/verify-email", token=town.token()).status_code == 200
    (event,) = town.server.audit("user.email_verified", body["id"])
    assert event.detail == {"registrant_shown_by": "nothing"}
    assert town.app.post("/auth/login", email=ADA, password=ATTACKERS).status_code == 200
