"""M13: who has a second factor changes nothing that proves them without it; and the step-up that lets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.protocol.access_classes import RECENT
from oidc_server.sessions.assurance import ACR_MFA, ACR_PASSWORD, ACR_PHISHING_RESISTANT
from oidc_server.sessions.models import LoginSession
from tests.accounts.json_client import JsonClient, problem
from tests.app_login import make_app
from tests.authenticator import Authenticator
from tests.browsing import Browser
from tests.log_lines import reason_logged
from tests.mfa.json_app import FINE, GRANT, TOO_WEAK, WRONG, by_password_grant, level, log_in, owed, verify
from tests.passkeys import enrol_passkey
from tests.relying_party import Server, TestUser, body_of
from tests.second_factors import Totp, enrol_totp, recovery_codes, set_policy

LATER = RECENT + timedelta(seconds=1)


def password_session(server: Server, user: TestUser) -> tuple[JsonClient, Totp]:
    """An app whose session is of the password alone, of a person who has a factor since."""
    mine = JsonClient(server).login(user)
    return mine, enrol_totp(server, user)


def guarded(mine: JsonClient, totp: Totp) -> dict[str, TestResponse]:
    """Everything that needs a recent sign-in and changes what proves a person."""
    method = f"/mfa/methods/{totp.method_id}"
    return {
        "add": mine.post("/mfa/setup", type="totp"),
        "confirm": mine.post(f"/mfa/setup/{totp.method_id}/confirm", code="123456"),
        "rename": mine.patch(method, name="Mine"),
        "codes": mine.post("/mfa/backup-codes/regenerate"),
        "remove": mine.delete(method),
        "password": mine.put("/users/me/password", current_password="x", new_password="x" * 12),
        "address": mine.post("/auth/change-email", email="other@example.org"),
        "export": mine.get("/users/me/export"),
        "close": mine.delete("/users/me"),
    }


def test_neither_a_session_nor_the_password_alone_changes_factors_m13(
    server: Server, user: TestUser, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, totp = password_session(server, user)
    recovery_codes(server, user)
    for what, refused in guarded(mine, totp).items():
        assert problem(refused) == TOO_WEAK, what
        challenge = refused.headers["WWW-Authenticate"]
        assert 'error="insufficient_user_authentication"' in challenge
        assert f'acr_values="{ACR_MFA}"' in challenge
        assert 'max_age="600"' in challenge
    assert reason_logged(capsys, refused) == Reason.AUTHENTICATION_TOO_WEAK
    assert mine.get("/mfa/methods").status_code == FINE
    stranger = JsonClient(server)
    assert {problem(refused) for refused in guarded(stranger, totp).values()} == {(401, "unauthorized")}


def test_the_second_factor_lets_them_and_only_lately_m13(server: Server, user: TestUser) -> None:
    mine, totp = password_session(server, user)
    old_token = mine.tokens["access_token"]
    raised = body_of(verify(mine, None, totp))
    assert set(raised) == {"access_token", "token_type", "expires_in", "scope", "id_token"}
    assert level(server, raised) == (ACR_MFA, ["pwd", "otp", "mfa"])
    assert server.verify(raised["access_token"])["auth_time"] == clock.timestamp()
    assert body_of(mine.get("/mfa/methods"))["backup_codes_left"] == 0
    assert problem(mine.post("/mfa/backup-codes/regenerate")) == TOO_WEAK  # the token from before says no more
    mine.tokens |= raised
    assert mine.post("/mfa/backup-codes/regenerate").status_code == FINE
    assert mine.tokens["access_token"] != old_token
    clock.travel(LATER)
    mine.tokens = body_of(mine.post("/auth/refresh", refresh_token=mine.tokens["refresh_token"]))
    assert level(server, mine.tokens) == (ACR_MFA, ["pwd", "otp", "mfa"])
    refused = mine.post("/mfa/backup-codes/regenerate")
    assert problem(refused) == TOO_WEAK
    assert f'acr_values="{ACR_MFA}"' in refused.headers["WWW-Authenticate"]
    mine.tokens |= body_of(verify(mine, None, totp))
    assert mine.post("/mfa/backup-codes/regenerate").status_code == FINE
    raises = server.audit("mfa.stepped_up", str(user.id))
    assert [event.detail["factor"] for event in raises] == [["otp"], ["otp"]]


def test_whoever_has_no_factor_needs_the_password_lately_as_before(server: Server, user: TestUser) -> None:
    mine = JsonClient(server).login(user)
    assert mine.get("/users/me/export").status_code == FINE
    clock.travel(LATER)
    mine.tokens = body_of(mine.post("/auth/refresh", refresh_token=mine.tokens["refresh_token"]))
    refused = mine.get("/users/me/export")
    assert problem(refused) == TOO_WEAK
    assert "acr_values" not in refused.headers["WWW-Authenticate"]
    assert problem(mine.post("/mfa/verify", code="abcd-efgh-ijkm-npqr")) == WRONG


def test_where_nobody_is_asked_at_a_sign_in_a_factor_still_guards_itself_m13(
    app: Flask, make_server: Callable[..., Server]
) -> None:
    """Or a thief with the password would remove it, in wait for the day on which the policy is another."""
    server = make_server(mfa="off")
    user = server.user()
    totp, mine = enrol_totp(server, user), JsonClient(server).login(user)
    assert problem(mine.delete(f"/mfa/methods/{totp.method_id}")) == TOO_WEAK
    mine.tokens |= body_of(verify(mine, None, totp))
    assert mine.delete(f"/mfa/methods/{totp.method_id}").status_code == 204


def test_a_recovery_code_steps_up_too(server: Server, user: TestUser) -> None:
    mine, _ = password_session(server, user)
    code = recovery_codes(server, user)[0]
    assert level(server, body_of(verify(mine, None, None, code)))[0] == ACR_MFA
    assert problem(verify(mine, None, None, code)) == WRONG


def test_a_factor_that_is_not_allowed_here_does_not_step_up(server: Server, user: TestUser) -> None:
    mine, totp = password_session(server, user)
    enrol_passkey(server, user, Authenticator())
    set_policy(server, user=user, methods=["webauthn"])
    assert problem(verify(mine, None, totp)) == WRONG


def test_a_wrong_a_used_and_a_throttled_code_are_answered_alike_m10(
    server: Server, user: TestUser, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, totp = password_session(server, user)
    assert verify(mine, None, totp).status_code == FINE
    answers = [verify(mine, None, totp), *(verify(mine, None, totp, totp.wrong_code()) for _ in range(4))]
    answers.append(verify(mine, None, totp, totp.code(1)))
    assert reason_logged(capsys, answers[-1]) == Reason.SECOND_FACTOR_THROTTLED
    bodies = [{name: value for name, value in body_of(one).items() if name != "error_id"} for one in answers]
    assert {problem(one) for one in answers} == {WRONG}
    assert all(body == bodies[0] for body in bodies)
    assert not any("Retry-After" in one.headers for one in answers)
    app = JsonClient(server)
    assert problem(verify(app, owed(app, user)["mfa_token"], totp, totp.code(1))) == WRONG


def test_the_new_token_is_as_narrow_as_the_one_that_was_sent(server: Server, user: TestUser) -> None:
    client = server.first_party(resources=("https://login.example.com",))
    tokens = body_of(by_password_grant(server, client, user))
    mine, totp = JsonClient(server), enrol_totp(server, user)
    mine.tokens = tokens
    raised = body_of(verify(mine, None, totp))
    assert raised["scope"] == tokens["scope"]
    claims, before = server.verify(raised["access_token"]), server.verify(tokens["access_token"])
    for name in ("sub", "aud", "client_id", "sid", "scope", "authorization_id"):
        assert claims[name] == before[name]
    refreshed = body_of(server.refresh(client, tokens["refresh_token"]))
    assert level(server, refreshed)[0] == ACR_MFA


def test_a_later_factor_takes_the_place_of_an_earlier_one(server: Server, user: TestUser) -> None:
    """What the token says was given at ``auth_time`` was given then."""
    totp, key = enrol_totp(server, user), Authenticator()
    method_id = enrol_passkey(server, user, key)
    mine = log_in(server, user, totp)
    options = body_of(mine.post("/mfa/challenge", method_id=str(method_id)))["request_options"]
    given = {"method_id": str(method_id), "credential": json.loads(key.get(options))}
    mine.tokens |= body_of(mine.post("/mfa/verify", **given))
    assert level(server, mine.tokens) == (ACR_PHISHING_RESISTANT, ["pwd", "pop", "user", "mfa"])
    mine.tokens |= body_of(verify(mine, None, totp, totp.code(1)))
    assert level(server, mine.tokens) == (ACR_MFA, ["pwd", "otp", "mfa"])


def test_a_browsers_session_is_not_raised_by_an_app_f01(server: Server, user: TestUser) -> None:
    """Whoever has stolen its cookie would have what it is worth then."""
    web = make_app(server, first_party=True)
    mine = JsonClient(server)
    mine.tokens = web.tokens(web.log_in(Browser(server.app), user))
    totp = enrol_totp(server, user)
    assert level(server, body_of(verify(mine, None, totp)))[0] == ACR_MFA
    with server.database.reading() as session:
        assert [one.acr for one in session.query(LoginSession)] == [ACR_PASSWORD]


def test_the_continuation_grant_is_no_step_up(server: Server, user: TestUser) -> None:
    mine, totp = password_session(server, user)
    given = {"mfa_token": mine.tokens["access_token"], "method_id": str(totp.method_id), "code": totp.code()}
    assert server.token(server.first_party(), GRANT, **given).status_code == 400
