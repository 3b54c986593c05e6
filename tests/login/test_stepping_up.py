"""An app asks for more than the person has proven, and they give it on the pages (RFC 9470)."""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pyotp
import pytest
from flask import Flask

from oidc_server.core import clock
from oidc_server.mfa.totp import STEP_SECONDS
from oidc_server.sessions.assurance import ACR_MFA, ACR_PASSWORD, ACR_PHISHING_RESISTANT, ACR_TRUSTED_DEVICE
from tests.app_login import App, make_app
from tests.browsing import Browser, Visit
from tests.login.second_steps import ENROL, SECOND_FACTOR, give, past_password, recovery_codes_on, secret_on
from tests.relying_party import Server, TestUser
from tests.second_factors import Totp
from tests.stolen_cookies import put

CHALLENGE = Path(__file__).parents[2] / "examples" / "step_up" / "challenge.py"
NEXT_CODE = timedelta(seconds=STEP_SECONDS)


@pytest.fixture(autouse=True)
def _a_code_has_just_appeared(app: Flask) -> None:
    """No test runs across the end of a code by chance. The application has its keys before time moves."""
    clock.travel(timedelta(seconds=STEP_SECONDS + 1 - clock.seconds() % STEP_SECONDS))


@pytest.fixture
def web(server: Server) -> App:
    """An app of our own: nobody is asked for consent."""
    return make_app(server, first_party=True)


@pytest.fixture
def browser(web: App, user: TestUser, totp: Totp) -> Browser:
    """The person has signed in here with both factors, and trusts it; since then they have signed in once more."""
    browser = Browser(web.server.app)
    web.tokens(give(browser, past_password(web, browser, user), totp.code(), trust="1"))
    clock.travel(NEXT_CODE)
    web.tokens(browser.sign_in(web.open(browser, prompt="login"), user.email, user.password))
    return browser


@pytest.fixture(scope="module")
def challenge() -> ModuleType:
    """What the recipe for resource servers and apps does."""
    spec = importlib.util.spec_from_file_location("challenge", CHALLENGE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def told(web: App, visit: Visit) -> tuple[str, list[str], int]:
    """The level, the methods and the instant that the app is told."""
    claims = web.id_token(web.tokens(visit))
    return claims["acr"], claims["amr"], claims["auth_time"]


def test_a_session_in_a_trusted_browser_is_raised_by_a_code_f01(web: App, browser: Browser, totp: Totp) -> None:
    assert told(web, web.open(browser))[:2] == (ACR_TRUSTED_DEVICE, ["pwd", "trusted_device"])
    before = browser.cookie("session")
    page = web.open(browser, acr_values=ACR_MFA)
    assert page.path.startswith(f"{SECOND_FACTOR}?interaction=")
    now = clock.timestamp()
    acr, amr, auth_time = told(web, give(browser, page, totp.code()))
    assert (acr, amr, auth_time >= now) == (ACR_MFA, ["pwd", "otp", "mfa"], True)
    assert browser.cookie("session") != before
    thief = Browser(web.server.app)
    put(thief, "session", before)
    assert web.error(web.open(thief, prompt="none")) == "login_required"
    assert told(web, web.open(browser, acr_values=ACR_MFA, prompt="none"))[0] == ACR_MFA  # not asked again


def test_what_a_resource_server_asks_for_is_what_the_next_token_says(
    web: App, browser: Browser, totp: Totp, challenge: ModuleType
) -> None:
    to_pay = challenge.Demand((ACR_MFA, ACR_PHISHING_RESISTANT), max_age=300)
    before = web.server.verify(web.tokens(web.open(browser))["access_token"])
    assert not to_pay.is_met(before)
    wanted = challenge.step_up_asked(401, to_pay.header)
    after = web.tokens(give(browser, web.open(browser, **wanted), totp.code()))["access_token"]
    assert to_pay.is_met(web.server.verify(after))


def test_who_has_no_second_factor_sets_one_up_on_the_way(web: App, user: TestUser) -> None:
    browser = Browser(web.server.app)
    assert told(web, web.log_in(browser, user))[0] == ACR_PASSWORD
    page = web.open(browser, acr_values=ACR_MFA)
    assert page.path.startswith(f"{ENROL}?interaction=")
    page = browser.press(page, "enrol-totp")
    codes = browser.press(page, "confirm", code=pyotp.TOTP(secret_on(page)).at(clock.timestamp()))
    assert len(recovery_codes_on(codes)) == 10
    visit = browser.open(f"/oauth/authorize/continue?{page.path.partition('?')[2].partition('&')[0]}")
    assert told(web, visit)[:2] == (ACR_MFA, ["pwd", "otp", "mfa"])


def test_an_old_sign_in_is_renewed_by_both_factors(web: App, browser: Browser, user: TestUser, totp: Totp) -> None:
    told(web, give(browser, web.open(browser, acr_values=ACR_MFA), totp.code()))
    clock.travel(timedelta(minutes=6))
    page = web.open(browser, acr_values=ACR_MFA, max_age="300")
    assert page.path.startswith("/sign-in?")
    page = browser.sign_in(page, user.email, user.password)
    assert page.path.startswith(SECOND_FACTOR)  # the browser is trusted, and the app wants the factor
    now = clock.timestamp()
    acr, _amr, auth_time = told(web, give(browser, page, totp.code()))
    assert (acr, auth_time >= now) == (ACR_MFA, True)


def test_the_second_factor_does_not_stand_in_for_a_fresh_password_a20(web: App, browser: Browser) -> None:
    """Whoever is asked for both cannot jump to the page of the second."""
    page = web.open(browser, prompt="login", acr_values=ACR_MFA)
    jump = browser.open(f"{SECOND_FACTOR}?{page.path.partition('?')[2]}")
    assert jump.path.startswith("/sign-in?"), jump.path
