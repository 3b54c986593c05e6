"""A sign-in from a device that the person has not used before: they are told by mail, and only then."""

from __future__ import annotations

import pytest

from oidc_server.core import clock
from oidc_server.users.models import User
from tests.accounts.devices import FIREFOX, SAFARI, app_on, browser_of
from tests.accounts.people import Town
from tests.app_login import App, make_app
from tests.relying_party import TestUser


@pytest.fixture
def web(town: Town) -> App:
    return make_app(town.server)


@pytest.fixture
def user(town: Town) -> TestUser:
    """Somebody who has signed in before, with Firefox on Linux."""
    made = town.server.user()
    app_on(town.server, FIREFOX).login(made)
    return made


def test_the_first_sign_in_of_all_is_no_news(town: Town, user: TestUser) -> None:
    assert town.mail() == []


def test_another_browser_is_told_with_device_address_and_time(town: Town, web: App, user: TestUser) -> None:
    web.log_in(browser_of(town.server, SAFARI, "198.51.100.23"), user)
    when = clock.now()
    (letter,) = town.mail()
    assert letter.recipient == user.email
    assert letter.subject == "A new sign-in to your account"
    for part in (letter.text, letter.html):
        assert "Safari on macOS" in part
        assert "198.51.100.23" in part
        assert f"{when:%Y-%m-%d, %H:}" in part
    assert letter.link == f"{town.server.metadata['issuer']}/account"


def test_the_same_browser_is_known_by_what_it_says_and_by_its_cookie(town: Town, web: App, user: TestUser) -> None:
    """One that says the same as before is not new, and one with the cookie is known whatever it says by now."""
    app_on(town.server, FIREFOX, "198.51.100.7").login(user)
    browser = browser_of(town.server, FIREFOX)
    web.log_in(browser, user)
    browser.http.environ_base["HTTP_USER_AGENT"] = SAFARI
    visit = web.open(browser, prompt="login")
    assert web.code(browser.sign_in(visit, user.email, user.password))
    assert town.mail() == []


def test_the_cookie_of_another_person_is_no_excuse(town: Town, web: App, user: TestUser) -> None:
    somebody, browser = town.server.user(), browser_of(town.server, SAFARI)
    web.log_in(browser, somebody)
    visit = web.open(browser, prompt="login")
    browser.sign_in(visit, user.email, user.password)
    assert [letter.recipient for letter in town.mail()] == [user.email]


def test_a_device_with_another_name_is_new_and_is_called_by_it(town: Town, user: TestUser) -> None:
    app_on(town.server, FIREFOX).login(user, device="Kitchen tablet")
    (letter,) = town.mail()
    assert "Device: Kitchen tablet (Firefox on Linux)" in letter.text
    app_on(town.server, FIREFOX).login(user, device="Kitchen tablet")
    assert town.mail() == []


def test_the_password_grant_tells_too(town: Town, user: TestUser) -> None:
    client = town.server.first_party()
    town.server.sign_in(client, user)
    assert "Device: Werkzeug" in town.mail()[0].text


@pytest.mark.parametrize(
    ("name", "shown"),
    [("<b>{{7*7}}</b>", True), ("Prizes at www.evil.example", False), ("https://evil.example", False)],
)
def test_a_device_name_is_shown_as_it_is_or_not_at_all_w15(town: Town, user: TestUser, name: str, shown: bool) -> None:
    """Who knows the password chose it, and the mail shall not be theirs to write (G24)."""
    app_on(town.server, FIREFOX).login(user, device=name)
    (letter,) = town.mail()
    assert (name in letter.text) == shown
    assert name not in letter.html
    assert letter.links == [f"{town.server.metadata['issuer']}/account", town.server.metadata["issuer"]]


def test_a_failed_sign_in_tells_nobody(town: Town, user: TestUser) -> None:
    app = app_on(town.server, SAFARI)
    assert app.post("/auth/login", email=user.email, password="a wrong password").status_code == 401
    assert town.mail() == []


def test_the_mail_speaks_the_language_of_the_sign_in(town: Town, user: TestUser) -> None:
    app = app_on(town.server, SAFARI)
    app.http.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de-AT"
    app.login(user)
    assert "Gerät: Safari auf macOS" in town.mail()[0].text


def test_whose_account_is_gone_is_told_nothing(town: Town, user: TestUser) -> None:
    app_on(town.server, SAFARI).login(user)
    with town.server.database.transaction() as session:
        session.delete(session.get_one(User, user.id))
    assert town.mail() == []
