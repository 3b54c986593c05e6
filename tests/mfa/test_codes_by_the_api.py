"""Codes by mail and SMS through the JSON API: bound to one login, void after another, sent so often and no more."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from oidc_server.core import clock
from tests.accounts.json_client import JsonClient, problem
from tests.mfa.code_post import CodePost, code_post
from tests.relying_party import Server, TestUser, body_of
from tests.second_factors import enrol_email

HALF_A_MINUTE = timedelta(seconds=31)


def owed(app: JsonClient, user: TestUser) -> str:
    """Sign in as far as the second factor."""
    response = app.post("/auth/login", email=user.email, password=user.password)
    assert problem(response) == (403, "mfa_required")
    return str(body_of(response)["mfa_token"])


def code_for(app: JsonClient, post: CodePost, **asked: Any) -> str:
    """Have a code sent."""
    response = app.post("/mfa/challenge", **asked)
    assert response.status_code == 200, response.json
    post.deliver()
    found = re.search(r"\b[0-9]{6}\b", post.last().text)
    assert found is not None
    return found[0]


def test_a_code_finishes_the_login_for_which_it_was_sent_and_no_other_m11(server: Server, tmp_path: Path) -> None:
    user, app = server.user(), JsonClient(server)
    method = str(enrol_email(server, user))
    mine, other = owed(app, user), owed(app, user)
    with code_post(server, tmp_path / "outbox") as post:
        old = code_for(app, post, mfa_token=mine, method_id=method)
        throttled = app.post("/mfa/challenge", mfa_token=mine, method_id=method)
        assert throttled.status_code == 429
        assert 0 < int(throttled.headers["Retry-After"]) <= 30
        clock.travel(HALF_A_MINUTE)
        code = code_for(app, post, mfa_token=mine, method_id=method)
    wrong = (422, "second_factor_wrong")
    assert problem(app.post("/mfa/verify", mfa_token=mine, method_id=method, code=old)) == wrong
    assert problem(app.post("/mfa/verify", mfa_token=other, method_id=method, code=code)) == wrong
    finished = app.post("/mfa/verify", mfa_token=mine, method_id=method, code=f"{code[:3]}-{code[3:]}")
    assert finished.status_code == 200, finished.json
    assert body_of(finished)["access_token"]
    assert problem(app.post("/mfa/verify", mfa_token=other, method_id=method, code=code)) == wrong


@pytest.mark.usefixtures("app")
def test_a_number_is_set_up_by_the_code_that_was_sent_there_and_no_premium_number_is_m23(
    make_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = make_server(sms_countries=("DE",))
    user = server.user()
    app = JsonClient(server).login(user)
    for number in ("+499001234567", "+447400123456", "+18762101234", "112", "x"):
        refused = app.post("/mfa/setup", type="sms", phone_number=number)
        assert problem(refused) == (422, "phone_number_refused"), number
    with code_post(server, tmp_path / "outbox") as post:
        begun = app.post("/mfa/setup", type="sms", phone_number="0151 12345678")
        assert begun.status_code in {200, 201}, begun.json
        assert body_of(begun)["sent_to"] == "••• 78"
        assert post.deliver().sent == 1
        assert post.last().recipient == "+4915112345678"
        code = post.last().text.split()[0]
    confirmed = app.post(f"/mfa/setup/{body_of(begun)['method_id']}/confirm", code=code)
    assert confirmed.status_code == 200, confirmed.json
    assert len(body_of(confirmed)["backup_codes"]) == 10
