"""Who was imported signs in with their old password, gets a hash of ours, and cannot be told from who is not there."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable

import bcrypt
import pytest
from sqlalchemy import update

from oidc_server.users.models import User
from oidc_server.users.passwords import EXTENSION as PASSWORDS
from oidc_server.users.stand_ins import stand_in_for
from tests.app_login import make_app
from tests.browsing import Browser
from tests.relying_party import PASSWORD, Server, TestClient, TestUser, body_of, error

ITERATIONS = 123


@pytest.fixture
def client(server: Server) -> TestClient:
    return server.first_party()


def imported(server: Server, email: str | None = None) -> TestUser:
    """A person whose hash is the one that Django made."""
    user = server.user(email, None)
    key = base64.b64encode(hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b"salt", ITERATIONS)).decode()
    keep(server, user, f"pbkdf2-sha256${ITERATIONS}$c2FsdA${key.rstrip('=')}")
    return TestUser(user.id, user.email, PASSWORD)


def keep(server: Server, user: TestUser, stored: str | None) -> None:
    """Put a hash into the database."""
    with server.database.transaction() as session:
        session.execute(update(User).where(User.id == user.id).values(password_hash=stored))


def stored(server: Server, user: TestUser) -> str | None:
    with server.database.reading() as session:
        return session.get_one(User, user.id).password_hash


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the hashings by their kind and cost."""
    counts: Counter[str] = Counter()
    pbkdf2, check = hashlib.pbkdf2_hmac, bcrypt.checkpw

    def slow(name: str, password: bytes, salt: bytes, iterations: int, dklen: int | None = None) -> bytes:
        counts[f"pbkdf2 {iterations}"] += 1
        return pbkdf2(name, password, salt, iterations, dklen)

    def blow(password: bytes, hashed_password: bytes) -> bool:
        counts["bcrypt"] += 1
        return check(password, hashed_password)

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", slow)
    monkeypatch.setattr(bcrypt, "checkpw", blow)
    return counts


def test_an_imported_password_signs_in_and_is_hashed_anew_under_our_scheme(server: Server, client: TestClient) -> None:
    user = imported(server)
    wrong = server.token(client, "password", username=user.email, password="another password")
    assert error(wrong) == (400, "invalid_grant")
    assert (stored(server, user) or "").startswith("pbkdf2-sha256$")
    claims = server.verify(server.sign_in(client, user)["access_token"])
    assert claims["sub"] == str(user.id)
    assert (stored(server, user) or "").startswith("bcrypt-sha256$$2b$04$")
    assert len(server.audit("user.password_upgraded", str(user.id))) == 1
    server.sign_in(client, user)
    assert len(server.audit("user.password_upgraded", str(user.id))) == 1


def test_a_name_that_nobody_has_costs_what_an_account_costs_g03(
    server: Server, client: TestClient, hashed: Counter[str]
) -> None:
    """Where everybody was imported, strangers are hashed like them; so are accounts without a password."""
    for _ in range(3):
        imported(server)
    nobody, without = "nobody@example.com", server.user(None, None).email
    for name in (nobody, without, "nobody", "no name at all"):
        hashed.clear()
        response = server.token(client, "password", username=name, password="a guess at it")
        assert error(response) == (400, "invalid_grant")
        assert hashed == {f"pbkdf2 {ITERATIONS}": 1}


def test_strangers_cost_as_the_accounts_do_on_the_whole_and_each_always_the_same_g03(
    server: Server, hashed: Counter[str]
) -> None:
    passwords = server.app.extensions[PASSWORDS]
    # One for each character that a point begins with, so that each kind stands in for half of all strangers.
    for number, letter in enumerate("234567abcdefghijklmnopqrstuvwxyz"):
        name = f"{letter}-person@example.com"
        imported(server, name) if number % 2 else server.user(name)

    def kind(login: str) -> str:
        with server.database.reading() as session:
            stand_in = stand_in_for(session, passwords.stand_in_point(login))
        return (stand_in or "").partition("$")[0]

    names = [f"email:stranger-{number}@example.com" for number in range(200)]
    kinds = [kind(name) for name in names]
    assert 50 < Counter(kinds)["pbkdf2-sha256"] < 150
    assert kinds == [kind(name) for name in names]


def test_whose_times_a_stranger_sees_cannot_be_chosen_g03(server: Server, make_server: Callable[..., Server]) -> None:
    """If the next account in the order of what was typed stood in, its address could be found by halving."""
    names = [f"email:{letter}@example.com" for letter in "abcdefghijkl"]
    points = [server.app.extensions[PASSWORDS].stand_in_point(name) for name in names]
    assert points != sorted(points)
    others = make_server(secret_key="another key, of which nobody knows a thing").app.extensions[PASSWORDS]
    assert not set(points) & {others.stand_in_point(name) for name in names}


def test_an_account_without_a_password_cannot_be_signed_in_to_g28(server: Server, client: TestClient) -> None:
    """By any grant or form, with any password, also the one of the account that stands in for it."""
    other = server.user()
    web, browser = make_app(server), Browser(server.app)
    page = web.open(browser)
    for kept in (None, "", "unknown$scheme", "bcrypt-sha256"):
        user = server.user(None, None)
        keep(server, user, kept)
        for password in ("null", "None", "\x00", other.password, kept or "x"):
            response = server.token(client, "password", username=user.email, password=password)
            assert error(response)[1] in {"invalid_grant", "invalid_request"}
            server.forget_limits()
        for missing in ({}, {"password": ""}):
            response = server.token(client, "password", username=user.email, **missing)
            assert error(response) == (400, "invalid_request")
        for password in ("", "null", other.password):
            assert browser.sign_in(page, user.email, password).status == 422
    assert body_of(server.token(client, "password", username=other.email, password=other.password))["access_token"]
