"""Another email address: proven at the new one, told to the old one, and no way to take somebody else's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from werkzeug.test import TestResponse

from oidc_server.core import clock
from oidc_server.users.models import User
from tests.accounts.json_client import JsonClient, errors, problem
from tests.accounts.people import ADA, Town, token_of
from tests.relying_party import PASSWORD, TestUser, body_of

NEW = "ada@example.org"
CHANGE = "/auth/change-email"
CONFIRM = "/auth/change-email/confirm"
VARYING = ("X-Request-Id", "Date")


@pytest.fixture
def ada(town: Town) -> TestUser:
    """Ada, who is signed in."""
    user = town.server.user(ADA)
    town.app.login(user)
    return user


def email_of(app: JsonClient) -> str:
    return str(body_of(app.get("/auth/me"))["email"])


def ask(town: Town, email: str = NEW, app: JsonClient | None = None) -> str:
    """Ask for another address; the token that is sent there."""
    assert (app or town.app).post(CHANGE, email=email).status_code == 202
    return town.token()


def test_nothing_changes_until_the_new_address_is_proven_and_the_old_one_is_told_g17(town: Town, ada: TestUser) -> None:
    assert town.app.post(CHANGE, email="Ada@Example.org").status_code == 202
    (letter,) = town.mail()
    assert (letter.recipient, letter.subject) == ("Ada@example.org", "Confirm your new email address")
    assert letter.link.startswith(f"{town.server.metadata['issuer']}/change-email/confirm?token=")
    assert email_of(town.app) == ADA
    response = town.app.post(CONFIRM, token=token_of(letter))
    assert (response.status_code, body_of(response)) == (200, {"email": "Ada@Example.org", "is_verified": True})
    me = body_of(town.app.get("/auth/me"))
    assert (me["email"], me["is_verified"]) == ("Ada@Example.org", True)
    (notice,) = town.mail()
    assert (notice.recipient, notice.subject) == (ADA, "Your email address was changed")
    assert "Ada@Example.org" in notice.text
    assert notice.link.startswith(f"{town.server.metadata['issuer']}/change-email/undo?token=")
    assert town.server.audit("user.email_changed", str(ada.id))
    JsonClient(town.server).login(TestUser(ada.id, NEW, PASSWORD))
    assert problem(JsonClient(town.server).post("/auth/login", email=ADA, password=PASSWORD))[0] == 401


def test_tokens_tell_the_new_address_from_then_on(town: Town, ada: TestUser) -> None:
    token = ask(town)
    town.app.post(CONFIRM, token=token)
    refreshed = body_of(town.app.post("/auth/refresh", refresh_token=town.app.tokens["refresh_token"]))
    assert town.server.verify(refreshed["access_token"])["email"] == NEW


def seen(response: TestResponse) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = sorted((name, value) for name, value in response.headers if name not in VARYING)
    return response.status_code, headers, response.data


@pytest.mark.usefixtures("ada")
def test_an_address_that_somebody_has_is_answered_alike_and_nobody_gets_a_mail_g17(town: Town) -> None:
    town.server.user("victim@example.com")
    free, taken = town.app.post(CHANGE, email=NEW), town.app.post(CHANGE, email="VICTIM@example.com")
    assert seen(free) == seen(taken)
    assert town.mail() == []  # the second request has overtaken the first
    assert email_of(town.app) == ADA


@pytest.mark.usefixtures("ada")
def test_an_address_that_became_somebody_elses_meanwhile_is_not_taken_from_them_g17(town: Town) -> None:
    token = ask(town)
    owner = town.server.user(NEW)
    assert problem(town.app.post(CONFIRM, token=token)) == (409, "email_taken")
    assert email_of(town.app) == ADA
    assert email_of(JsonClient(town.server).login(owner)) == NEW


def test_two_accounts_confirm_one_address_at_once_and_one_has_it_g17(town: Town, ada: TestUser) -> None:
    people = [ada, *(town.server.user() for _ in range(3))]
    apps = [JsonClient(town.server).login(person) for person in people]
    town.mail()
    tokens = [ask(town, NEW, app) for app in apps[:3]]

    def confirm(number: int) -> int:
        return apps[number].post(CONFIRM, token=tokens[number]).status_code

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(confirm, range(3))) == [200, 409, 409]
    assert [email_of(app) for app in apps].count(NEW) == 1


@pytest.mark.usefixtures("ada")
def test_the_link_is_of_no_use_to_another_account_and_stays_good_g15(town: Town) -> None:
    token = ask(town)
    eve = JsonClient(town.server).login(town.server.user("eve@example.com"))
    assert problem(eve.post(CONFIRM, token=token)) == (400, "link_invalid")
    assert email_of(eve) == "eve@example.com"
    assert problem(JsonClient(town.server).post(CONFIRM, token=token)) == (401, "unauthorized")
    assert town.app.post(CONFIRM, token=token).status_code == 200


@pytest.mark.usefixtures("ada")
def test_only_the_newest_link_is_good_and_only_once_g15(town: Town) -> None:
    older, newer = ask(town), ask(town, "ada@example.net")
    assert problem(town.app.post(CONFIRM, token=older)) == (400, "link_invalid")
    assert town.app.post(CONFIRM, token=newer).status_code == 200
    assert problem(town.app.post(CONFIRM, token=newer)) == (400, "link_invalid")
    assert email_of(town.app) == "ada@example.net"


@pytest.mark.parametrize("overtaken_by", ["a new password", "a day", "a suspension"])
def test_the_link_ends_with_whatever_overtakes_it_g15(town: Town, ada: TestUser, overtaken_by: str) -> None:
    token, app = ask(town), town.app
    if overtaken_by == "a new password":
        app.put("/users/me/password", current_password=PASSWORD, new_password="four quiet green lamps")
    elif overtaken_by == "a day":
        clock.travel(timedelta(days=1, seconds=1))
        app = JsonClient(town.server).login(ada)
    else:
        town.server.suspend(ada)
    assert problem(app.post(CONFIRM, token=token))[0] == (401 if overtaken_by == "a suspension" else 400)


@pytest.mark.parametrize(
    "member", [{"email": ADA}, {"email": "ADA@example.com"}, {"email": "ada"}, {}, {"email": None}]
)
@pytest.mark.usefixtures("ada")
def test_what_can_be_no_new_address_is_refused(town: Town, member: dict[str, Any]) -> None:
    response = town.app.post(CHANGE, **member)
    assert (problem(response), errors(response)) == ((422, "validation_failed"), {"email"})


@pytest.mark.usefixtures("ada")
def test_a_password_that_is_sent_along_has_to_be_right_g17(town: Town) -> None:
    refused = town.app.post(CHANGE, email=NEW, password="a wrong password")
    assert (problem(refused), errors(refused)) == ((422, "password_wrong"), {"password"})
    assert town.mail() == []
    assert town.app.post(CHANGE, email=NEW, password=PASSWORD).status_code == 202
    assert len(town.mail()) == 1


def test_who_has_not_confirmed_an_address_cannot_ask_for_another_g17(town: Town, ada: TestUser) -> None:
    with town.server.database.transaction() as session:
        session.execute(update(User).where(User.id == ada.id).values(email_verified_at=None))
    assert problem(town.app.post(CHANGE, email=NEW)) == (403, "email_not_verified")
    assert problem(town.app.post(CONFIRM, token="A" * 43)) == (403, "email_not_verified")


@pytest.mark.usefixtures("ada")
def test_nobody_is_flooded_by_who_asks_for_their_address_g25(town: Town) -> None:
    """Three mails to one recipient, whoever asks; the answer stays the same."""
    for number in range(5):
        app = JsonClient(town.server, f"198.51.100.{number}").login(town.server.user())
        town.mail()
        assert app.post(CHANGE, email="stranger@example.net").status_code == 202
        assert len(town.mail()) == (1 if number < 3 else 0)


def test_an_account_that_is_gone_is_told_nothing(town: Town, ada: TestUser) -> None:
    town.app.post(CHANGE, email=NEW)
    with town.server.database.transaction() as session:
        session.execute(delete(User).where(User.id == ada.id))
    assert town.mail() == []
