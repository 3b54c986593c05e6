"""The JSON API's login of who has a second factor: between the password and the tokens there is only an mfa_token."""

from __future__ import annotations

from datetime import timedelta

import pytest

from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.mfa.models import Method
from oidc_server.sessions.assurance import ACR_MFA, ACR_PASSWORD
from oidc_server.users.models import User
from tests.accounts.json_client import JsonClient, errors, problem
from tests.log_lines import reason_logged
from tests.mfa.json_app import ENROLMENT_OWED, WRONG, level, owed, password, verify
from tests.relying_party import Server, TestUser, body_of
from tests.running import ISSUER
from tests.second_factors import enrol_email, enrol_totp, recovery_codes, set_policy


@pytest.fixture
def mine(server: Server) -> JsonClient:
    return JsonClient(server)


def test_the_password_alone_gives_no_token_and_no_session_m01(server: Server, mine: JsonClient, user: TestUser) -> None:
    totp = enrol_totp(server, user)
    told = owed(mine, user)
    assert set(told) >= {"mfa_token", "methods", "error_id", "detail"}
    assert told["methods"] == [
        {"id": str(totp.method_id), "type": "totp", "name": "Authenticator app", "default": True, "sent_to": None}
    ]
    assert server.audit("user.signed_in", str(user.id)) == []
    with server.database.reading() as session:
        assert session.get_one(User, user.id).last_login_at is None


def test_the_second_factor_finishes_the_login(server: Server, mine: JsonClient, user: TestUser) -> None:
    totp = enrol_totp(server, user)
    token = owed(mine, user, device="Laptop", scope="openid email")["mfa_token"]
    clock.travel(timedelta(minutes=4))
    answered = verify(mine, token, totp)
    tokens = body_of(answered)
    assert answered.headers["Cache-Control"] == "no-store"
    assert tokens["scope"] == "openid email"
    assert level(server, tokens) == (ACR_MFA, ["pwd", "otp", "mfa"])
    claims = server.verify(tokens["access_token"])
    assert claims["auth_time"] == clock.timestamp()
    mine.tokens = tokens
    (session,) = body_of(mine.get("/auth/sessions"))["items"]
    assert (session["device"], session["amr"]) == ("Laptop", ["pwd", "otp", "mfa"])
    mine.tokens = body_of(mine.post("/auth/refresh", refresh_token=tokens["refresh_token"]))
    assert level(server, mine.tokens) == (ACR_MFA, ["pwd", "otp", "mfa"])


def test_the_methods_come_in_the_persons_order_masked_and_with_recovery_codes_last(
    server: Server, mine: JsonClient, user: TestUser
) -> None:
    enrol_totp(server, user)
    by_mail = enrol_email(server, user)
    recovery_codes(server, user)
    with server.database.transaction() as session:
        session.get_one(Method, by_mail).position = -1
    methods = owed(mine, user)["methods"]
    assert [method["type"] for method in methods] == ["email", "totp", "recovery"]
    assert [method["default"] for method in methods] == [True, False, False]
    assert methods[0]["sent_to"] == f"{user.email[0]}•••@example.com"
    assert methods[2]["id"] is None


def test_only_what_the_policy_allows_is_offered_and_taken(server: Server, mine: JsonClient, user: TestUser) -> None:
    totp = enrol_totp(server, user)
    enrol_email(server, user)
    set_policy(server, user=user, methods=["email", "webauthn"])
    told = owed(mine, user)
    assert [method["type"] for method in told["methods"]] == ["email"]
    assert problem(verify(mine, told["mfa_token"], totp)) == WRONG


def test_a_recovery_code_finishes_the_login_too(server: Server, mine: JsonClient, user: TestUser) -> None:
    enrol_totp(server, user)
    code = recovery_codes(server, user)[3]
    token = owed(mine, user)["mfa_token"]
    tokens = body_of(verify(mine, token, None, f" {code.upper()} "))
    assert level(server, tokens) == (ACR_MFA, ["pwd", "otp", "recovery_code", "mfa"])
    assert problem(verify(mine, owed(mine, user)["mfa_token"], None, code)) == WRONG


def test_whoever_has_to_enrol_a_factor_is_told_where(
    server: Server, mine: JsonClient, user: TestUser, capsys: pytest.CaptureFixture[str]
) -> None:
    set_policy(server, user=user, level="required")
    refused = password(mine, user)
    assert problem(refused) == ENROLMENT_OWED
    assert reason_logged(capsys, refused) == Reason.SECOND_FACTOR_ENROLMENT_REQUIRED
    body = body_of(refused)
    assert body["enrol_at"] == f"{ISSUER}/sign-in"
    assert {"mfa_token", "methods"} & set(body) == set()


def test_a_factor_of_a_kind_that_is_not_enough_here_leads_to_enrolling_another(
    server: Server, mine: JsonClient, user: TestUser
) -> None:
    """The one that the person has is proven first: the password alone adds none."""
    totp = enrol_totp(server, user)
    set_policy(server, user=user, level="required", methods=["webauthn"])
    told = owed(mine, user)
    assert [method["type"] for method in told["methods"]] == ["totp"]
    refused = verify(mine, told["mfa_token"], totp)
    assert problem(refused) == ENROLMENT_OWED
    assert body_of(refused)["enrol_at"] == f"{ISSUER}/sign-in"
    assert server.audit("user.signed_in", str(user.id)) == []


def test_where_nobody_is_asked_the_password_is_enough(server: Server, mine: JsonClient, user: TestUser) -> None:
    assert level(server, mine.login(user).tokens) == (ACR_PASSWORD, ["pwd"])
    assert body_of(mine.get("/auth/me"))["mfa"] == {
        "enabled": False, "types": [], "changed_at": None, "enrol_by": None,
    }  # fmt: skip


def test_a_session_from_before_a_factor_was_set_up_is_refreshed_no_more(
    server: Server, mine: JsonClient, user: TestUser, capsys: pytest.CaptureFixture[str]
) -> None:
    mine.login(user)
    enrol_totp(server, user)
    refused = mine.post("/auth/refresh", refresh_token=mine.tokens["refresh_token"])
    assert problem(refused) == (401, "refresh_token_invalid")
    assert reason_logged(capsys, refused) == Reason.SECOND_FACTOR_REQUIRED


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "code"),
        ({"code": "123456", "credential": {}}, "code"),
        ({"credential": {}}, "method_id"),
        ({"code": "123456", "method_id": "1"}, "method_id"),
        ({"code": 123456}, "code"),
        ({"code": "123456", "time": 1}, "time"),
    ],
    ids=str,
)
def test_what_is_not_as_documented_is_named(
    server: Server, mine: JsonClient, user: TestUser, body: dict[str, object], named: str
) -> None:
    enrol_totp(server, user)
    refused = mine.post("/mfa/verify", **{"mfa_token": owed(mine, user)["mfa_token"], **body})
    assert problem(refused) == (422, "validation_failed")
    assert errors(refused) == {named}
