"""A person, and what gives second factors as they would, without any page or call in between."""

from __future__ import annotations

from datetime import timedelta

import pytest

from oidc_server.core import clock
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.totp import STEP_SECONDS
from tests.relying_party import Server, TestUser
from tests.second_factors import factors_of


@pytest.fixture(autouse=True)
def _a_code_has_just_appeared(_clock: None, request: pytest.FixtureRequest) -> None:
    """A code of an authenticator app is shown for 30 seconds: no test runs across the end of one by chance."""
    if "app" in request.fixturenames:
        request.getfixturevalue("app")  # it may make the first key of this run, which has to be good now
    clock.travel(timedelta(seconds=STEP_SECONDS + 1 - clock.seconds() % STEP_SECONDS))


@pytest.fixture
def user(server: Server) -> TestUser:
    return server.user()


@pytest.fixture
def factors(server: Server) -> SecondFactors:
    return factors_of(server)
