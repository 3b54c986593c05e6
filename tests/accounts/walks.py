"""Ways through the pages about accounts, as people go them in a browser without scripts."""

from __future__ import annotations

import re
from html import unescape

from tests.accounts.people import ADA, Town
from tests.browsing import Browser, Visit
from tests.mailbox import Letter
from tests.relying_party import PASSWORD

OWN = "and this one is of the owner"
SENT = "Look into your mail"
NOT_GOOD = "This link is not good any more"


def browser_at(town: Town, address: str = "192.0.2.1", language: str = "en") -> Browser:
    """A browser that has been nowhere yet, at a network address."""
    browser = Browser(town.server.app)
    browser.http.environ_base |= {"HTTP_X_FORWARDED_FOR": address, "HTTP_ACCEPT_LANGUAGE": language}
    return browser


def fill_in(browser: Browser, page: Visit, email: str = ADA, password: str = PASSWORD, **more: str) -> Visit:
    """Fill in the page on which accounts are made, and send it."""
    assert page.path.startswith("/register"), page.words
    return browser.press(page, "continue", email=email, password=password, **more)


def register(browser: Browser, email: str = ADA, password: str = PASSWORD, **more: str) -> Visit:
    """Make an account on the page."""
    return fill_in(browser, browser.open("/register"), email, password, **more)


def follow(browser: Browser, page: Visit, identifier: str) -> Visit:
    """Follow the link with this id."""
    (href,) = re.findall(rf'<a id="{identifier}" href="([^"]*)"', page.response.text)
    return browser.open(unescape(href))


def ask_for_mail(browser: Browser, path: str, email: str = ADA) -> Visit:
    """Ask for a mail on one of the pages that have one sent."""
    return browser.press(browser.open(path), "continue", email=email)


def only_letter(town: Town, recipient: str = ADA) -> Letter:
    """The one mail that came since the last one was looked for."""
    (letter,) = town.mail()
    assert letter.recipient == recipient
    return letter


def can_sign_in(town: Town, password: str, email: str = ADA) -> bool:
    """Whether somebody gets in with this password."""
    response = town.app.post("/auth/login", email=email, password=password)
    assert response.status_code in {200, 401}, response.json
    return response.status_code == 200
