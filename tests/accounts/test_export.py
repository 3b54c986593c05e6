"""Everything that is held about a person, for them to take along: complete, without secrets, and of nobody else."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import LargeBinary, func, select

from oidc_server.accounts import export
from oidc_server.audit.catalogue import Event
from oidc_server.audit.models import AuditEvent
from oidc_server.audit.service import Actor, record
from oidc_server.authorizations.models import Authorization
from oidc_server.core import clock
from oidc_server.core.database import Base
from oidc_server.users.models import Preferences
from tests.accounts.json_client import JsonClient
from tests.accounts.people import ADA, Town, token_of
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.relying_party import PASSWORD, TestUser, body_of

PATH = "/users/me/export"
# Columns that are a secret's digest, what only the server makes sense of, or another spelling of what is told.
UNTOLD = {  # what became of a mail would tell whether its recipient has an account
    "sent_at", "dropped_at",
    "user_id", "email_key", "secret_digest", "digest", "browser_digest", "actor_kind", "actor_id", "subject_kind",
    "subject_id", "request_id", "next_attempt_at", "attempts", "last_error",
    "totp_secret", "totp_last_step", "selector", "code_hash", "previous_digest",
    "password_changed_at",  # told of the account
}  # fmt: skip


@pytest.fixture
def ada(town: Town) -> TestUser:
    """Ada, who is signed in."""
    user = town.server.user(ADA)
    town.app.login(user, device="My laptop")
    return user


@pytest.fixture
def web(town: Town, ada: TestUser) -> App:
    """An app that she has allowed something."""
    web = make_app(town.server, client_name="Orders")
    web.tokens(web.log_in(Browser(town.server.app), ada, scope="openid email"))
    return web


def document(app: JsonClient) -> dict[str, Any]:
    response = app.get(PATH)
    assert response.status_code == 200, response.json
    assert response.headers["Cache-Control"] == "no-store"
    return body_of(response)


def test_it_tells_everything(town: Town, ada: TestUser, web: App) -> None:
    town.app.patch("/auth/me", full_name="Ada Lovelace", profile={"bio": "Writes programs."})
    with town.server.database.transaction() as session:
        values = {"orders": {"columns": ["date"]}}
        session.add(Preferences(user_id=ada.id, values=values, updated_at=clock.now()))
    town.app.post("/auth/change-email", email="ada@example.org")
    town.mail()
    told = document(town.app)
    assert (told["account"]["email"], told["account"]["profile"]) == (ADA, {"bio": "Writes programs."})
    assert told["account"]["full_name"] == "Ada Lovelace"
    assert told["preferences"] == {"orders": {"columns": ["date"]}}
    assert {"My laptop", None} == {session["device_name"] for session in told["sessions"]}
    client_id = web.client.client_id
    assert (client_id, "email openid") in {(one["client_id"], one["scope"]) for one in told["consents"]}
    assert client_id in {one["client_id"] for one in told["authorizations"]}
    assert told["apps"][client_id] == "Orders"
    assert ("change_email", "ada@example.org") in {(one["kind"], one["recipient"]) for one in told["messages"]}
    events = [event["event"] for event in told["events"]]
    assert events[0] == "user.exported"
    assert {"user.created", "user.signed_in", "user.email_change_requested", "consent.granted"} <= set(events)
    assert told["shortened"] == []


def test_every_table_that_knows_users_and_each_of_its_columns_is_in_it() -> None:
    listed = {columns[0].class_.__tablename__: {one.key for one in columns} for columns in export.LISTS.values()}
    for table in Base.metadata.sorted_tables:
        if "user_id" not in table.c or table.name in export.TOLD_IN_ACCOUNT:
            continue
        assert table.name in listed, f"{table.name} knows users, and the export does not tell of it"
        assert set(table.c.keys()) - UNTOLD <= listed[table.name], table.name


@pytest.mark.usefixtures("web")
def test_no_secret_is_in_it(town: Town, ada: TestUser) -> None:
    town.mail()
    town.app.post("/auth/forgot-password", email=ADA)
    token = town.token()
    told = json.dumps(document(town.app))
    secrets = [token, PASSWORD, town.app.tokens["refresh_token"], town.app.tokens["access_token"], "bcrypt"]
    assert [secret for secret in secrets if secret in told] == []
    binary = {
        column.name
        for table in Base.metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, LargeBinary)
    }
    assert not {one.key for columns in export.LISTS.values() for one in columns} & binary
    assert ada.email in told


@pytest.mark.usefixtures("web")
def test_nothing_of_others_is_in_it(town: Town, ada: TestUser) -> None:
    """Not even where an admin was who did something to the account."""
    bob = town.server.user("bob@example.com")
    JsonClient(town.server, "203.0.113.9").login(bob)
    admin = town.server.app.test_request_context(environ_base={"REMOTE_ADDR": "203.0.113.77"})
    with admin, town.server.database.transaction() as session:
        record(session, Event.USER_UPDATED, actor=Actor("user", str(bob.id)), subject=str(ada.id), user_id=ada.id)
    told = document(town.app)
    words = json.dumps(told)
    assert [word for word in (str(bob.id), bob.email, "203.0.113.9", "203.0.113.77") if word in words] == []
    assert next(event for event in told["events"] if event["event"] == "user.updated")["address"] is None
    assert next(event for event in told["events"] if event["event"] == "user.signed_in")["address"] is not None


def test_a_long_list_is_shortened_and_says_so(town: Town, ada: TestUser) -> None:
    for _ in range(3):
        JsonClient(town.server).login(ada)
    with patch.object(export, "MOST", 2):
        told = document(town.app)
    assert {name: len(told[name]) for name in told["shortened"]} == {"sessions": 2, "authorizations": 2, "events": 2}
    with town.server.database.reading() as session:
        newest = session.scalar(select(func.max(Authorization.created_at)))
    assert newest is not None
    assert told["authorizations"][0]["created_at"] == newest.isoformat()


def test_that_it_was_given_out_is_recorded(town: Town, ada: TestUser) -> None:
    document(town.app)
    with town.server.database.reading() as session:
        assert session.scalars(
            select(AuditEvent.actor_id).where(AuditEvent.event == "user.exported", AuditEvent.user_id == ada.id)
        ).all() == [str(ada.id)]


def test_it_does_not_tell_whether_a_wanted_address_is_somebody_elses_g17(town: Town, ada: TestUser) -> None:
    """Until the link was followed: who has proven the address knows it then."""
    town.server.user("taken@example.com")
    told, letters = [], []
    for email in ("taken@example.com", "freed@example.com"):
        assert town.app.post("/auth/change-email", email=email).status_code == 202
        letters = town.mail()
        document_of_now = document(town.app)
        of_it = [one for one in document_of_now["messages"] if one["recipient"] == email]
        told.append([{**one, "recipient": "", "id": "", "created_at": ""} for one in of_it])
        assert document_of_now["links"] == []
    assert told[0] == told[1] != []
    assert town.app.post("/auth/change-email/confirm", token=token_of(letters[0])).status_code == 200
    assert {one["purpose"] for one in document(town.app)["links"]} >= {"change_email"}
