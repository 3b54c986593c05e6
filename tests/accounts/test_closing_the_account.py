"""Closing one's account: everything ends at once, signing in takes it back, and when its time is over it is erased."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import func, select

from oidc_server.accounts import erasure
from oidc_server.audit.models import AuditEvent
from oidc_server.authorizations.models import Authorization, RefreshToken
from oidc_server.commands.worker import run_once
from oidc_server.core import clock
from oidc_server.core.database import Base
from oidc_server.messages.models import Message
from oidc_server.users.models import User
from tests.accounts.json_client import JsonClient, problem
from tests.accounts.people import ADA, Town
from tests.app_login import make_app
from tests.browsing import Browser
from tests.relying_party import PASSWORD, TestUser, body_of

PATH = "/users/me"
GRACE = timedelta(days=14)


@pytest.fixture
def ada(town: Town) -> TestUser:
    """Ada, who is signed in."""
    user = town.server.user(ADA)
    town.app.login(user)
    return user


def close(town: Town) -> datetime:
    """Close the account; when it will be erased."""
    response = town.app.delete(PATH)
    assert response.status_code == 202, response.json
    return datetime.fromisoformat(body_of(response)["erase_at"])


def work(town: Town) -> int:
    """Let the worker do what is due; how many accounts it erased."""
    with town.server.app.app_context():
        return int(run_once()["erased"])


def exists(town: Town, user: TestUser) -> bool:
    with town.server.database.reading() as session:
        return session.get(User, user.id) is not None


def test_everything_ends_at_once_and_the_person_is_told(town: Town, ada: TestUser) -> None:
    web, browser = make_app(town.server), Browser(town.server.app)
    granted = web.tokens(web.log_in(browser, ada, scope="openid offline_access", prompt="consent"))
    town.mail()
    erase_at = close(town)
    assert abs(erase_at - clock.now() - GRACE) < timedelta(minutes=1)
    assert problem(town.app.get("/auth/me")) == (401, "unauthorized")
    assert town.app.post("/auth/refresh", refresh_token=town.app.tokens["refresh_token"]).status_code == 401
    assert web.userinfo(granted["access_token"]).status_code == 401
    assert town.server.refresh(web.client, granted["refresh_token"]).status_code == 400
    assert web.open(browser).path.startswith("/sign-in")
    (letter,) = town.mail()
    assert (letter.recipient, letter.subject) == (ADA, "Your account was closed")
    assert "14 days" in letter.text
    assert town.server.audit("user.closed", str(ada.id))


@pytest.mark.parametrize("way", ["json", "page"])
def test_signing_in_takes_it_back(town: Town, ada: TestUser, way: str) -> None:
    close(town)
    clock.travel(GRACE - timedelta(minutes=1))
    if way == "json":
        assert body_of(JsonClient(town.server).login(ada).get("/auth/me"))["erase_at"] is None
    else:
        make_app(town.server).log_in(Browser(town.server.app), ada)
    clock.travel(timedelta(days=1))
    assert work(town) == 0
    assert exists(town, ada)
    assert town.server.audit("user.reopened", str(ada.id))
    assert "Your account was closed" not in [letter.subject for letter in town.mail()]


def test_who_forgot_the_password_can_still_come_back(town: Town, ada: TestUser) -> None:
    close(town)
    town.mail()
    town.app.tokens = {}
    town.app.post("/auth/forgot-password", email=ADA)
    new = "four quiet green lamps"
    assert town.app.post("/auth/reset-password", token=town.token(), password=new).status_code == 200
    JsonClient(town.server).login(TestUser(ada.id, ADA, new))
    clock.travel(GRACE + timedelta(days=1))
    assert work(town) == 0


def test_the_operator_says_how_long_it_waits(make_server: Any, app: object) -> None:
    server = make_server(closing_grace_days=30)
    client = JsonClient(server).login(server.user())
    erase_at = datetime.fromisoformat(body_of(client.delete(PATH))["erase_at"])
    assert abs(erase_at - clock.now() - timedelta(days=30)) < timedelta(minutes=1)


def test_it_waits_while_a_change_of_the_address_can_be_undone(make_server: Any, app: object, mailbox: Any) -> None:
    """A thief who closes what they stole must not be done with it before the owner is back from a week's leave."""
    server = make_server(closing_grace_days=0)
    town = Town(server, mailbox, JsonClient(server))
    thief = town.app.login(server.user(ADA))
    thief.post("/auth/change-email", email="thief@example.net")
    assert thief.post("/auth/change-email/confirm", token=town.token()).status_code == 200
    assert abs(close(town) - clock.now() - timedelta(days=7)) < timedelta(minutes=1)
    assert work(town) == 0


def test_only_a_confirmed_address_can_close_it(town: Town, ada: TestUser) -> None:
    with town.server.database.transaction() as session:
        session.get_one(User, ada.id).email_verified_at = None
    assert problem(town.app.delete(PATH)) == (403, "email_not_verified")


def test_when_its_time_is_over_nothing_is_left_but_a_pseudonym(town: Town, ada: TestUser) -> None:
    web = make_app(town.server)
    web.tokens(web.log_in(Browser(town.server.app), ada, scope="openid offline_access", prompt="consent"))
    town.app.patch("/auth/me", full_name="Ada Lovelace", profile={"locale": "de-AT"})
    close(town)
    town.mail()
    clock.travel(GRACE + timedelta(seconds=1))
    assert work(town) == 1
    (letter,) = town.mail()
    assert (letter.recipient, letter.message["Content-Language"]) == (ADA, "de")
    assert [table for table in about(town, ada.id) if table != "audit_events"] == []
    with town.server.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(RefreshToken)) == 0
        events = session.scalars(select(AuditEvent).where(AuditEvent.user_id == ada.id)).all()
        kept = " ".join(f"{event.subject_id} {event.detail}" for event in events)
        assert [message.recipient for message in session.scalars(select(Message))] == [ADA]
    assert "user.erased" in {event.event for event in events}
    assert not {word for word in (ADA, "Lovelace", "lovelace") if word in kept}
    assert work(town) == 0


def about(town: Town, user_id: uuid.UUID) -> list[str]:
    """The tables in which there is something about a user."""
    with town.server.database.reading() as session:
        return [
            table.name
            for table in Base.metadata.sorted_tables
            if (column := table.c.get("id" if table.name == "users" else "user_id")) is not None
            and session.scalar(select(func.count()).select_from(table).where(column == user_id))
        ]


def test_the_same_address_registered_anew_is_somebody_else(town: Town, ada: TestUser) -> None:
    close(town)
    clock.travel(GRACE + timedelta(seconds=1))
    work(town)
    town.app.tokens = {}
    body = body_of(town.app.post("/auth/register", email=ADA, password=PASSWORD))
    assert body["id"] != str(ada.id)
    again = JsonClient(town.server).login(TestUser(uuid.UUID(body["id"]), ADA, PASSWORD))
    assert town.server.verify(again.tokens["access_token"])["sub"] == body["id"]


def test_an_account_with_many_rows_is_erased_in_small_steps(town: Town, ada: TestUser) -> None:
    for _ in range(4):
        JsonClient(town.server).login(ada)
    close(town)
    clock.travel(GRACE + timedelta(seconds=1))
    with patch.object(erasure, "BATCH", 2):
        assert work(town) == 1
    assert about(town, ada.id) == ["audit_events"]


def test_who_signs_in_while_the_worker_is_at_it_keeps_the_account_and_the_session(town: Town, ada: TestUser) -> None:
    """Between the look for what is due and the lock."""
    close(town)
    clock.travel(GRACE + timedelta(seconds=1))
    delete_batch, back = erasure._delete_batch, JsonClient(town.server)

    def sign_in_first(*arguments: Any) -> bool:
        if not back.tokens:
            back.login(ada)
        return delete_batch(*arguments)

    with patch.object(erasure, "_delete_batch", sign_in_first):
        assert work(town) == 0
    assert back.get("/auth/me").status_code == 200
    with town.server.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Authorization)) == 2


def test_two_workers_erase_it_once(town: Town, ada: TestUser, make_server: Any) -> None:
    other = make_server()
    close(town)
    clock.travel(GRACE + timedelta(seconds=1))
    erase_one = erasure._erase_one

    def after_the_other(database: Any, user_id: uuid.UUID) -> bool:
        with patch.object(erasure, "_erase_one", erase_one), other.app.app_context():
            assert run_once()["erased"] == 1
        return erase_one(database, user_id)

    with patch.object(erasure, "_erase_one", after_the_other):
        assert work(town) == 0
    assert len(town.server.audit("user.erased", str(ada.id))) == 1
