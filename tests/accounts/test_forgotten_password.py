"""A forgotten password: a link by mail, under which a new one is set; whoever asks learns nothing by asking."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from oidc_server.audit.service import SYSTEM
from oidc_server.authorizations import consents
from oidc_server.authorizations.consents import Asked
from oidc_server.core import clock
from oidc_server.messages.models import Message
from oidc_server.protocol.server import EXTENSION
from oidc_server.sessions.devices import known_device
from oidc_server.users.closing import close
from oidc_server.users.models import User
from oidc_server.users.service import create_user
from tests.accounts.json_client import JsonClient, errors, problem
from tests.accounts.people import ADA, Town, token_of
from tests.app_login import make_app
from tests.browsing import Browser
from tests.mfa.json_app import owed
from tests.relying_party import PASSWORD, TestUser, body_of
from tests.second_factors import enrol_totp

NEW = "four quiet green lamps"
FORGOT = "/auth/forgot-password"
RESET = "/auth/reset-password"
VARYING = ("X-Request-Id", "Date")


def ask(town: Town, email: str = ADA) -> str:
    """Ask for a link; its token."""
    assert town.app.post(FORGOT, email=email).status_code == 202
    return town.token()


def with_password(user: TestUser, password: str) -> TestUser:
    return TestUser(user.id, user.email, password)


def test_who_reads_the_mail_sets_a_new_password_and_signs_in(town: Town) -> None:
    user = town.server.user(ADA)
    assert town.app.post(FORGOT, email="ADA@Example.com").status_code == 202
    (letter,) = town.mail()
    assert (letter.recipient, letter.subject) == (ADA, "Set a new password")
    assert letter.link.startswith(f"{town.server.metadata['issuer']}/reset-password?token=")
    response = town.app.post(RESET, token=token_of(letter), password=NEW)
    assert (response.status_code, body_of(response)) == (200, {"email": ADA, "is_verified": True})
    assert problem(town.app.post("/auth/login", email=ADA, password=PASSWORD)) == (401, "credentials_wrong")
    JsonClient(town.server).login(with_password(user, NEW))
    (letter,) = town.mail()
    assert (letter.recipient, letter.subject) == (ADA, "Your password was changed")
    assert "192.0.2.1" in letter.text
    assert town.server.audit("user.password_reset", str(user.id))


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_the_aliases_do_the_same(town: Town, prefix: str) -> None:
    town.server.user(ADA)
    assert town.app.post(f"{prefix}/auth/password/reset-request", email=ADA).status_code == 202
    assert town.app.post(f"{prefix}/auth/password/reset", token=town.token(), password=NEW).status_code == 200


def make(town: Town, state: str) -> None:
    """An account of this kind under Ada's address."""
    if state == "missing":
        return
    facts: dict[str, Any] = {"password": None} if state == "without a password" else {}
    user = town.server.user(ADA, **facts)
    if state == "suspended":
        town.server.suspend(user)
    with town.server.database.transaction() as session:
        row = session.get_one(User, user.id)
        if state == "locked":
            row.locked_until = clock.now() + timedelta(hours=1)
        elif state == "unverified":
            row.email_verified_at = None
        elif state == "closed":
            close(session, row, actor=SYSTEM, grace=timedelta(days=14))


def seen(response: TestResponse) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = sorted((name, value) for name, value in response.headers if name not in VARYING)
    return response.status_code, headers, response.data


@pytest.mark.parametrize(
    ("state", "mails"),
    [
        ("missing", 0), ("suspended", 0), ("locked", 0), ("active", 1), ("unverified", 1), ("without a password", 1),
        ("closed", 1),
    ],
)  # fmt: skip
def test_asking_tells_nothing_of_the_account_and_the_mail_differs_g02(town: Town, state: str, mails: int) -> None:
    make(town, state)
    assert seen(town.app.post(FORGOT, email=ADA)) == seen(town.app.post(FORGOT, email="nobody@example.com"))
    with town.server.database.reading() as session:
        facts = session.execute(select(Message.kind, Message.recipient, Message.user_id).order_by(Message.id)).all()
    assert facts == [("reset_password", ADA, None), ("reset_password", "nobody@example.com", None)]
    assert [letter.recipient for letter in town.mail()] == [ADA] * mails


@pytest.mark.parametrize("email", ["", "ada", "ada@", "ada@b", "ada@example.com\nBcc: eve@example.com", "\ud800@b.com"])
def test_what_is_no_address_is_refused_w02(town: Town, email: str) -> None:
    response = town.app.post(FORGOT, email=email)
    assert (problem(response), errors(response)) == ((422, "validation_failed"), {"email"})


def test_mail_goes_to_the_address_of_the_account_and_not_to_its_look_alike_g13(town: Town) -> None:
    town.server.user("mike@example.com")
    assert town.app.post(FORGOT, email="m\u0131ke@example.com").status_code == 202
    for look_alike in ("mi\u212ae@example.com", "mike\uff20example.com"):
        assert problem(town.app.post(FORGOT, email=look_alike)) == (422, "validation_failed")
    assert town.mail() == []
    town.app.post(FORGOT, email="MIKE@EXAMPLE.com")
    assert [letter.recipient for letter in town.mail()] == ["mike@example.com"]


def test_twenty_resets_at_once_with_one_link_and_one_wins_g06(town: Town, make_server: Any) -> None:
    user = town.server.user(ADA)
    token = ask(town)
    server = make_server(hash_waiters=24, threads=40)
    passwords = [f"{NEW} {number}" for number in range(20)]

    def reset(password: str) -> int:
        return JsonClient(server).post(RESET, token=token, password=password).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(reset, passwords))
    assert sorted(answers) == [200] + [400] * 19
    assert len(server.audit("user.password_reset", str(user.id))) == 1
    JsonClient(server).login(with_password(user, passwords[answers.index(200)]))


def test_a_reset_ends_every_session_and_grant_f11(town: Town) -> None:
    user = town.server.user(ADA)
    web, browser = make_app(town.server), Browser(town.server.app)
    tokens = web.tokens(web.log_in(browser, user, scope="openid offline_access", prompt="consent"))
    phone = JsonClient(town.server).login(user)
    device = browser.cookie("device")
    town.mail()
    assert town.app.post(RESET, token=ask(town), password=NEW).status_code == 200
    assert web.userinfo(tokens["access_token"]).status_code == 401
    assert town.server.refresh(web.client, tokens["refresh_token"]).status_code == 400
    assert problem(phone.get("/auth/me"))[0] == 401
    assert phone.post("/auth/refresh", refresh_token=phone.tokens["refresh_token"]).status_code == 401
    assert web.open(browser).path.startswith("/sign-in")
    browser.sign_in(web.open(browser), user.email, NEW)
    assert browser.cookie("device") != device


def test_a_device_from_before_the_reset_is_a_stranger_again_f11(town: Town) -> None:
    """Its failures are counted with those of everybody at its address, not by themselves."""
    user = town.server.user(ADA)
    web, browser = make_app(town.server), Browser(town.server.app)
    web.log_in(browser, user)
    engine = town.server.app.extensions[EXTENSION]

    def is_known() -> bool:
        with town.server.database.reading() as session:
            row = session.get_one(User, user.id)
            return known_device(engine.device_keys, browser.cookie("device"), row) is not None

    assert is_known()
    town.mail()
    town.app.post(RESET, token=ask(town), password=NEW)
    assert not is_known()


def test_a_reset_confirms_the_address_and_forgets_what_a_stranger_allowed_apps_g18(town: Town) -> None:
    """Somebody registered with Ada's address, and she gets the account by its mail."""
    with town.server.app.app_context(), town.server.database.transaction() as session:
        user = create_user(session, actor=SYSTEM, email=ADA)
    web = make_app(town.server)
    with town.server.app.app_context(), town.server.database.transaction() as session:
        consents.remember(session, user_id=user.id, client_id=web.client.client_id, asked=Asked(frozenset({"openid"})))
    assert town.app.post(RESET, token=ask(town), password=NEW).status_code == 200
    assert body_of(JsonClient(town.server).login(TestUser(user.id, ADA, NEW)).get("/auth/me"))["is_verified"]
    with town.server.database.reading() as session:
        asked = consents.remembered(session, user_id=user.id, client_id=web.client.client_id)
    assert not asked


def test_a_reset_gives_no_tokens_and_a_second_factor_is_still_asked_for_g10(town: Town) -> None:
    user = town.server.user(ADA)
    totp = enrol_totp(town.server, user)
    response = town.app.post(RESET, token=ask(town), password=NEW)
    assert set(body_of(response)) == {"email", "is_verified"}
    assert "Set-Cookie" not in response.headers
    told = owed(town.app, with_password(user, NEW))
    assert [method["id"] for method in told["methods"]] == [str(totp.method_id)]


def test_a_link_is_for_its_own_account_whatever_is_sent_along_g08(town: Town) -> None:
    ada, bob = town.server.user(ADA), town.server.user("bob@example.com")
    token = ask(town)
    for member in ({"email": bob.email}, {"id": str(bob.id)}, {"user_id": str(bob.id)}):
        refused = town.app.post(RESET, token=token, password=NEW, **member)
        assert (problem(refused), errors(refused)) == ((422, "validation_failed"), set(member))
    as_bob = JsonClient(town.server).login(bob)
    assert body_of(as_bob.post(RESET, token=token, password=NEW))["email"] == ADA
    as_bob.get("/auth/me")
    JsonClient(town.server).login(bob)
    JsonClient(town.server).login(with_password(ada, NEW))


@pytest.mark.parametrize("password", ["short", "password123", "ada@example.com"])
def test_a_password_that_may_not_be_used_leaves_the_link_good(town: Town, password: str) -> None:
    town.server.user(ADA)
    token = ask(town)
    response = town.app.post(RESET, token=token, password=password)
    assert (problem(response), errors(response)) == ((422, "password_refused"), {"password"})
    assert town.app.post(RESET, token=token, password=NEW).status_code == 200


def test_the_link_leads_to_the_issuer_whatever_the_request_says_g05(town: Town) -> None:
    town.server.user(ADA)
    headers = {
        "X-Forwarded-Host": "evil.example.com", "X-Forwarded-Proto": "http", "X-Forwarded-Prefix": "/evil",
        "Forwarded": "host=evil.example.com;proto=http",
    }  # fmt: skip
    assert town.app.http.post(FORGOT, json={"email": ADA}, headers=headers).status_code == 202
    (letter,) = town.mail()
    issuer = town.server.metadata["issuer"]
    assert all(link.startswith(issuer) for link in letter.links)
    assert "evil" not in letter.text + letter.html


def test_mail_for_one_address_and_in_all_is_capped_g25(town: Town) -> None:
    """A hundred from everywhere for Ada are three; from one place for everybody they are twenty."""
    town.server.user(ADA)
    spellings = [ADA, "ADA@example.com", "Ada@EXAMPLE.com", "ada@example.com "]
    for number in range(100):
        client = JsonClient(town.server, f"198.51.100.{number}")
        assert client.post(FORGOT, email=spellings[number % 4]).status_code == 202
    with town.server.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 3
    client = JsonClient(town.server, "2001:db8::1")
    for number in range(20):
        client.http.environ_base["HTTP_X_FORWARDED_FOR"] = f"2001:db8::{number:x}"
        path = (FORGOT, "/auth/password/reset-request", f"/api/v1{FORGOT}")[number % 3]
        assert client.post(path, email=f"person-{number}@example.com").status_code == 202
    refused = client.post(FORGOT, email="another@example.com")
    assert problem(refused) == (429, "too_many_requests")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600


def test_the_mail_speaks_the_language_of_the_request(town: Town) -> None:
    town.server.user(ADA)
    town.app.http.post(FORGOT, json={"email": ADA}, headers={"Accept-Language": "de-AT"})
    (letter,) = town.mail()
    assert letter.message["Content-Language"] == "de"
