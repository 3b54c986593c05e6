"""The way in past the password, as a person with a browser goes it."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.app_login import App
from tests.browsing import Browser, Visit
from tests.relying_party import TestUser
from tests.stolen_cookies import put

SECOND_FACTOR, ENROL = "/sign-in/second-factor", "/sign-in/enrol"
PENDING, TRUST = "pending", "trust"
_CODE = re.compile(r"<code>([2-9a-z-]{19})</code>")
_SECRET = re.compile(r'id="secret">([A-Z2-7]{32})<')
_OPTIONS = re.compile(r"data-passkey=\"\w+\" data-options='([^']*)'")


def past_password(app: App, browser: Browser, user: TestUser, *, remember: bool = False, **asked: str | None) -> Visit:
    """Come from an app and give the password; the page that asks for more."""
    visit = app.open(browser, **asked)
    typed = {"remember": "1"} if remember else {}
    visit = browser.sign_in(visit, user.email, user.password, **typed)
    assert visit.path.startswith(f"{SECOND_FACTOR}?interaction="), f"{visit.path}: {visit.words}"
    return visit


def give(browser: Browser, visit: Visit, code: str, **typed: str) -> Visit:
    """Enter a code."""
    return browser.press(visit, "continue", code=code, **typed)


def other_way(browser: Browser, visit: Visit, name: str) -> Visit:
    """Follow the link to another way, which has these words in its name."""
    links = re.findall(r'<a href="([^"]+)"><span class="name">([^<]*)</span>', visit.response.text)
    (address,) = [address for address, words in links if name in words]
    return browser.open(address.replace("&amp;", "&"))


def allowed(browser: Browser, visit: Visit) -> Visit:
    """Allow the app what it asks for, if it has to ask."""
    return browser.press(visit, "allow") if visit.path.startswith("/consent") else visit


def carried_on_elsewhere(app: App, browser: Browser) -> Browser:
    """Another browser with the cookies of this one, and the login that waits in it."""
    copy = Browser(app.server.app)
    for kind in ("browser", "session", "device", PENDING, TRUST):
        put(copy, kind, browser.cookie(kind))
    return copy


def recovery_codes_on(visit: Visit) -> list[str]:
    """The recovery codes that a page shows."""
    return _CODE.findall(visit.response.text)


def secret_on(visit: Visit) -> str:
    """The secret that a page tells, as somebody without a camera enters it."""
    found = _SECRET.search(visit.response.text)
    assert found is not None, visit.words
    return found[1]


def options_on(visit: Visit) -> dict[str, Any]:
    """What the page asks of an authenticator."""
    found = _OPTIONS.search(visit.response.text)
    assert found is not None, visit.words
    options: dict[str, Any] = json.loads(found[1])
    return options
