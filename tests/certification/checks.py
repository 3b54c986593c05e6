"""What every module checks of a server, whatever else it is about: its discovery and keys, and each login that goes
through, from the code to userinfo."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

import jwt
from werkzeug.test import TestResponse

from oidc_server.core import clock
from tests.app_login import App
from tests.browsing import Visit
from tests.certification.answers import entropy_bits, received_code
from tests.certification.standard_claims import SCOPE_CLAIMS, check_types
from tests.relying_party import Server, TestClient, body_of

ID_TOKEN_CLAIMS = {"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "acr", "amr", "at_hash", "sid"}
# What stays the same as long as the person does not sign in again.
_OF_THE_LOGIN = ("iss", "sub", "aud", "azp", "auth_time", "acr", "amr", "sid")
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}  # RFC 7518 §6.2.2, §6.3.2, §6.4.1
_VSCHAR = re.compile(r"[\x20-\x7e]+")  # RFC 6749 Appendix A
_MINUTES_5 = 300
_TOKEN_BITS_OF_ENTROPY = 96


@dataclass(frozen=True)
class Flow:
    """A login that went through: what was asked for, the pages that it took, and what the client got."""

    asked: dict[str, str]
    pages: tuple[str, ...]
    code: str
    tokens: dict[str, Any]
    id_token: dict[str, Any]
    userinfo: dict[str, Any]


def check_server(server: Server, client: TestClient) -> None:
    """Discovery can be read and has room for the client; the keys are public, and each has an id of its own."""
    response = server.http.get("/.well-known/openid-configuration")
    assert (response.status_code, response.mimetype) == (200, "application/json")
    metadata = body_of(response)
    assert client.method in metadata["token_endpoint_auth_methods_supported"]
    keys = server.jwks()["keys"]
    assert len(jwt.PyJWKSet(keys).keys) == len(keys) > 0
    assert not any(_PRIVATE_MEMBERS & set(key) for key in keys)
    assert len({key["kid"] for key in keys}) == len(keys)


def check_flow(app: App, asked: dict[str, str], visit: Visit, pages: tuple[str, ...]) -> Flow:
    """The one way of every login in these tests, from what the browser brought to what userinfo says."""
    code = received_code(app.server, asked, visit)
    tokens = check_token_response(app.redeem(code, redirect_uri=asked["redirect_uri"]))
    id_token = check_id_token(app, tokens, nonce=asked.get("nonce"), code=code)
    userinfo = check_userinfo(app.userinfo(tokens["access_token"]), asked, sub=id_token["sub"])
    return Flow(asked, pages, code, tokens, id_token, userinfo)


def check_token_response(response: TestResponse) -> dict[str, Any]:
    """The tokens of a good answer (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3)."""
    assert response.status_code == 200, response.json
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    tokens = body_of(response)
    assert tokens["token_type"] == "Bearer"
    assert type(tokens["expires_in"]) is int
    assert tokens["expires_in"] > 0
    for name in {"access_token", "refresh_token"} & set(tokens):
        assert _VSCHAR.fullmatch(tokens[name])
        assert entropy_bits(tokens[name]) >= _TOKEN_BITS_OF_ENTROPY
    assert "id_token" in tokens
    return tokens


def check_id_token(app: App, tokens: dict[str, Any], *, nonce: str | None, code: str | None = None) -> dict[str, Any]:
    """The claims of an ID Token that is right, in which there is nothing that was not asked for (§2, §3.1.3.7)."""
    client_id, now = app.client.client_id, clock.timestamp()
    claims = app.server.verify(tokens["id_token"], audience=client_id, typ="JWT")
    assert set(claims) - {"c_hash"} == ID_TOKEN_CLAIMS | ({"nonce"} if nonce is not None else set()), claims
    assert claims["iss"] == app.server.metadata["issuer"]
    assert (claims["aud"], claims["azp"]) == (client_id, client_id)
    assert claims["sub"].isascii()
    assert 0 < len(claims["sub"]) <= 255
    assert now - _MINUTES_5 <= claims["iat"] <= now
    assert claims["exp"] > now
    assert claims["auth_time"] <= now
    assert isinstance(claims["acr"], str)
    assert claims["acr"]
    assert claims.get("nonce") == nonce
    assert claims["at_hash"] == _half_hash(tokens["access_token"])
    if "c_hash" in claims:
        assert code is not None
        assert claims["c_hash"] == _half_hash(code)
    return claims


def login_in(id_token: dict[str, Any]) -> dict[str, Any]:
    """What an ID Token says of the login behind it, and not of itself."""
    return {name: id_token[name] for name in _OF_THE_LOGIN}


def check_userinfo(response: TestResponse, asked: dict[str, str], *, sub: str) -> dict[str, Any]:
    """The claims about the person of whom everything can be said: what was asked for, all of it and nothing else."""
    assert response.status_code == 200, response.json
    assert response.mimetype == "application/json"
    claims = body_of(response)
    by_scope = set().union(*(SCOPE_CLAIMS[scope] for scope in asked["scope"].split()))
    assert set(claims) == by_scope | set(json.loads(asked.get("claims", "{}")).get("userinfo", {}))
    assert claims["sub"] == sub
    check_types(claims)
    return claims


def _half_hash(value: str) -> str:
    """§3.1.3.6, for RS256."""
    return urlsafe_b64encode(hashlib.sha256(value.encode()).digest()[:16]).rstrip(b"=").decode()
