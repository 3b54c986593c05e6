"""R04: wherever a second factor is guessed, the guesses of an account are counted together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from oidc_server.core.limit_rules import MFA_ATTEMPTS
from tests.accounts.json_client import JsonClient
from tests.app_login import make_app
from tests.browsing import Browser
from tests.login.second_steps import give, past_password
from tests.mfa.json_app import GRANT, by_password_grant, owed, verify
from tests.relying_party import Server, TestUser, body_of
from tests.second_factors import Totp, enrol_totp

Try = Callable[[str], bool]  # whether the code lets somebody in


@pytest.fixture
def totp(server: Server, user: TestUser) -> Totp:
    return enrol_totp(server, user)


@pytest.fixture
def ways(server: Server, user: TestUser, totp: Totp) -> list[Try]:
    """The token endpoint, the JSON API, a session of an app that steps up there, and the page."""
    program, app = server.first_party(), JsonClient(server)
    signed_in = JsonClient(server)
    signed_in.tokens = body_of(verify(signed_in, owed(signed_in, user)["mfa_token"], totp, totp.code(-1)))
    at_token_endpoint = body_of(by_password_grant(server, program, user))["mfa_token"]
    at_api = owed(app, user)["mfa_token"]
    browser = Browser(server.app)
    page = past_password(make_app(server, first_party=True), browser, user)

    def grant(code: str) -> bool:
        given = {"mfa_token": at_token_endpoint, "method_id": str(totp.method_id), "code": code}
        return server.token(program, GRANT, **given).status_code == 200

    return [
        grant,
        lambda code: verify(app, at_api, totp, code).status_code == 200,
        lambda code: verify(signed_in, None, totp, code).status_code == 200,
        lambda code: give(browser, page, code).elsewhere is not None,
    ]


def test_guesses_at_every_way_fill_one_count_r04_m10(server: Server, ways: list[Try], totp: Totp) -> None:
    server.forget_limits()
    for number in range(MFA_ATTEMPTS[0].amount):
        assert not ways[number % len(ways)](totp.wrong_code())
    assert not any(way(totp.code()) for way in ways)
    server.forget_limits()
    assert ways[0](totp.code())
