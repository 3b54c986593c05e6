"""The password grant: for the person whose password it is, and one answer whatever was wrong."""

from __future__ import annotations

import hashlib
import unicodedata
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from oidc_server.audit.models import AuditEvent
from oidc_server.authorizations.models import Authorization
from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.keys import service
from oidc_server.keys.lifecycle import SWITCH_DELAY
from oidc_server.keys.ring import EXTENSION as KEY_RING
from oidc_server.keys.ring import KeyRing
from oidc_server.sessions.models import LoginSession
from oidc_server.users import sign_in
from oidc_server.users.models import User
from oidc_server.users.passwords import EXTENSION as PASSWORDS
from oidc_server.users.passwords import Passwords
from tests.log_lines import log_lines, reason_logged
from tests.mfa.json_app import GRANT, OWED, refusal_of
from tests.relying_party import PASSWORD, Server, TestClient, TestUser, body_of, error
from tests.second_factors import enrol_totp

WRONG = (400, "invalid_grant")


@pytest.fixture
def client(server: Server) -> TestClient:
    return server.first_party()


def attempt(server: Server, client: TestClient, username: str, password: str = PASSWORD, **more: Any) -> TestResponse:
    return server.token(client, "password", username=username, password=password, **more)


def test_the_tokens_say_who_signed_in_when_and_how_b20_e24(server: Server, client: TestClient) -> None:
    user, another = server.user(), server.user()
    now = clock.timestamp()
    tokens = server.sign_in(client, user)
    server.sign_in(client, another)
    access = server.verify(tokens["access_token"])
    identity = server.verify(tokens["id_token"], audience=client.client_id, typ="JWT")
    for claims in (access, identity):
        assert claims["sub"] == str(user.id)
        assert claims["amr"] == ["pwd"]
        assert claims["acr"] == "urn:oidc-server:acr:password"
        assert now <= claims["auth_time"] <= clock.timestamp()
        assert claims["sid"] == access["sid"]
    assert identity["aud"] == identity["azp"] == access["client_id"] == client.client_id
    assert "nonce" not in identity
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]  # OpenID Connect Core §3.1.3.6
    assert identity["at_hash"] == urlsafe_b64encode(half).rstrip(b"=").decode()
    for claim in ("email", "username", "password", "user_agent", "address"):
        assert claim not in identity


def test_an_id_token_is_only_for_who_asked_for_openid_e24(server: Server, client: TestClient) -> None:
    user = server.user()
    assert "id_token" not in server.sign_in(client, user, scope="orders:read")
    assert "id_token" in server.sign_in(client, user, scope="openid")


@pytest.mark.parametrize("alg", ["ES256", "PS256", "Ed25519"])
def test_an_id_token_is_signed_by_the_registered_algorithm_or_not_at_all_e24(
    make_server: Callable[..., Server], tmp_path: Path, alg: str
) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    server = make_server(key_directory=tmp_path / "keys")
    client, user = server.first_party(id_token_signed_response_alg=alg), server.user()
    assert error(attempt(server, client, user.email)) == (503, "temporarily_unavailable")
    ring: KeyRing = server.app.extensions[KEY_RING]
    service.ensure_first_key(ring.store, ring.policy, alg)
    clock.travel(SWITCH_DELAY + timedelta(seconds=1))
    tokens = body_of(attempt(server, client, user.email))
    # PyJWT does not know the name Ed25519 (RFC 9864) yet.
    jwks: Any = server.jwks()
    identity = jwt.decode(tokens["id_token"], KeySet.import_key_set(jwks), algorithms=[alg])
    assert identity.header["alg"] == alg
    assert identity.claims["aud"] == client.client_id
    digest = (hashlib.sha512 if alg == "Ed25519" else hashlib.sha256)(tokens["access_token"].encode()).digest()
    assert identity.claims["at_hash"] == urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def test_whatever_was_wrong_the_answer_is_the_same_d07_g03(server: Server, client: TestClient) -> None:
    user, suspended, without = server.user(), server.user(), server.user(password=None)
    server.suspend(suspended)
    refusals = [
        attempt(server, client, user.email, "wrong password"),
        attempt(server, client, "nobody@example.com"),
        attempt(server, client, "no-such-name"),
        attempt(server, client, "not @ an address"),
        attempt(server, client, without.email),
        attempt(server, client, suspended.email),
        attempt(server, client, suspended.email, "wrong password"),
        attempt(server, client, str(user.id)),
    ]
    seen = set()
    for response in refusals:
        body = body_of(response)
        headers = {name: value for name, value in response.headers if name not in {"X-Request-Id", "Date"}}
        assert body.pop("error_id") == response.headers["X-Request-Id"]
        seen.add((response.status_code, str(body), str(sorted(headers.items()))))
    assert len(seen) == 1
    assert error(refusals[0]) == WRONG


def test_the_reason_is_in_the_log(server: Server, client: TestClient, capfd: pytest.CaptureFixture[str]) -> None:
    user, suspended = server.user(), server.user()
    server.suspend(suspended)
    for username, password, reason in (
        (user.email, "wrong", Reason.CREDENTIALS_WRONG),
        ("nobody@example.com", "wrong", Reason.CREDENTIALS_WRONG),
        (suspended.email, PASSWORD, Reason.USER_SUSPENDED),
    ):
        capfd.readouterr()
        assert reason_logged(capfd, attempt(server, client, username, password)) == reason


def test_neither_password_nor_name_is_logged_and_the_person_s_log_has_the_attempt_d24(
    server: Server, client: TestClient, capfd: pytest.CaptureFixture[str]
) -> None:
    user = server.user(username="ada.lovelace")
    for username in (user.email, "ada.lovelace", "somebody.else@example.com"):
        attempt(server, client, username, "Wr0ng-pass-phrase-here")
        attempt(server, client, username)
    logged = str(log_lines(capfd))
    for secret in ("Wr0ng-pass-phrase-here", PASSWORD, user.email, "ada.lovelace", "somebody.else"):
        assert secret not in logged
    assert len(server.audit("user.sign_in_failed", str(user.id))) == 2
    (first, second) = server.audit("user.signed_in", str(user.id))
    assert first.client_id == second.client_id == client.client_id
    assert first.user_id == user.id


def test_a_person_signs_in_under_any_spelling_of_their_name(server: Server, client: TestClient) -> None:
    server.user("Ada@Münch.example", username="Ada")
    for spelling in ("ada@münch.example", "ADA@MÜNCH.EXAMPLE", "ada@xn--mnch-0ra.example", "ada", "ADA", " Ada "):
        assert attempt(server, client, spelling).status_code == 200, spelling
    for other in ("adа", "ada.", "ada@münch.example.", "ada@munch.example", "a da", "ada\u200b"):
        assert error(attempt(server, client, other)) == WRONG, other
    assert error(attempt(server, client, "   ")) == WRONG
    assert error(attempt(server, client, "")) == (400, "invalid_request")


def test_a_password_is_compared_whole_and_in_one_normal_form_g21(server: Server, client: TestClient) -> None:
    long = "p" * 72
    user = server.user(password=long + "A" * 100 + " é")
    assert (
        attempt(server, client, user.email, long + "A" * 100 + " " + unicodedata.normalize("NFD", "é")).status_code
        == 200
    )
    for wrong in (long, long + "B" * 100 + " é", long + "A" * 100 + " é ", long + "A" * 100 + " E"):
        assert error(attempt(server, client, user.email, wrong)) == WRONG
    assert error(attempt(server, client, user.email, "p" * 1024)) == WRONG
    assert error(attempt(server, client, "other@example.com", "p" * 4096)) == WRONG
    assert error(attempt(server, client, "other@example.com", "p" * 4097)) == (400, "invalid_request")
    assert error(attempt(server, client, "other@example.com", "p" * 1_000_000)) == (413, "invalid_request")


def test_a_password_that_changes_while_it_is_checked_is_refused(
    server: Server, client: TestClient, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    user, passwords = server.user(), server.app.extensions[PASSWORDS]
    verify = Passwords.verify

    def verify_then_change(self: Passwords, *arguments: Any) -> bool:
        matches = verify(self, *arguments)
        change_row(server, user, password_hash=passwords.hash("another password"))
        return matches

    monkeypatch.setattr(Passwords, "verify", verify_then_change)
    capfd.readouterr()
    response = attempt(server, client, user.email)
    assert error(response) == WRONG
    assert reason_logged(capfd, response) == Reason.PASSWORD_CHANGED
    assert rows_of(server, user) == 0


def test_an_account_that_ends_while_its_password_is_checked_is_refused(
    server: Server, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, proven = server.user(), sign_in.prove_password

    def prove_then_suspend(*arguments: Any) -> sign_in.PasswordProof:
        proof = proven(*arguments)
        server.suspend(user)
        return proof

    monkeypatch.setattr("oidc_server.protocol.grants.password.prove_password", prove_then_suspend)
    assert error(attempt(server, client, user.email)) == WRONG
    assert rows_of(server, user) == 0


def change_row(server: Server, user: TestUser, **values: Any) -> None:
    with server.database.transaction() as session:
        session.execute(update(User).where(User.id == user.id).values(**values))


def rows_of(server: Server, user: TestUser) -> int:
    """How many sessions and authorizations a person has."""
    with server.database.reading() as session:
        return sum(
            len(session.scalars(select(model.id).where(model.user_id == user.id)).all())
            for model in (Authorization, LoginSession)
        )


def test_a_lock_ends_by_itself(server: Server, client: TestClient) -> None:
    user = server.user()
    change_row(server, user, locked_until=clock.now() + timedelta(minutes=10))
    assert error(attempt(server, client, user.email)) == WRONG
    clock.travel(timedelta(minutes=10, seconds=1))
    assert attempt(server, client, user.email).status_code == 200


def test_no_grant_goes_around_the_second_factor_m01(server: Server, client: TestClient) -> None:
    user = server.user()
    totp = enrol_totp(server, user)
    refused = attempt(server, client, user.email)
    assert refusal_of(refused) == OWED
    assert rows_of(server, user) == 0
    given = {"mfa_token": body_of(refused)["mfa_token"], "method_id": str(totp.method_id)}
    assert error(server.token(client, GRANT, code=totp.wrong_code(), **given)) == WRONG
    assert rows_of(server, user) == 0
    assert server.token(client, GRANT, code=totp.code(), **given).status_code == 200


def test_the_scope_is_checked_before_the_password_is_a18_a25(server: Server, client: TestClient) -> None:
    user = server.user()
    assert error(attempt(server, client, user.email, "wrong", scope="openid admin")) == (400, "invalid_scope")
    assert error(attempt(server, client, user.email, "wrong", resource="https://x.example.com")) == (
        400,
        "invalid_target",
    )
    assert server.audit("user.sign_in_failed", str(user.id)) == []
    assert server.sign_in(client, user, scope="openid orders:read")["scope"] == "openid orders:read"


def test_what_a_browser_says_about_itself_is_kept_short_and_printable_w02_w08(
    server: Server, client: TestClient
) -> None:
    user = server.user()
    agent = 'Evil\x1b[31m "agent" {"level":"error"} é\x7f\x00' + "x" * 5000
    assert attempt(server, client, user.email, headers={"User-Agent": agent}).status_code == 200
    with server.database.reading() as session:
        kept = session.scalars(select(LoginSession.user_agent).where(LoginSession.user_id == user.id)).one()
        assert session.scalars(select(AuditEvent.address).where(AuditEvent.user_id == user.id)).all()
    assert kept is not None
    assert kept.isprintable()
    assert kept.startswith("Evil")
    assert len(kept) == 255
