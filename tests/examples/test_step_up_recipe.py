"""The resource server of ``examples/step_up`` asks for more as RFC 9470 says, and the app understands it."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey

from oidc_server.sessions.assurance import ACR_MFA, ACR_PASSWORD, ACR_PHISHING_RESISTANT, ACR_TRUSTED_DEVICE
from tests.examples.issuer import Issuer
from tests.examples.recipes import RECIPES
from tests.examples.tokens import AUDIENCE, access_token

STEP_UP = Path(__file__).parents[2] / "examples" / "step_up"
CHALLENGE = f'Bearer error="insufficient_user_authentication", acr_values="{ACR_MFA}", max_age="300"'


@pytest.fixture
def api(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    monkeypatch.syspath_prepend(str(RECIPES / "python"))
    monkeypatch.syspath_prepend(str(STEP_UP))
    monkeypatch.setenv("ISSUER", issuer.url)
    monkeypatch.setenv("AUDIENCE", AUDIENCE)
    yield importlib.import_module("resource_server").app.test_client()
    for name in ("resource_server", "verify", "challenge"):
        del sys.modules[name]


@pytest.fixture
def challenge(api: FlaskClient) -> ModuleType:
    return importlib.import_module("challenge")


def pay(api: FlaskClient, issuer: Issuer, key: RSAKey, **claims: Any) -> tuple[int, str | None]:
    """The status and the challenge for a token with these claims."""
    token = access_token(issuer.url, key, **claims)
    response = api.post("/payments", headers={"Authorization": f"Bearer {token}"})
    return response.status_code, response.headers.get("WWW-Authenticate")


def test_what_was_not_proven_or_long_ago_is_asked_for(api: FlaskClient, issuer: Issuer, key: RSAKey) -> None:
    now = int(time.time())
    enough: dict[str, Any] = {"auth_time": now, "amr": ["pwd", "otp", "mfa"]}
    for acr in (ACR_MFA, ACR_PHISHING_RESISTANT):
        assert pay(api, issuer, key, acr=acr, **enough) == (200, None)
    for other in (ACR_PASSWORD, ACR_TRUSTED_DEVICE, ACR_MFA.upper(), "", None, 1):
        assert pay(api, issuer, key, acr=other, **enough) == (401, CHALLENGE), other
    for auth_time in (now - 400, None, "now"):
        assert pay(api, issuer, key, acr=ACR_MFA, auth_time=auth_time, amr=[]) == (401, CHALLENGE), auth_time


def test_what_needs_no_second_factor_asks_for_none(api: FlaskClient, issuer: Issuer, key: RSAKey) -> None:
    token = access_token(issuer.url, key, acr=ACR_PASSWORD)
    assert api.get("/orders", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    refused = api.post("/payments")
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_an_app_reads_what_it_has_to_ask_for(challenge: ModuleType) -> None:
    assert challenge.step_up_asked(401, CHALLENGE) == {"acr_values": ACR_MFA, "max_age": "300"}
    assert challenge.step_up_asked(401, "Bearer error=insufficient_user_authentication, max_age=5") == {"max_age": "5"}
    for status, header in ((401, None), (401, 'Bearer error="invalid_token"'), (403, CHALLENGE), (200, CHALLENGE)):
        assert challenge.step_up_asked(status, header) is None
