"""The Config OP plan: what discovery says (OpenID Connect Discovery 1.0 §3, §4, RFC 8414 §2, §3)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc import rpinitiated
from authlib.oidc.discovery import OpenIDProviderMetadata

from tests.relying_party import Server, TestClient, body_of

WELL_KNOWN = "/.well-known/openid-configuration"
# The registry "OAuth Authorization Server Metadata", as far as Authlib knows it, and what it does not know.
REGISTERED = {
    *AuthorizationServerMetadata.REGISTRY_KEYS,
    *OpenIDProviderMetadata.REGISTRY_KEYS,
    "userinfo_endpoint",  # OpenID Connect Discovery 1.0 §3
    "end_session_endpoint",  # RP-Initiated Logout 1.0 §2.1
    "prompt_values_supported",  # Initiating User Registration via OpenID Connect 1.0 §4.2
    "authorization_response_iss_parameter_supported",  # RFC 9207 §3
}
TRUTHS = {
    "claims_parameter_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "authorization_response_iss_parameter_supported",
}
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 §3.3
_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")  # BCP 47, in its usual case


def test_discovery_endpoint_verification(server: Server) -> None:
    response = server.http.get(WELL_KNOWN)
    assert (response.status_code, response.mimetype) == (200, "application/json")
    metadata = body_of(response)
    discovery_url = metadata["issuer"] + WELL_KNOWN
    assert urlsplit(discovery_url).scheme == "https"
    assert server.http.get(discovery_url.removeprefix(metadata["issuer"])).data == response.data
    assert urlsplit(metadata["issuer"])[2:] == ("", "", "")
    check_form(metadata)
    check_meaning(metadata)
    check_keys(server)


def check_form(metadata: dict[str, Any]) -> None:
    """Every member is registered, and of the type that it is registered with."""
    assert set(metadata) <= REGISTERED
    for name, value in metadata.items():
        if name in TRUTHS:
            assert isinstance(value, bool), name
        elif name.endswith(("_supported", "_values")):
            assert isinstance(value, list), name
            assert all(isinstance(one, str) and one for one in value), name
            assert len(set(value)) == len(value) > 0, name  # RFC 8414 §3.2: what is empty is left away
        elif name.endswith(("_endpoint", "_uri", "_documentation")):
            parts = urlsplit(value)
            assert parts.scheme == "https", name
            assert parts.hostname, name
            assert not parts.fragment, name
        else:
            assert name == "issuer"


def check_meaning(metadata: dict[str, Any]) -> None:
    """What has to be there is there."""
    assert "code" in metadata["response_types_supported"]
    assert {"authorization_code", "refresh_token"} <= set(metadata["grant_types_supported"])
    assert set(metadata["subject_types_supported"]) <= {"public", "pairwise"}
    assert "RS256" in metadata["id_token_signing_alg_values_supported"]
    assert "none" not in metadata["id_token_signing_alg_values_supported"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert {"sub", "iss", "auth_time", "name", "email"} <= set(metadata["claims_supported"])
    assert "openid" in metadata["scopes_supported"]
    assert all(map(_SCOPE_TOKEN.fullmatch, metadata["scopes_supported"]))
    assert all(map(_LANGUAGE_TAG.fullmatch, metadata["ui_locales_supported"]))
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"):
        assert name in metadata


def check_keys(server: Server) -> None:
    """At least one key signs with the algorithm that every server has to have."""
    keys = server.jwks()["keys"]
    assert len(jwt.PyJWKSet(keys).keys) == len(keys)
    assert any(key["alg"] == "RS256" and key["use"] == "sig" and key["kid"] for key in keys)


@pytest.mark.parametrize("with_password_grant", [False, True])
def test_the_metadata_is_right_for_authlib(server: Server, *, with_password_grant: bool) -> None:
    """The document changes with what clients are registered for."""
    client: TestClient | None = server.first_party() if with_password_grant else None
    metadata = server.metadata
    assert ("password" in metadata["grant_types_supported"]) == (client is not None)
    OpenIDProviderMetadata(metadata).validate(metadata_classes=[rpinitiated.OpenIDProviderMetadata])
    AuthorizationServerMetadata(metadata).validate()
    check_form(metadata)


def test_the_metadata_of_oauth_is_the_same_document(server: Server) -> None:
    """RFC 8414 §5: nothing is said in one place that is not said in the other."""
    assert server.http.get("/.well-known/oauth-authorization-server").data == server.http.get(WELL_KNOWN).data
