"""Modules of the Basic and Form Post OP plans that are about the token endpoint and what it gives (oidcc-…)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest

from oidc_server.clients.metadata import MetadataInvalid
from oidc_server.core import clock
from tests.app_login import CALLBACK
from tests.certification.checks import Flow, check_id_token, check_token_response, check_userinfo, login_in
from tests.certification.conformance import CONSENT, FIRST_TIME, Conformance, make_client
from tests.relying_party import Server, error

OFFLINE = "openid offline_access"


def test_idtoken_signature(conformance: Conformance) -> None:
    header = jwt.get_unverified_header(conformance.flow().tokens["id_token"])
    assert header["alg"] == "RS256"
    assert header["kid"] in {key["kid"] for key in conformance.server.jwks()["keys"]}


def test_idtoken_unsigned(server: Server, conformance: Conformance) -> None:
    """The suite skips this where ``none`` is not on offer. Then it must not be had either."""
    assert "none" not in server.metadata["id_token_signing_alg_values_supported"]
    with pytest.raises(MetadataInvalid):
        make_client(server, id_token_signed_response_alg="none")
    assert jwt.get_unverified_header(conformance.flow().tokens["id_token"])["alg"] != "none"


def test_codereuse(conformance: Conformance) -> None:
    flow = conformance.flow()
    assert error(conformance.app.redeem(flow.code)) == (400, "invalid_grant")


def test_codereuse_30seconds(server: Server, conformance: Conformance) -> None:
    flow = conformance.flow(scope=OFFLINE)
    clock.travel(timedelta(seconds=30))
    assert conformance.app.userinfo(flow.tokens["access_token"]).status_code == 200
    assert error(conformance.app.redeem(flow.code)) == (400, "invalid_grant")
    assert conformance.app.userinfo(flow.tokens["access_token"]).status_code == 401
    assert error(server.refresh(conformance.app.client, flow.tokens["refresh_token"])) == (400, "invalid_grant")


def test_refresh_token(server: Server, conformance: Conformance) -> None:
    """The second client's redirect URI has a query, its nonce is longer, and its refreshing names no scope."""
    assert "refresh_token" in server.metadata["grant_types_supported"]
    assert "offline_access" in server.metadata["scopes_supported"]
    second = replace(conformance, app=make_client(server, f"{CALLBACK}?dummy1=lorem&dummy2=ipsum"))

    flow = conformance.flow(scope=OFFLINE, prompt="consent")
    assert flow.pages == FIRST_TIME
    refreshed(conformance, flow, scope=OFFLINE)

    flow = second.flow(scope=OFFLINE, prompt="consent", nonce="n" * 43)
    assert flow.pages == (CONSENT,)
    tokens = refreshed(second, flow)

    foreign = server.refresh(conformance.app.client, tokens["refresh_token"], scope=OFFLINE)
    assert error(foreign) == (400, "invalid_grant")
    assert server.refresh(second.app.client, tokens["refresh_token"]).status_code == 200


def refreshed(conformance: Conformance, flow: Flow, scope: str | None = None) -> dict[str, Any]:
    """Refresh a second later, and compare with what the code gave (OpenID Connect Core §12.2)."""
    clock.travel(timedelta(seconds=1))
    server, app = conformance.server, conformance.app
    tokens = check_token_response(server.refresh(app.client, flow.tokens["refresh_token"], scope=scope))
    assert tokens["access_token"] != flow.tokens["access_token"]
    claims = check_id_token(app, tokens, nonce=None)
    assert login_in(claims) == login_in(flow.id_token)
    assert claims["iat"] > flow.id_token["iat"]
    check_userinfo(app.userinfo(tokens["access_token"]), flow.asked, sub=claims["sub"])
    return tokens
