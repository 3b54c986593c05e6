"""Having a code sent by the JSON API, for a login that waits, for a set-up, and to step up."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from oidc_server.core import clock
from oidc_server.sessions.assurance import ACR_MFA
from tests.accounts.json_client import JsonClient, problem
from tests.mfa.code_post import CodePost, code_post
from tests.mfa.json_app import GRANT, WRONG, by_password_grant, level, log_in, owed, refusal_of
from tests.relying_party import Server, TestUser, body_of
from tests.second_factors import enrol_email, enrol_totp

_CODE = re.compile(r"\b[0-9]{6}\b")


@pytest.fixture
def post(server: Server, tmp_path: Path) -> Iterator[CodePost]:
    with code_post(server, tmp_path / "outbox") as made:
        yield made


@pytest.fixture
def by_mail(server: Server, user: TestUser) -> uuid.UUID:
    return enrol_email(server, user)


def code_in(post: CodePost) -> str:
    """The code in the one message that was sent since."""
    assert post.deliver().sent == 1
    found = _CODE.search(post.last().text)
    assert found is not None
    return found[0]


def test_a_code_is_sent_for_a_login_and_finishes_it(
    server: Server, post: CodePost, user: TestUser, by_mail: uuid.UUID
) -> None:
    mine = JsonClient(server)
    given = {"mfa_token": owed(mine, user)["mfa_token"], "method_id": str(by_mail)}
    asked = body_of(mine.post("/mfa/challenge", **given))
    assert asked["sent_to"] == f"{user.email[0]}•••@example.com"
    assert (asked["type"], asked["request_options"]) == ("email", None)
    code = code_in(post)
    tokens = body_of(mine.post("/mfa/verify", code=code, challenge_id=asked["challenge_id"], **given))
    assert level(server, tokens) == (ACR_MFA, ["pwd", "otp", "mca", "mfa"])


def test_codes_are_sent_no_more_often_than_their_limit_says(server: Server, user: TestUser, by_mail: uuid.UUID) -> None:
    mine = JsonClient(server)
    given = {"mfa_token": owed(mine, user)["mfa_token"], "method_id": str(by_mail)}
    assert mine.post("/mfa/challenge", **given).status_code == 200
    refused = mine.post("/mfa/challenge", **given)
    assert problem(refused) == (429, "too_many_requests")
    assert 0 < int(refused.headers["Retry-After"]) <= 30


def test_a_code_is_good_for_the_login_and_the_challenge_that_it_was_sent_for_m11(
    server: Server, post: CodePost, user: TestUser, by_mail: uuid.UUID
) -> None:
    mine = JsonClient(server)
    first, second = ({"mfa_token": owed(mine, user)["mfa_token"], "method_id": str(by_mail)} for _ in range(2))
    older = body_of(mine.post("/mfa/challenge", **first))["challenge_id"]
    code = code_in(post)
    assert problem(mine.post("/mfa/verify", code=code, **second)) == WRONG
    clock.travel(timedelta(seconds=31))
    newer = body_of(mine.post("/mfa/challenge", **first))["challenge_id"]
    assert problem(mine.post("/mfa/verify", code=code, **first)) == WRONG
    code = code_in(post)
    assert problem(mine.post("/mfa/verify", code=code, challenge_id=older, **first)) == WRONG
    assert mine.post("/mfa/verify", code=code, challenge_id=newer, **first).status_code == 200


def test_a_client_of_the_password_grant_has_a_code_sent_by_its_mfa_token(
    server: Server, post: CodePost, user: TestUser, by_mail: uuid.UUID
) -> None:
    client, given = server.first_party(), {"method_id": str(by_mail)}
    given["mfa_token"] = body_of(by_password_grant(server, client, user))["mfa_token"]
    assert JsonClient(server).post("/mfa/challenge", **given).status_code == 200
    code = code_in(post)
    assert refusal_of(server.token(server.first_party(), GRANT, code=code, **given)) == (400, "invalid_grant")
    assert level(server, body_of(server.token(client, GRANT, code=code, **given)))[0] == ACR_MFA


def test_nothing_has_to_be_asked_of_an_authenticator_app(server: Server, user: TestUser) -> None:
    totp, mine = enrol_totp(server, user), JsonClient(server)
    asked = mine.post("/mfa/challenge", mfa_token=owed(mine, user)["mfa_token"], method_id=str(totp.method_id))
    assert body_of(asked) == {"challenge_id": None, "type": "totp", "sent_to": None, "request_options": None}


def test_nothing_is_asked_of_methods_of_others_or_of_none(server: Server, user: TestUser, by_mail: uuid.UUID) -> None:
    mine = JsonClient(server)
    token = owed(mine, user)["mfa_token"]
    for method_id in (enrol_email(server, server.user()), uuid.uuid4()):
        refused = mine.post("/mfa/challenge", mfa_token=token, method_id=str(method_id))
        assert problem(refused) == (404, "not_found")
    stranger = JsonClient(server).login(server.user())
    assert problem(stranger.post("/mfa/challenge", method_id=str(by_mail))) == (404, "not_found")


def test_mail_is_set_up_by_a_code_that_can_be_sent_once_more(server: Server, post: CodePost, user: TestUser) -> None:
    mine = JsonClient(server).login(user)
    begun = body_of(mine.post("/mfa/setup", type="email"))
    assert begun["sent_to"] == f"{user.email[0]}•••@example.com"
    lost = code_in(post)
    clock.travel(timedelta(seconds=31))
    assert mine.post("/mfa/challenge", method_id=begun["method_id"]).status_code == 200
    path = f"/mfa/setup/{begun['method_id']}/confirm"
    assert problem(mine.post(path, code=lost)) == WRONG
    assert body_of(mine.post(path, code=code_in(post)))["type"] == "email"


def test_a_code_for_another_session_is_of_no_use_m11(
    server: Server, post: CodePost, user: TestUser, by_mail: uuid.UUID
) -> None:
    totp = enrol_totp(server, user)
    one = log_in(server, user, totp)
    clock.travel(timedelta(seconds=30))
    other = log_in(server, user, totp)
    assert one.post("/mfa/challenge", method_id=str(by_mail)).status_code == 200
    code = code_in(post)
    assert problem(other.post("/mfa/verify", method_id=str(by_mail), code=code)) == WRONG
    assert one.post("/mfa/verify", method_id=str(by_mail), code=code).status_code == 200
