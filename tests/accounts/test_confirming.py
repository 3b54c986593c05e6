"""Confirming an email address by the link in a mail: single use, bound to the address, done by a POST alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from oidc_server.core import clock
from oidc_server.messages.models import Message
from oidc_server.users.links import Purpose
from oidc_server.users.models import Link, User
from tests.accounts.json_client import JsonClient, errors, problem
from tests.accounts.people import ADA, Town, token_of
from tests.mailbox import deliver
from tests.relying_party import PASSWORD, TestUser, body_of

INVALID = (400, "link_invalid")
ACCEPTED = {"detail": "If there is something to send to this address, a mail is on its way."}


def registered(town: Town, email: str = ADA, **more: Any) -> TestUser:
    """Somebody who has registered and has not confirmed the address."""
    body = body_of(town.register(email, **more))
    with town.server.database.reading() as session:
        user_id = session.scalar(select(User.id).where(User.email == email))
    assert user_id is not None
    assert body["id"] == str(user_id)
    return TestUser(user_id, email, PASSWORD)


def is_verified(town: Town, user: TestUser) -> bool:
    with town.server.database.reading() as session:
        return session.scalar(select(User.email_verified_at).where(User.id == user.id)) is not None


def confirm(town: Town, token: str, client: JsonClient | None = None, **more: Any) -> Any:
    return (client or town.app).post("/auth/verify-email", token=token, **more)


def test_the_link_in_the_mail_confirms_the_address_once(town: Town) -> None:
    ada = registered(town)
    app = JsonClient(town.server).login(ada)
    assert problem(app.patch("/auth/me", full_name="Ada")) == (403, "email_not_verified")
    (letter,) = town.mail()
    assert letter.recipient == ADA
    assert letter.link.startswith("https://login.example.com/verify-email?token=")
    assert "3 days" in letter.text
    response = confirm(town, token_of(letter))
    assert (response.status_code, response.json) == (200, {"email": ADA, "is_verified": True})
    assert app.patch("/auth/me", full_name="Ada").status_code == 200
    assert problem(confirm(town, token_of(letter))) == INVALID
    (event,) = town.server.audit("user.email_verified", str(ada.id))
    assert event.detail == {"registrant_shown_by": "nothing"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_at_a_link_confirms_nothing_g12(town: Town, method: str) -> None:
    ada = registered(town)
    token = town.token()
    for path in ("/auth/verify-email", "/api/v1/auth/verify-email", "/verify-email"):
        town.server.http.open(path, method=method, query_string={"token": token})
    assert not is_verified(town, ada)
    assert confirm(town, token).status_code == 200


def expired(town: Town, ada: TestUser) -> None:
    clock.travel(Purpose.VERIFY_EMAIL.lifetime)


def superseded(town: Town, ada: TestUser) -> None:
    clock.travel(timedelta(seconds=1))
    town.app.post("/auth/resend-verification", email=ADA)
    assert len(town.mail()) == 1


def address_changed(town: Town, ada: TestUser) -> None:
    with town.server.database.transaction() as session:
        changes = {"email": "new@example.com", "email_key": "new@example.com"}
        session.execute(update(User).where(User.id == ada.id).values(changes))


@pytest.mark.parametrize("event", [expired, superseded, address_changed])
def test_an_old_link_confirms_nothing_g15(town: Town, event: Callable[[Town, TestUser], None]) -> None:
    ada = registered(town)
    token = town.token()
    event(town, ada)
    assert problem(confirm(town, token)) == INVALID
    assert not is_verified(town, ada)


@pytest.mark.parametrize("token", ["x", "a" * 43, "../../etc/passwd", "%00", "A" * 200])
def test_what_is_no_token_is_refused(town: Town, token: str) -> None:
    registered(town)
    town.mail()
    assert problem(confirm(town, token)) == INVALID


def test_a_link_for_one_thing_is_good_for_nothing_else(town: Town) -> None:
    ada = registered(town)
    token = town.token()
    with town.server.database.transaction() as session:
        session.execute(update(Link).values(purpose=Purpose.RESET_PASSWORD.value))
    assert problem(confirm(town, token)) == INVALID
    assert not is_verified(town, ada)


def test_a_link_of_one_account_is_not_used_in_the_name_of_another_g15(town: Town) -> None:
    """Neither by the access token of another, nor by a password that is not the account's. It stays good."""
    ada, bob = registered(town), town.server.user()
    token = town.token()
    assert problem(confirm(town, token, JsonClient(town.server).login(bob))) == INVALID
    assert problem(confirm(town, token, password="a wrong password")) == (401, "credentials_wrong")
    assert not is_verified(town, ada)
    assert confirm(town, token, JsonClient(town.server).login(ada)).status_code == 200
    (event,) = town.server.audit("user.email_verified", str(ada.id))
    assert event.detail == {"registrant_shown_by": "token"}


def test_the_password_shows_who_registered(town: Town) -> None:
    ada = registered(town)
    assert confirm(town, town.token(), password=PASSWORD).status_code == 200
    (event,) = town.server.audit("user.email_verified", str(ada.id))
    assert event.detail == {"registrant_shown_by": "password"}
    assert JsonClient(town.server).login(ada).get("/auth/me").json["is_verified"] is True  # type: ignore[index]


def test_a_bad_access_token_is_refused_and_the_link_stays_good(town: Town) -> None:
    ada = registered(town)
    token = town.token()
    stranger = JsonClient(town.server)
    stranger.tokens = {"access_token": "nonsense"}
    assert problem(confirm(town, token, stranger)) == (401, "unauthorized")
    assert not is_verified(town, ada)
    assert confirm(town, token).status_code == 200


def test_a_link_that_is_sent_twice_is_the_same_link(town: Town) -> None:
    """The first time, the mail server took it and hung up before it said so."""
    registered(town)
    town.mailbox.drop_after_data()
    (first,) = town.mail()
    town.mailbox.drop_after_data(False)
    clock.travel(timedelta(hours=1))
    (second,) = town.mail()
    assert token_of(first) == token_of(second)
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert confirm(town, token_of(second)).status_code == 200


def test_asking_for_the_link_again_is_answered_alike_for_everybody(town: Town) -> None:
    """Only who has an account that is not confirmed gets mail, at the address as it is stored."""
    registered(town, "ada@example.com")
    verified, suspended = town.server.user(), registered(town, "gone@example.com")
    town.server.suspend(suspended)
    assert [letter.recipient for letter in town.mail()] == [ADA]
    clock.travel(timedelta(seconds=1))
    answers = []
    for email in ("ADA@Example.com", verified.email, suspended.email, "nobody@example.com"):
        response = town.app.post("/auth/resend-verification", email=email)
        headers = sorted(pair for pair in response.headers if pair[0] not in {"X-Request-Id", "Date"})
        answers.append((response.status_code, response.json, headers))
    assert answers == [answers[0]] * 4
    assert answers[0][:2] == (202, ACCEPTED)
    (letter,) = town.mail()
    assert letter.recipient == ADA
    assert confirm(town, token_of(letter)).status_code == 200
    with town.server.database.reading() as session:
        rows = session.execute(select(Message.sent_at, Message.dropped_at)).all()
    assert all((sent is None) != (dropped is None) for sent, dropped in rows)


def test_a_mail_that_was_asked_for_before_the_address_was_confirmed_is_not_sent_after_it(town: Town) -> None:
    registered(town)
    token = town.token()
    clock.travel(timedelta(seconds=1))
    town.app.post("/auth/resend-verification", email=ADA)
    assert confirm(town, token).status_code == 200
    assert deliver(town.server).dropped == 1


def test_what_is_no_address_is_refused(town: Town) -> None:
    for email in ("nonsense", "a@b", "", "a b@example.com"):
        response = town.app.post("/auth/resend-verification", email=email)
        assert (problem(response), errors(response)) == ((422, "validation_failed"), {"email"})
