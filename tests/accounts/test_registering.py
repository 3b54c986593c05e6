"""Making an account for oneself: what it takes, what it gives, and what a taken address tells (nothing)."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from oidc_server.messages.models import Message
from oidc_server.users.models import Profile, User
from tests.accounts.json_client import JsonClient, errors, problem
from tests.accounts.people import ADA, Town
from tests.relying_party import PASSWORD, Server, TestUser, body_of

VARYING = ("X-Request-Id", "Date")


def seen(response: TestResponse) -> tuple[int, list[tuple[str, str]], set[str]]:
    """What a stranger can compare: status, headers and members; what is different each time is left away."""
    headers = sorted((name, value) for name, value in response.headers if name not in VARYING)
    return response.status_code, headers, set(body_of(response))


def count(server: Server, table: Any) -> int:
    with server.database.reading() as session:
        return int(session.scalar(select(func.count()).select_from(table)) or 0)


def test_who_registers_has_an_account_and_can_sign_in(town: Town) -> None:
    profile = {"locale": "en-GB", "address": {"country": "England", "region": None}}
    response = town.register("Ada@Example.com", username="ada", full_name="Ada Lovelace", profile=profile)
    body = body_of(response)
    assert response.status_code == 201
    assert {name: body[name] for name in ("email", "username", "full_name", "is_verified")} == {
        "email": "Ada@Example.com", "username": "ada", "full_name": "Ada Lovelace", "is_verified": False,
    }  # fmt: skip
    person = TestUser(uuid.UUID(body["id"]), ADA, PASSWORD)
    me = body_of(town.app.login(person).get("/auth/me"))
    assert (me["id"], me["full_name"], me["created_at"]) == (body["id"], "Ada Lovelace", body["created_at"])
    assert me["profile"] == {"locale": "en-GB", "address": {"country": "England"}}
    assert town.server.audit("user.registered", body["id"])


def test_an_email_and_a_password_are_enough(town: Town) -> None:
    assert town.register().status_code == 201
    assert count(town.server, Profile) == 0
    assert problem(town.app.post("/auth/register", email="b@example.com")) == (422, "validation_failed")
    assert problem(town.app.post("/auth/register", password=PASSWORD)) == (422, "validation_failed")


def test_a_taken_address_is_answered_as_a_new_one_and_its_owner_is_told_g01(town: Town) -> None:
    owner = town.server.user(ADA)
    new = town.register("bob@example.com", username="bob")
    taken = town.register("ADA@example.com", username="eve")
    assert seen(new) == seen(taken)
    body = body_of(taken)
    assert uuid.UUID(body["id"]).version == uuid.UUID(body_of(new)["id"]).version == 7
    assert (body["email"], body["username"], body["is_verified"]) == ("ADA@example.com", "eve", False)
    subjects = {letter.recipient: letter.subject for letter in town.mail()}
    assert subjects == {ADA: "You have an account already", "bob@example.com": "Confirm your email address"}
    assert [event.user_id for event in town.server.audit("user.registration_refused", str(owner.id))] == [owner.id]
    with town.server.database.reading() as session:
        assert session.get(User, uuid.UUID(body["id"])) is None
        assert session.scalar(select(User.username).where(User.id == owner.id)) is None


@pytest.mark.parametrize("state", ["suspended", "without a password"])
def test_every_kind_of_taken_address_is_answered_alike_g01(town: Town, state: str) -> None:
    owner = town.server.user(ADA, password=PASSWORD if state == "suspended" else None)
    if state == "suspended":
        town.server.suspend(owner)
    assert seen(town.register()) == seen(town.register("new@example.com"))


def test_the_friendlier_refusal_is_a_choice_of_the_operator(app: object, make_server: Any, mailbox: Any) -> None:
    server = make_server(registration_reveals_taken_email=True)
    town = Town(server, mailbox, JsonClient(server))
    assert town.register().status_code == 201
    assert problem(town.register("ADA@EXAMPLE.com")) == (409, "email_taken")
    assert [letter.recipient for letter in town.mail()] == [ADA, ADA]


def test_usernames_are_public_and_unique(town: Town) -> None:
    town.server.user(username="mike")
    assert problem(town.register(username="MIKE")) == (409, "username_taken")
    assert count(town.server, Message) == 0
    refused = town.register(username="mike smith")
    assert (problem(refused), errors(refused)) == ((422, "validation_failed"), {"username"})


def test_of_many_who_want_one_username_at_once_one_gets_it(town: Town) -> None:
    def one(number: int) -> TestResponse:
        return JsonClient(town.server).post(
            "/auth/register",
            email=f"{number}@example.com",
            password=PASSWORD,
            username="mike" if number % 2 else "MIKE",
        )

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(one, range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert count(town.server, User) == count(town.server, Message) == 1


def test_a_password_that_is_guessed_first_is_refused_with_a_reason(town: Town) -> None:
    for password in ("short", "password123", "ada lovelace", "ada@example.com", "oidc-server"):
        response = town.register(password=password, full_name="Ada Lovelace")
        assert (problem(response), errors(response)) == ((422, "password_refused"), {"password"})
    assert count(town.server, User) == 0


PRIVILEGES: list[dict[str, Any]] = [
    {"is_superuser": True}, {"superuser_since": "2020-01-01"}, {"role": "admin"}, {"roles": ["admin"]},
    {"org_id": "1"}, {"credits": 10}, {"id": "0192b3a0-0000-7000-8000-000000000000"}, {"is_verified": True},
    {"email_verified": True}, {"created_at": "2020-01-01T00:00:00Z"}, {"permissions": ["users:write"]},
    {"password_hash": "bcrypt-sha256$x"}, {"profile": {"phone_number_verified": True}},
    {"profile": {"user_id": "0192b3a0-0000-7000-8000-000000000000"}}, {"profile": {"name": "Ada"}},
]  # fmt: skip


def test_nothing_that_gives_a_privilege_can_be_sent_along_g23(town: Town) -> None:
    for member in PRIVILEGES:
        response = town.register(**member)
        assert (problem(response), errors(response)) == ((422, "validation_failed"), set(member))
    assert count(town.server, User) == 0


@pytest.mark.parametrize("path", ["/auth/register", "/api/v1/auth/register"])
def test_where_registration_is_closed_nobody_registers_g27(app: object, make_server: Any, path: str) -> None:
    """Whatever is sent along, and with a taken address too; nothing is counted, written or mailed."""
    client = JsonClient(make_server(registration="closed"))
    client.server.user(ADA)
    for email in (ADA, "new@example.com"):
        body = {"email": email, "password": PASSWORD, "username": "somebody"}
        assert problem(client.post(path, **body)) == (403, "registration_closed")
    assert (count(client.server, User), count(client.server, Message)) == (1, 0)


def test_one_address_twenty_times_at_once_makes_one_account_g14(app: object, make_server: Any, mailbox: Any) -> None:
    server = make_server(hash_waiters=24, threads=40)
    spellings = [ADA, "ADA@example.com", "Ada@Example.Com", " ada@EXAMPLE.com "]

    def one(number: int) -> TestResponse:
        return Town(server, mailbox, JsonClient(server)).register(spellings[number % 4], full_name=f"Ada {number:02}")

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(one, range(20)))
    assert answers[0].status_code == 201
    assert [seen(answer) for answer in answers] == [seen(answers[0])] * 20
    ids = {body_of(answer)["id"] for answer in answers}
    assert len(ids) == 20
    with server.database.reading() as session:
        (made,) = session.scalars(select(User.id))
    assert str(made) in ids
    assert count(server, Profile) == 1
    mails = [letter.subject for letter in Town(server, mailbox, JsonClient(server)).mail()]
    assert mails.count("Confirm your email address") == 1
