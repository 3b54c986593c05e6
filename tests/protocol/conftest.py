"""An app that logs people in, and a person, for the attacks on either; a test that needs others makes its own."""

from __future__ import annotations

import pytest

from tests.app_login import App, make_app
from tests.relying_party import Server, TestUser


@pytest.fixture
def rp(server: Server) -> App:
    """The app."""
    return make_app(server)


@pytest.fixture
def user(server: Server) -> TestUser:
    """The person."""
    return server.user()
