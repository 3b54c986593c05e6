"""An app, a person who signs in to it, and a browser; the person may have an authenticator app."""

from __future__ import annotations

import pytest

from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.relying_party import Server, TestUser
from tests.second_factors import Totp, enrol_totp


@pytest.fixture
def web(server: Server) -> App:
    return make_app(server)


@pytest.fixture
def user(server: Server) -> TestUser:
    return server.user()


@pytest.fixture
def browser(web: App) -> Browser:
    return Browser(web.server.app)


@pytest.fixture
def totp(server: Server, user: TestUser) -> Totp:
    return enrol_totp(server, user)
