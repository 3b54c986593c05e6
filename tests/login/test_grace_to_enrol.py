"""In the grace the page asks for a second factor at each sign-in, and can be left for later; after it, it cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from oidc_server.core import clock
from oidc_server.core.settings import Settings
from tests.app_login import App
from tests.browsing import Browser
from tests.login.second_steps import ENROL, allowed, secret_on
from tests.relying_party import TestUser
from tests.second_factors import Totp, account_of
from tests.stolen_cookies import SESSION


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, mfa="required", mfa_grace_days=7)


def test_it_can_be_left_for_later_until_the_day_that_the_page_names(web: App, user: TestUser) -> None:
    due_at, browsers = clock.now() + timedelta(days=7), [Browser(web.server.app) for _ in range(2)]
    for browser, days in zip(browsers, (0, 6), strict=True):
        clock.travel(timedelta(days=days))
        visit = browser.sign_in(web.open(browser), user.email, user.password)
        assert visit.path.startswith(f"{ENROL}?interaction=")
        assert due_at.strftime("%Y-%m-%d") in visit.words
        way_on = f"/oauth/authorize/continue?{visit.path.partition('?')[2]}"
        assert f'id="later" href="{way_on}"' in visit.response.text
        assert web.id_token(web.tokens(allowed(browser, browser.open(way_on))))["amr"] == ["pwd"]
        assert browser.open("/account").path == "/account"  # nobody is asked twice
    clock.travel(timedelta(days=1, minutes=1))
    late = Browser(web.server.app)
    visit = late.sign_in(web.open(late), user.email, user.password)
    assert visit.path.startswith(f"{ENROL}?interaction=")
    assert 'id="later"' not in visit.response.text
    assert late.cookie(SESSION) is None
    assert web.open(browsers[1]).path.startswith("/sign-in")  # the session from within the grace, too


def test_what_is_set_up_in_the_grace_counts(web: App, user: TestUser) -> None:
    browser = Browser(web.server.app)
    visit = browser.sign_in(browser.open("/account"), user.email, user.password)
    assert visit.path == f"{ENROL}?next=%2Faccount"
    page, before = browser.press(visit, "enrol-totp"), browser.cookie(SESSION)
    totp = Totp(user.id, secret_on(page))
    done = browser.press(page, "confirm", code=totp.code())
    assert 'href="/account"' in done.response.text
    assert browser.cookie(SESSION) not in {None, before}
    assert account_of(web.server, user).second_factors == ["totp"]
    assert len(web.server.audit("mfa.stepped_up", str(user.id))) == 1
    clock.travel(timedelta(days=8))
    visit = browser.sign_in(browser.open("/account"), user.email, user.password)
    assert visit.path == "/sign-in/second-factor?next=%2Faccount"
