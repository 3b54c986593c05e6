"""A second factor that is demanded after somebody has signed in: what they were granted before gives nothing any more,
and they get on by authorizing again. A grace lets them in until it is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from oidc_server.core import clock
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.protocol.assurance import BY_PASSKEY, BY_TOTP, TRUSTED, enrol, raise_sessions, signed_in_by
from tests.protocol.authorizing import refused, signed_in
from tests.relying_party import Server, TestUser, body_of, error
from tests.second_factors import account_of, set_policy

SECOND_FACTOR, ENROL = "/sign-in/second-factor", "/sign-in/enrol"
INVALID = (400, "invalid_grant")
Demand = Callable[[App, TestUser], None]


@pytest.fixture
def rp(server: Server) -> App:
    """An app of our own, which asks nobody for consent."""
    return make_app(server, first_party=True)


def by_the_account(rp: App, user: TestUser) -> None:
    set_policy(rp.server, user=user, level="required")


def by_the_client(rp: App, _user: TestUser) -> None:
    set_policy(rp.server, client=rp.client, level="required")


def by_a_method(rp: App, user: TestUser) -> None:
    """Nobody demands it; the person sets one up."""
    enrol(rp.server, user, "totp")


@pytest.mark.parametrize("demand", [by_the_account, by_the_client, by_a_method])
def test_nothing_from_before_gives_a_token_and_authorizing_again_does(rp: App, user: TestUser, demand: Demand) -> None:
    browser = signed_in(rp, user)
    before = rp.tokens(rp.open(browser))
    code = rp.code(rp.open(browser))
    demand(rp, user)
    assert error(rp.server.refresh(rp.client, before["refresh_token"])) == INVALID
    assert error(rp.redeem(code)) == INVALID
    assert refused(rp, rp.open(browser, prompt="none")) == "interaction_required"
    page = rp.open(browser)
    assert page.path.startswith((SECOND_FACTOR, ENROL))
    enrol(rp.server, user, "totp")
    raise_sessions(rp.server, user, BY_TOTP)
    tokens = rp.tokens(browser.open(f"/oauth/authorize/continue?{page.path.partition('?')[2]}"))
    assert "refresh_token" in body_of(rp.server.refresh(rp.client, tokens["refresh_token"]))
    # What was granted by the password alone does not become more by what came later in the session.
    assert error(rp.server.refresh(rp.client, before["refresh_token"])) == INVALID


def test_a_whole_deployment_can_demand_it_from_now_on(
    rp: App, user: TestUser, make_server: Callable[..., Server]
) -> None:
    browser = signed_in(rp, user)
    before = rp.tokens(rp.open(browser))
    strict = make_server(mfa="required")
    assert error(strict.refresh(rp.client, before["refresh_token"])) == INVALID
    service = strict.client()
    assert strict.token(service).status_code == 200  # programs have no second factor
    set_policy(strict, client=rp.client, level="off")  # which makes nothing laxer
    assert error(strict.refresh(rp.client, before["refresh_token"])) == INVALID


def test_other_apps_ask_for_nothing_more(rp: App, user: TestUser) -> None:
    other = make_app(rp.server, first_party=True)
    set_policy(rp.server, client=other.client, level="required")
    browser = signed_in(rp, user)
    assert "refresh_token" in rp.tokens(rp.open(browser, prompt="none"))
    assert refused(other, other.open(browser, prompt="none")) == "interaction_required"


def test_who_gave_the_factor_goes_on_when_it_is_demanded_later(rp: App, user: TestUser) -> None:
    browser = signed_in_by(rp, user, BY_TOTP, "totp")
    tokens = rp.tokens(rp.open(browser))
    set_policy(rp.server, user=user, level="required")
    assert rp.server.refresh(rp.client, tokens["refresh_token"]).status_code == 200


def test_a_policy_that_trusts_no_browser_or_another_kind_ends_what_rested_on_them(rp: App, user: TestUser) -> None:
    browser, given = signed_in_by(rp, user, TRUSTED, "totp", "webauthn"), []
    for amr in (TRUSTED, BY_TOTP, BY_PASSKEY):
        raise_sessions(rp.server, user, amr)
        given.append(rp.tokens(rp.open(browser))["refresh_token"])
    trusting, typed, pressed = given
    set_policy(rp.server, user=user, trusted_devices=False)
    assert error(rp.server.refresh(rp.client, trusting)) == INVALID
    typed = body_of(rp.server.refresh(rp.client, typed))["refresh_token"]
    set_policy(rp.server, client=rp.client, methods=["webauthn"])
    assert error(rp.server.refresh(rp.client, typed)) == INVALID
    assert rp.server.refresh(rp.client, pressed).status_code == 200


def test_a_grace_begins_once_lets_in_and_ends(rp: App, user: TestUser, make_server: Callable[..., Server]) -> None:
    browser = signed_in(rp, user)
    before = rp.tokens(rp.open(browser, scope="openid offline_access"))["refresh_token"]
    strict = make_server(mfa="required", mfa_grace_days=7)
    began = clock.now()
    rotated = body_of(strict.refresh(rp.client, before))["refresh_token"]  # the grace begins here
    due_at = account_of(strict, user).second_factor_due_at
    assert due_at is not None
    assert timedelta(0) <= due_at - began - timedelta(days=7) < timedelta(minutes=1)
    clock.travel(timedelta(days=6))
    rotated = body_of(strict.refresh(rp.client, rotated))["refresh_token"]
    assert account_of(strict, user).second_factor_due_at == due_at
    clock.travel(timedelta(days=1))
    assert error(strict.refresh(rp.client, rotated)) == INVALID


def with_the_cookies_of(browser: Browser, server: Server) -> FlaskClient:
    """The same browser at another application on the same database."""
    http, secret = server.app.test_client(), browser.cookie("session")
    assert secret is not None
    http.set_cookie("__Host-session", secret, domain="localhost", secure=True)
    return http


def test_a_grace_begins_at_the_authorization_endpoint_too(
    rp: App, user: TestUser, make_server: Callable[..., Server]
) -> None:
    browser = signed_in(rp, user)
    strict = App(make_server(mfa="required", mfa_grace_days=7), rp.client)
    browser.http = with_the_cookies_of(browser, strict.server)
    strict.code(strict.open(browser, prompt="none"))
    due_at = account_of(strict.server, user).second_factor_due_at
    assert due_at is not None
    clock.travel(timedelta(hours=1))
    strict.code(strict.open(browser, prompt="none"))
    assert account_of(strict.server, user).second_factor_due_at == due_at
    clock.travel(due_at - clock.now() + timedelta(seconds=1))
    page = strict.log_in(browser, user)  # the session has ended meanwhile
    assert page.path.startswith("/sign-in/"), page.path  # the password alone is not enough any more
