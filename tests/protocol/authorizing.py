"""What attacks on the authorization endpoint start from, and the two answers that are safe: a page, or an error."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from sqlalchemy import func, select
from werkzeug.test import TestResponse

from oidc_server.authorizations.models import AuthorizationCode
from tests.app_login import App
from tests.browsing import Browser, Visit
from tests.relying_party import Server, TestUser

AUTHORIZE = "/oauth/authorize"
FORM = "application/x-www-form-urlencoded"


def signed_in(app: App, user: TestUser, **parameters: str | None) -> Browser:
    """A browser in which the person has signed in, and has allowed the app what these parameters ask for."""
    browser = Browser(app.server.app)
    assert "code" in app.log_in(browser, user, **parameters).answer
    return browser


def fresh_code(app: App, user: TestUser, **parameters: str | None) -> str:
    """The code of a person who signs in in a browser of their own."""
    return app.code(app.log_in(Browser(app.server.app), user, **parameters))


def asking(pairs: Iterable[tuple[str, str]]) -> str:
    """The address of an authorization request with these parameters, in this order, some of them more than once."""
    return f"{AUTHORIZE}?{urlencode(list(pairs))}"


def assert_is_page(visit: Visit | TestResponse) -> None:
    """The answer is an error page, which leads nowhere and holds no code."""
    response = visit.response if isinstance(visit, Visit) else visit
    assert response.status_code == 400, response.text
    assert "Location" not in response.headers
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["X-Request-Id"] in response.text
    assert "<form" not in response.text


def refused(app: App, visit: Visit) -> str:
    """The error that the app was told by its redirect URI's query, without a page and without anything to use."""
    assert visit.elsewhere is not None, visit.words
    assert visit.elsewhere.startswith(f"{app.redirect_uri}?")
    assert "#" not in visit.elsewhere
    assert "Set-Cookie" not in visit.response.headers
    return app.error(visit)


def count_codes(server: Server) -> int:
    """How many codes were ever made."""
    with server.database.reading() as session:
        return session.scalar(select(func.count()).select_from(AuthorizationCode)) or 0
