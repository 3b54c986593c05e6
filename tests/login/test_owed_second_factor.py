"""B14: whoever still owes a second factor has no session yet, and gets no code by going around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from oidc_server.core.errors import Reason, Refusal
from oidc_server.protocol.server import EXTENSION, AuthorizationServer
from oidc_server.users.models import User
from tests.app_login import App, make_app
from tests.browsing import Browser, Visit
from tests.relying_party import Server, TestUser


@pytest.fixture
def web(server: Server) -> App:
    return make_app(server)


@pytest.fixture
def user(server: Server) -> TestUser:
    return server.user()


@pytest.fixture
def _second_factor_is_owed(server: Server) -> Iterator[None]:
    """Everybody owes one, and cannot give it."""

    def demand(_session: Session, _user: User) -> None:
        raise Refusal(Reason.SECOND_FACTOR_REQUIRED)

    engine: AuthorizationServer = server.app.extensions[EXTENSION]
    engine.second_factor_checks = (demand,)
    yield
    engine.second_factor_checks = ()


def with_the_password_alone(web: App, browser: Browser, user: TestUser) -> Visit:
    """Give the right password; the sign-in page of the request that waits."""
    page = web.open(browser)
    refused = browser.sign_in(page, user.email, user.password)
    assert refused.status == 400
    assert refused.elsewhere is None
    return page


@pytest.mark.usefixtures("_second_factor_is_owed")
def test_the_password_alone_begins_no_session_b14(web: App, user: TestUser) -> None:
    browser = Browser(web.server.app)
    with_the_password_alone(web, browser, user)
    assert browser.cookie("session") is None
    assert browser.cookie("device") is None
    assert web.server.audit("user.signed_in", str(user.id)) == []


@pytest.mark.usefixtures("_second_factor_is_owed")
@pytest.mark.parametrize("path", ["/oauth/authorize/continue", "/consent", "/choose-account"])
def test_nobody_jumps_over_it_b14(web: App, user: TestUser, path: str) -> None:
    browser = Browser(web.server.app)
    page = with_the_password_alone(web, browser, user)
    interaction = page.path.partition("?")[2]
    visit = browser.open(f"{path}?{interaction}")
    assert visit.elsewhere is None
    assert visit.path == page.path
    assert web.error(web.open(browser, prompt="none")) == "login_required"


@pytest.mark.usefixtures("_second_factor_is_owed")
def test_a_session_from_before_is_not_made_younger_without_it_b14(web: App, user: TestUser, server: Server) -> None:
    """``prompt=login`` asks for a sign-in, and the password alone is none."""
    engine: AuthorizationServer = server.app.extensions[EXTENSION]
    demanded, engine.second_factor_checks = engine.second_factor_checks, ()
    browser = Browser(server.app)
    web.tokens(web.log_in(browser, user))
    engine.second_factor_checks = demanded
    page = web.open(browser, prompt="login")
    assert browser.sign_in(page, user.email, user.password).status == 400
    visit = browser.open(f"/oauth/authorize/continue?{page.path.partition('?')[2]}")
    assert visit.path == page.path
    assert visit.elsewhere is None
