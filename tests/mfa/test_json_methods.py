"""Setting up, listing, ordering and removing second factors by the JSON API."""

from __future__ import annotations

import json

import pyotp
import pytest
from werkzeug.test import TestResponse

from oidc_server.core import clock
from oidc_server.mfa.setups import SETUP_LIFETIME
from oidc_server.sessions.assurance import ACR_MFA, ACR_PHISHING_RESISTANT
from tests.accounts.json_client import JsonClient, errors, problem
from tests.authenticator import Authenticator
from tests.mfa.json_app import WRONG, level, log_in, owed, verify
from tests.relying_party import Server, TestUser, body_of
from tests.second_factors import account_of, enrol_email, enrol_totp, set_policy

UNKNOWN, LAST = (404, "not_found"), (409, "second_factor_last")


@pytest.fixture
def mine(server: Server, user: TestUser) -> JsonClient:
    return JsonClient(server).login(user)


def code_of(begun: dict[str, str], steps: int = 0) -> str:
    """What the app shows that was told the secret."""
    return pyotp.HOTP(begun["secret"]).at(clock.timestamp() // 30 + steps)


def confirm(mine: JsonClient, begun: dict[str, str], code: str) -> TestResponse:
    return mine.post(f"/mfa/setup/{begun['method_id']}/confirm", code=code)


def test_an_authenticator_app_is_set_up_and_asked_for_from_then_on(
    server: Server, mine: JsonClient, user: TestUser
) -> None:
    begun = body_of(mine.post("/mfa/setup", type="totp", name="Phone"))
    assert set(begun) == {"method_id", "type", "name", "secret", "otpauth_uri", "qr_code"}
    assert (begun["type"], begun["name"]) == ("totp", "Phone")
    assert begun["otpauth_uri"].startswith("otpauth://totp/")
    assert begun["secret"] in begun["otpauth_uri"]
    assert begun["qr_code"].startswith("<svg")
    added = body_of(confirm(mine, begun, code_of(begun)))
    assert (added["id"], added["type"], added["default"]) == (begun["method_id"], "totp", True)
    assert len(set(added["backup_codes"])) == 10
    assert level(server, added["tokens"]) == (ACR_MFA, ["pwd", "otp", "mfa"])
    mine.tokens |= added["tokens"]
    listed = body_of(mine.get("/mfa/methods"))
    assert [one["name"] for one in listed["items"]] == ["Phone"]
    assert listed["backup_codes_left"] == 10
    told = owed(JsonClient(server), user)
    assert [one["type"] for one in told["methods"]] == ["totp", "recovery"]


def test_the_session_in_which_the_first_one_was_set_up_goes_on(server: Server, mine: JsonClient) -> None:
    """It has given the factor, although it began without."""
    begun = body_of(mine.post("/mfa/setup", type="totp"))
    assert confirm(mine, begun, code_of(begun)).status_code == 200
    refreshed = body_of(mine.post("/auth/refresh", refresh_token=mine.tokens["refresh_token"]))
    assert level(server, refreshed) == (ACR_MFA, ["pwd", "otp", "mfa"])
    mine.tokens = refreshed
    assert [one["amr"] for one in body_of(mine.get("/auth/sessions"))["items"]] == [["pwd", "otp", "mfa"]]


def test_the_code_of_the_set_up_is_used_up_by_it_m04(server: Server, mine: JsonClient, user: TestUser) -> None:
    begun = body_of(mine.post("/mfa/setup", type="totp"))
    code = code_of(begun)
    assert confirm(mine, begun, code).status_code == 200
    app = JsonClient(server)
    given = {"mfa_token": owed(app, user)["mfa_token"], "method_id": begun["method_id"]}
    assert problem(app.post("/mfa/verify", code=code, **given)) == WRONG
    assert app.post("/mfa/verify", code=code_of(begun, 1), **given).status_code == 200


def test_the_secret_is_never_shown_again_m14(server: Server, mine: JsonClient, user: TestUser) -> None:
    begun = body_of(mine.post("/mfa/setup", type="totp"))
    mine.tokens |= body_of(confirm(mine, begun, code_of(begun)))["tokens"]
    for path in ("/mfa/methods", "/auth/me", f"/users/{user.id}/dashboard", "/users/me/export"):
        assert begun["secret"] not in mine.get(path).text, path
    assert problem(confirm(mine, begun, code_of(begun, 1))) == UNKNOWN


def test_a_set_up_that_is_not_confirmed_changes_nothing_m14(server: Server, mine: JsonClient, user: TestUser) -> None:
    begun = body_of(mine.post("/mfa/setup", type="totp"))
    assert body_of(mine.get("/mfa/methods"))["items"] == []
    assert problem(confirm(mine, begun, "000000" if code_of(begun) != "000000" else "000001")) == WRONG
    assert account_of(server, user).second_factors is None
    JsonClient(server).login(user)
    clock.travel(SETUP_LIFETIME)
    mine.login(user)
    assert problem(confirm(mine, begun, code_of(begun))) == UNKNOWN


def test_of_two_set_ups_each_is_confirmed_by_its_own_code_m14(mine: JsonClient) -> None:
    first, second = (body_of(mine.post("/mfa/setup", type="totp")) for _ in range(2))
    assert problem(confirm(mine, first, code_of(second))) == WRONG
    added = body_of(confirm(mine, second, code_of(second)))
    assert [one["id"] for one in body_of(mine.get("/mfa/methods"))["items"]] == [second["method_id"]]
    mine.tokens |= added["tokens"]
    assert "backup_codes" not in body_of(confirm(mine, first, code_of(first)))


def test_nobody_finishes_the_set_up_of_somebody_else_m22_o15(server: Server, mine: JsonClient) -> None:
    begun = body_of(mine.post("/mfa/setup", type="totp"))
    other = JsonClient(server).login(server.user())
    assert problem(confirm(other, begun, code_of(begun))) == UNKNOWN
    assert body_of(other.get("/mfa/methods"))["items"] == []
    assert confirm(mine, begun, code_of(begun)).status_code == 200
    assert problem(confirm(other, begun, code_of(begun, 1))) == UNKNOWN


def test_the_method_of_somebody_else_cannot_be_changed_or_taken_o15(
    server: Server, mine: JsonClient, user: TestUser
) -> None:
    somebody = server.user()
    path = f"/mfa/methods/{enrol_totp(server, somebody).method_id}"
    assert problem(mine.patch(path, name="Mine")) == UNKNOWN
    assert problem(mine.delete(path)) == UNKNOWN
    refused = mine.patch(path, user_id=str(user.id))
    assert problem(refused) == (422, "validation_failed")
    assert errors(refused) == {"user_id"}
    assert account_of(server, somebody).second_factors == ["totp"]


def test_methods_are_named_ordered_and_removed(server: Server, user: TestUser) -> None:
    totp = enrol_totp(server, user)
    by_mail = enrol_email(server, user)
    mine = log_in(server, user, totp)
    changed = body_of(mine.patch(f"/mfa/methods/{by_mail}", name="Post", default=True))
    assert (changed["name"], changed["default"]) == ("Post", True)
    assert changed["sent_to"] == f"{user.email[0]}•••@example.com"
    assert [one["type"] for one in body_of(mine.get("/mfa/methods"))["items"]] == ["email", "totp"]
    assert problem(mine.patch(f"/mfa/methods/{by_mail}", default=False)) == (422, "validation_failed")
    assert mine.delete(f"/mfa/methods/{by_mail}").status_code == 204
    (left,) = body_of(mine.get("/mfa/methods"))["items"]
    assert (left["type"], left["default"]) == ("totp", True)
    assert left["last_used_at"] is not None
    assert server.audit("mfa.method_removed", str(user.id))[0].detail["kind"] == "email"


def test_the_last_one_stays_where_one_is_demanded_m15(server: Server, user: TestUser) -> None:
    totp = enrol_totp(server, user)
    mine = log_in(server, user, totp)
    path = f"/mfa/methods/{totp.method_id}"
    set_policy(server, user=user, level="required")
    assert problem(mine.delete(path)) == LAST
    by_mail = enrol_email(server, user)
    set_policy(server, user=user, level="required", methods=["totp"])
    assert problem(mine.delete(path)) == LAST  # what is left would not do
    assert mine.delete(f"/mfa/methods/{by_mail}").status_code == 204
    set_policy(server, user=user)
    assert mine.delete(path).status_code == 204
    assert account_of(server, user).second_factors is None


def test_new_recovery_codes_replace_those_before(server: Server, user: TestUser) -> None:
    totp = enrol_totp(server, user)
    mine = log_in(server, user, totp)
    first, second = (body_of(mine.post("/mfa/backup-codes/regenerate"))["backup_codes"] for _ in range(2))
    assert len(first) == len(second) == 10
    app = JsonClient(server)
    token = owed(app, user)["mfa_token"]
    assert problem(verify(app, token, None, first[0])) == WRONG
    assert verify(app, token, None, second[0]).status_code == 200
    assert body_of(mine.get("/mfa/methods"))["backup_codes_left"] == 9


def test_without_a_factor_there_are_no_recovery_codes(mine: JsonClient) -> None:
    assert problem(mine.post("/mfa/backup-codes/regenerate")) == UNKNOWN


def test_a_passkey_is_set_up_and_given(server: Server, mine: JsonClient, user: TestUser) -> None:
    key = Authenticator()
    begun = body_of(mine.post("/mfa/setup", type="webauthn", name="Key"))
    made = json.loads(key.create(begun["creation_options"]))
    added = body_of(mine.post(f"/mfa/setup/{begun['method_id']}/confirm", credential=made))
    assert level(server, added["tokens"])[0] == ACR_PHISHING_RESISTANT
    app = JsonClient(server)
    given = {"mfa_token": owed(app, user)["mfa_token"], "method_id": begun["method_id"]}
    asked = body_of(app.post("/mfa/challenge", **given))
    assert (asked["type"], asked["challenge_id"], asked["sent_to"]) == ("webauthn", None, None)
    assertion = json.loads(key.get(asked["request_options"]))
    tokens = body_of(app.post("/mfa/verify", credential=assertion, **given))
    assert level(server, tokens) == (ACR_PHISHING_RESISTANT, ["pwd", "pop", "user", "mfa"])
    given["mfa_token"] = owed(app, user)["mfa_token"]
    assert problem(app.post("/mfa/verify", credential=assertion, **given)) == WRONG


@pytest.mark.parametrize(
    "broken", [{}, {"id": 1}, {"response": {"clientDataJSON": "AAAA"}}, {"id": "x" * 50_000}], ids=len
)
def test_a_broken_answer_of_an_authenticator_is_refused_like_a_wrong_one(
    mine: JsonClient, broken: dict[str, object]
) -> None:
    begun = body_of(mine.post("/mfa/setup", type="webauthn"))
    path = f"/mfa/setup/{begun['method_id']}/confirm"
    assert problem(mine.post(path, credential=broken)) == WRONG
    deep: object = {}
    for _ in range(300):
        deep = {"id": deep}
    assert mine.post(path, credential=deep).status_code == 422


def test_kinds_that_are_not_used_here_are_refused(server: Server, mine: JsonClient, user: TestUser) -> None:
    """No country is set to which text messages go."""
    refused = mine.post("/mfa/setup", type="sms", phone_number="+491701234567")
    assert problem(refused) == (422, "second_factor_not_allowed")
    set_policy(server, user=user, methods=["totp"])
    assert problem(mine.post("/mfa/setup", type="webauthn")) == (422, "second_factor_not_allowed")
    for body in ({"type": "sms"}, {"type": "totp", "phone_number": "+491701234567"}):
        assert errors(mine.post("/mfa/setup", **body)) == {"phone_number"}


def test_time_that_a_caller_tells_counts_for_nothing_m28(server: Server, mine: JsonClient, user: TestUser) -> None:
    begun = body_of(mine.post("/mfa/setup", type="totp"))
    mine.tokens |= body_of(confirm(mine, begun, code_of(begun)))["tokens"]
    old, app = code_of(begun, -3), JsonClient(server)
    token = owed(app, user)["mfa_token"]
    given = {"mfa_token": token, "method_id": begun["method_id"], "code": old}
    then = clock.timestamp() - 90
    for name in ("time", "timestamp", "offset", "at", "valid_window"):
        assert problem(app.post("/mfa/verify", **given, **{name: then})) == (422, "validation_failed")
    headers = {"Date": "Thu, 01 Jan 1970 00:00:00 GMT", "X-Timestamp": str(then)}
    assert problem(app.http.post("/mfa/verify", json=given, headers=headers)) == WRONG
    assert problem(app.http.post(f"/mfa/verify?time={then}", json=given)) == WRONG
