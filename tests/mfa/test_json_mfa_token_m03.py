"""M03: an mfa_token is good for one login of one person at one client, for five minutes, once, and for nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from oidc_server.core import clock
from oidc_server.users.models import User
from tests.accounts.json_client import JsonClient, problem
from tests.mfa.json_app import GONE, GRANT, WRONG, by_password_grant, owed, refusal_of, verify
from tests.relying_party import Server, TestUser, body_of
from tests.second_factors import Totp, enrol_totp

NO_BEARER, NO_GRANT = (401, "unauthorized"), (400, "invalid_grant")


@pytest.fixture
def mine(server: Server) -> JsonClient:
    return JsonClient(server)


@pytest.fixture
def totp(server: Server, user: TestUser) -> Totp:
    return enrol_totp(server, user)


def test_it_is_no_bearer_and_no_refresh_token_m03(mine: JsonClient, user: TestUser, totp: Totp) -> None:
    token = owed(mine, user)["mfa_token"]
    mine.tokens = {"access_token": token}
    for path in ("/auth/me", "/auth/sessions", "/mfa/methods", "/users/me/export"):
        assert problem(mine.get(path)) == NO_BEARER
    assert problem(verify(mine, None, totp)) == NO_BEARER
    assert problem(mine.post("/mfa/setup", type="totp")) == NO_BEARER
    assert mine.server.http.get("/oauth/userinfo", headers=mine.headers).status_code == 401
    mine.tokens = {}
    assert problem(mine.post("/auth/refresh", refresh_token=token)) == (401, "refresh_token_invalid")


def test_the_factor_of_somebody_else_does_not_finish_it_m03(
    server: Server, mine: JsonClient, user: TestUser, totp: Totp
) -> None:
    somebody = server.user()
    theirs = enrol_totp(server, somebody)
    assert problem(verify(mine, owed(mine, user)["mfa_token"], theirs)) == WRONG
    assert problem(verify(mine, owed(mine, somebody)["mfa_token"], totp)) == WRONG
    assert verify(mine, owed(mine, somebody)["mfa_token"], theirs).status_code == 200


def test_it_is_good_at_the_client_that_began_and_at_no_other_m03(
    server: Server, mine: JsonClient, user: TestUser, totp: Totp
) -> None:
    own, other = server.first_party(), server.first_party()
    of_client = body_of(by_password_grant(server, own, user))["mfa_token"]
    of_app = owed(mine, user)["mfa_token"]
    given = {"method_id": str(totp.method_id), "code": totp.code()}
    for client, token in ((other, of_client), (own, of_app), (other, of_app)):
        assert refusal_of(server.token(client, GRANT, mfa_token=token, **given)) == NO_GRANT
    assert problem(verify(mine, of_client, totp)) == GONE
    # None of these has used up the code, or either token.
    assert server.token(own, GRANT, mfa_token=of_client, **given).status_code == 200
    assert verify(mine, of_app, totp, totp.code(1)).status_code == 200


def test_it_is_used_up_by_the_login_that_it_finishes_m03(mine: JsonClient, user: TestUser, totp: Totp) -> None:
    token = owed(mine, user)["mfa_token"]
    assert problem(verify(mine, token, totp, totp.wrong_code())) == WRONG
    assert verify(mine, token, totp).status_code == 200
    assert problem(verify(mine, token, totp, totp.code(1))) == GONE
    assert problem(mine.post("/mfa/challenge", mfa_token=token, method_id=str(totp.method_id))) == GONE


def test_it_lasts_for_five_minutes_m03(server: Server, mine: JsonClient, user: TestUser, totp: Totp) -> None:
    client = server.first_party()
    tokens = owed(mine, user)["mfa_token"], body_of(by_password_grant(server, client, user))["mfa_token"]
    clock.travel(timedelta(minutes=5))
    assert problem(verify(mine, tokens[0], totp)) == GONE
    given = {"mfa_token": tokens[1], "method_id": str(totp.method_id), "code": totp.code()}
    assert refusal_of(server.token(client, GRANT, **given)) == NO_GRANT


def test_it_ends_when_the_password_changes_m03(server: Server, mine: JsonClient, user: TestUser, totp: Totp) -> None:
    token = owed(mine, user)["mfa_token"]
    with server.database.transaction() as session:
        session.get_one(User, user.id).password_changed_at = clock.now()
    assert problem(verify(mine, token, totp)) == GONE


def test_it_ends_when_the_second_factors_change_m03(
    server: Server, mine: JsonClient, user: TestUser, totp: Totp
) -> None:
    token = owed(mine, user)["mfa_token"]
    enrol_totp(server, user, "Tablet")
    assert problem(verify(mine, token, totp)) == GONE


def test_it_is_of_no_use_for_an_account_that_may_not_sign_in_m03(
    server: Server, mine: JsonClient, user: TestUser, totp: Totp
) -> None:
    token = owed(mine, user)["mfa_token"]
    server.suspend(user)
    assert problem(verify(mine, token, totp)) == GONE


def test_a_client_that_may_no_longer_use_passwords_does_not_finish_either_m03(
    server: Server, user: TestUser, totp: Totp
) -> None:
    client = server.first_party()
    token = body_of(by_password_grant(server, client, user))["mfa_token"]
    server.update(client, grant_types=("authorization_code",))
    server.app.extensions["oidc_server.clients"].forget()
    given = {"mfa_token": token, "method_id": str(totp.method_id), "code": totp.code()}
    assert refusal_of(server.token(client, GRANT, **given)) == (400, "unauthorized_client")


def test_one_that_nobody_was_given_is_refused_alike_m03(mine: JsonClient, totp: Totp) -> None:
    for token in ("x", "0" * 43):
        assert problem(verify(mine, token, totp)) == GONE
        assert problem(mine.post("/mfa/challenge", mfa_token=token, method_id=str(totp.method_id))) == GONE
    assert problem(verify(mine, None, totp)) == NO_BEARER


def test_it_does_not_go_together_with_an_access_token_m03(
    server: Server, mine: JsonClient, user: TestUser, totp: Totp
) -> None:
    token = owed(mine, user)["mfa_token"]
    signed_in = JsonClient(server).login(server.user())
    assert problem(verify(signed_in, token, totp)) == (422, "validation_failed")
    assert verify(mine, token, totp).status_code == 200
