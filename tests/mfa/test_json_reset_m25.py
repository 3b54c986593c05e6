"""What admins do about second factors by the JSON API, and what is shown of them."""

from __future__ import annotations

import uuid

import pytest

from tests.accounts.json_client import JsonClient, problem
from tests.mfa.json_app import ENROLMENT_OWED, GONE, TOO_WEAK, log_in, owed, password, verify
from tests.relying_party import Server, TestUser, body_of
from tests.second_factors import Totp, account_of, enrol_email, enrol_totp, recovery_codes


@pytest.fixture
def admin(server: Server) -> JsonClient:
    return JsonClient(server).login(server.user("admin@example.org", superuser=True))


@pytest.fixture
def totp(server: Server, user: TestUser) -> Totp:
    return enrol_totp(server, user)


def test_an_admin_removes_all_factors_and_a_new_one_is_set_up_at_the_next_sign_in_m25(
    server: Server, admin: JsonClient, user: TestUser, totp: Totp
) -> None:
    enrol_email(server, user)
    recovery_codes(server, user)
    app, waiting = log_in(server, user, totp), JsonClient(server)
    token = owed(waiting, user)["mfa_token"]
    answered = body_of(admin.post(f"/users/{user.id}/mfa/reset", reason="Lost the phone"))
    assert answered["mfa"]["enabled"] is False
    assert answered["mfa"]["enrol_by"] is not None
    (event,) = server.audit("mfa.reset", str(user.id))
    assert event.detail["note"] == "Lost the phone"
    assert event.actor_id == body_of(admin.get("/auth/me"))["id"]
    assert problem(app.get("/auth/me")) == (401, "unauthorized")
    assert problem(verify(waiting, token, totp, totp.code(1))) == GONE
    assert problem(password(JsonClient(server), user)) == ENROLMENT_OWED


def test_only_another_admin_who_signed_in_lately_and_surely_may_m25(
    server: Server, admin: JsonClient, user: TestUser, totp: Totp
) -> None:
    path = f"/users/{user.id}/mfa/reset"
    assert problem(JsonClient(server).post(path)) == (401, "unauthorized")
    person = log_in(server, user, totp)
    assert problem(person.post(path)) == (403, "forbidden")
    own = body_of(admin.get("/auth/me"))["id"]
    assert problem(admin.post(f"/users/{own}/mfa/reset")) == (409, "own_account")
    assert problem(admin.post("/users/01986f0e-7d5c-7c3e-9f0a-5b1c2d3e4f50/mfa/reset")) == (404, "not_found")
    enrol_totp(server, TestUser(uuid.UUID(own), "admin@example.org", ""))
    assert problem(admin.post(path)) == TOO_WEAK
    assert account_of(server, user).second_factors == ["totp"]


def test_accounts_and_dashboards_tell_of_second_factors(
    server: Server, admin: JsonClient, user: TestUser, totp: Totp
) -> None:
    recovery_codes(server, user)
    mine = log_in(server, user, totp)
    for shown in (mine.get("/auth/me"), mine.get(f"/users/{user.id}"), admin.get(f"/users/{user.id}")):
        mfa = body_of(shown)["mfa"]
        assert (mfa["enabled"], mfa["types"], mfa["enrol_by"]) == (True, ["totp"], None)
        assert mfa["changed_at"] is not None
    assert all("mfa" in one for one in body_of(admin.get("/users"))["items"])
    security = body_of(mine.get(f"/users/{user.id}/dashboard"))["security"]
    assert (security["second_factors"], security["recovery_codes"], security["trusted_browsers"]) == (1, 10, 0)


def test_nobody_turns_factors_off_by_a_member_of_an_account_o15(
    server: Server, user: TestUser, admin: JsonClient, totp: Totp
) -> None:
    mine = log_in(server, user, totp)
    for name in ("mfa", "second_factors", "mfa_policy", "second_factor_forced_at"):
        for app, path in ((mine, "/auth/me"), (mine, f"/users/{user.id}"), (admin, f"/users/{user.id}")):
            assert problem(app.patch(path, **{name: None})) == (422, "validation_failed")
    assert account_of(server, user).second_factors == ["totp"]
