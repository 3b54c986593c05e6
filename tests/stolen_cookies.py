"""Browsers that hold cookies which they were not given: copies of another browser's, old ones, altered ones."""

from __future__ import annotations

from tests.app_login import App
from tests.browsing import Browser

SESSION, DEVICE, BROWSER = "session", "device", "browser"


def holding(app: App, **cookies: str | None) -> Browser:
    """A new browser with these cookies, by their kinds."""
    browser = Browser(app.server.app)
    for kind, value in cookies.items():
        put(browser, kind, value)
    return browser


def put(browser: Browser, kind: str, value: str | None) -> None:
    """Put a cookie into a browser; None takes it away."""
    name = f"__Host-{kind}"
    if value is None:
        browser.http.delete_cookie(name, domain="localhost", path="/")
    else:
        browser.http.set_cookie(name, value, domain="localhost", path="/")


def copy_of(browser: Browser, app: App) -> Browser:
    """A browser with all the cookies of another one."""
    return holding(app, **{kind: browser.cookie(kind) for kind in (SESSION, DEVICE, BROWSER)})


def is_signed_in(app: App, browser: Browser) -> bool:
    """Whether a first-party app gets a code without any page."""
    visit = app.open(browser, prompt="none")
    if "code" in visit.answer:
        return bool(app.code(visit))
    assert app.error(visit) == "login_required"
    return False
