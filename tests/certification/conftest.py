"""Fixtures of the certification modules."""

from __future__ import annotations

import pytest

from tests.certification.answers import FORM_POST
from tests.certification.conformance import Conformance, make_conformance
from tests.relying_party import Server

RESPONSE_MODES = ("query", FORM_POST)


@pytest.fixture(params=RESPONSE_MODES)
def response_mode(request: pytest.FixtureRequest) -> str:
    """The module runs once for the Basic OP plan and once for the Form Post OP plan, which has the same modules."""
    mode: str = request.param
    return mode


@pytest.fixture
def conformance(server: Server, response_mode: str) -> Conformance:
    """A fresh run of a module."""
    return make_conformance(server, response_mode)
