"""A browser that is trusted is not asked for the second factor, for a while; and only that browser, for that person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from oidc_server.core import clock
from oidc_server.mfa.models import TrustedDevice
from tests.accounts.devices import FIREFOX, SAFARI, browser_of
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.login.second_steps import PENDING, TRUST, allowed, carried_on_elsewhere, give, past_password
from tests.relying_party import Server, TestUser
from tests.second_factors import Totp, enrol_email, enrol_totp, set_policy
from tests.stolen_cookies import SESSION, put

ASKED = "Do not ask for this again in this browser for 30 days"
SECOND = timedelta(seconds=40)


@pytest.fixture
def trusted(web: App, user: TestUser, totp: Totp) -> Browser:
    """A browser that the person trusts, and in which they have signed out."""
    browser = browser_of(web.server, SAFARI, "192.0.2.9")
    visit = past_password(web, browser, user)
    assert ASKED in visit.words
    web.tokens(allowed(browser, give(browser, visit, totp.code(), trust="1")))
    assert browser.cookie(TRUST) is not None
    put(browser, SESSION, None)
    return browser


def is_asked(web: App, browser: Browser, user: TestUser) -> bool:
    """Whether the second factor is asked for when the person signs in."""
    visit = browser.sign_in(web.open(browser), user.email, user.password)
    if visit.elsewhere is None and not visit.path.startswith("/consent"):
        assert visit.path.startswith("/sign-in/second-factor"), visit.path
        assert browser.cookie(SESSION) is None
        put(browser, PENDING, None)
        return True
    put(browser, SESSION, None)
    return False


def trusted_devices(server: Server) -> int:
    with server.database.reading() as session:
        return len(session.scalars(select(TrustedDevice.id)).all())


def test_it_is_not_asked_again_and_the_app_is_told_how(web: App, user: TestUser, trusted: Browser) -> None:
    before = trusted.cookie(TRUST)
    visit = trusted.sign_in(web.open(trusted), user.email, user.password)
    claims = web.id_token(web.tokens(allowed(trusted, visit)))
    assert (claims["amr"], claims["acr"]) == (["pwd", "trusted_device"], "urn:oidc-server:acr:trusted-device")
    assert trusted.cookie(TRUST) not in {None, before}
    put(trusted, SESSION, None)
    assert not is_asked(web, trusted, user)


def test_who_does_not_want_it_is_not_trusted(web: App, user: TestUser, totp: Totp) -> None:
    browser = Browser(web.server.app)
    web.tokens(allowed(browser, give(browser, past_password(web, browser, user), totp.code())))
    assert browser.cookie(TRUST) is None
    assert trusted_devices(web.server) == 0


def test_where_the_policy_trusts_no_browser_none_is_asked_and_none_is_trusted(
    web: App, user: TestUser, trusted: Browser, totp: Totp
) -> None:
    """That of the client counts too, for a browser that is trusted elsewhere."""
    strict = make_app(web.server)
    set_policy(web.server, client=strict.client, trusted_devices=False)
    visit = past_password(strict, trusted, user)
    assert ASKED not in visit.words
    clock.travel(SECOND)
    given = give(trusted, visit, totp.code(), trust="1")
    assert strict.code(allowed(trusted, given))
    assert trusted_devices(web.server) == 1


def test_trust_is_nobody_elses_m24(web: App, user: TestUser, trusted: Browser) -> None:
    other = web.server.user()
    enrol_totp(web.server, other)
    assert is_asked(web, trusted, other)
    assert not is_asked(web, trusted, user)


def test_trust_ends_with_another_factor_or_password_m24(web: App, user: TestUser, trusted: Browser) -> None:
    enrol_email(web.server, user)
    assert is_asked(web, trusted, user)
    assert trusted_devices(web.server) == 0


def test_a_copy_of_the_cookie_is_found_out_m24(web: App, user: TestUser, trusted: Browser) -> None:
    """Whoever comes second with it ends the trust of both."""
    thief = browser_of(web.server, SAFARI, "198.51.100.7")
    put(thief, TRUST, trusted.cookie(TRUST))
    assert not is_asked(web, thief, user)
    clock.travel(timedelta(minutes=1))
    assert is_asked(web, trusted, user)
    assert is_asked(web, thief, user)
    assert len(web.server.audit("mfa.device_copied", str(user.id))) == 1


def test_a_copy_in_another_program_is_no_trust_m24(web: App, user: TestUser, trusted: Browser) -> None:
    thief = browser_of(web.server, FIREFOX, "198.51.100.7")
    put(thief, TRUST, trusted.cookie(TRUST))
    assert is_asked(web, thief, user)


def test_trust_is_over_after_its_days(web: App, user: TestUser, trusted: Browser) -> None:
    clock.travel(timedelta(days=29))
    assert not is_asked(web, trusted, user)
    clock.travel(timedelta(days=1, seconds=1))
    assert is_asked(web, trusted, user)


def test_trust_is_no_second_factor_where_one_is_asked_for_lately_m13(
    web: App, user: TestUser, trusted: Browser, totp: Totp
) -> None:
    """Nobody changes what protects the account in a browser that is only trusted."""
    visit = trusted.sign_in(trusted.open("/account/data"), user.email, user.password)
    assert visit.path == "/sign-in/second-factor?next=%2Faccount%2Fdata"
    assert ASKED not in visit.words
    clock.travel(SECOND)
    assert give(trusted, visit, totp.code()).path == "/account/data"


def test_an_app_that_asks_for_the_factor_gets_it_from_a_trusted_browser_too(
    web: App, user: TestUser, trusted: Browser
) -> None:
    visit = trusted.sign_in(web.open(trusted, acr_values="urn:oidc-server:acr:mfa"), user.email, user.password)
    assert visit.path.startswith("/sign-in/second-factor")
    assert trusted.cookie(TRUST) is not None
    copy = carried_on_elsewhere(web, trusted)
    assert copy.cookie(PENDING) is not None
