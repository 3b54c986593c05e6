"""Discovery: OpenID Connect Discovery 1.0 §3 and RFC 8414, generated from the constants that decide."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from flask import Response, current_app, request

from oidc_server.clients.metadata import (
    ASSERTION_ALGORITHMS,
    NONE,
    OPENID_SCOPES,
    PASSWORD,
    SECOND_FACTOR,
    SUBJECT_TYPES,
    TOKEN_ENDPOINT_AUTH_METHODS,
)
from oidc_server.core.memory import Document
from oidc_server.pages.languages import languages
from oidc_server.protocol.authorization_checks import S256
from oidc_server.protocol.authorization_request import RESPONSE_MODES, RESPONSE_TYPES, prompt_values
from oidc_server.protocol.blueprint import (
    AUTHORIZATION,
    AUTHORIZATION_SERVER_METADATA,
    END_SESSION,
    INTROSPECTION,
    JWKS,
    OPENID_CONFIGURATION,
    REVOCATION,
    TOKEN,
    USERINFO,
    protocol,
)
from oidc_server.protocol.documents import public_document
from oidc_server.protocol.id_token import ID_TOKEN_CLAIMS
from oidc_server.protocol.server import GRANTS, AuthorizationServer, current_server
from oidc_server.sessions.assurance import ACR_VALUES
from oidc_server.users.claims import CLAIMS

EXTENSION = "oidc_server.discovery"
MAX_AGE = 300
_ASSERTION_METHODS = [method for method in TOKEN_ENDPOINT_AUTH_METHODS if method != NONE]


def metadata(server: AuthorizationServer) -> dict[str, Any]:
    """The server's metadata as it is now."""
    issuer = server.settings.issuer
    # RFC 9700 §2.4: the password grant, and what finishes it, is not on offer unless somebody may use it.
    hidden = () if PASSWORD in server.clients.grant_types() else (PASSWORD, SECOND_FACTOR)
    grant_types = [grant.GRANT_TYPE for grant in GRANTS if grant.GRANT_TYPE not in hidden]
    return {
        "issuer": issuer,
        "authorization_endpoint": issuer + AUTHORIZATION,
        "token_endpoint": issuer + TOKEN,
        "jwks_uri": issuer + JWKS,
        "introspection_endpoint": issuer + INTROSPECTION,
        "revocation_endpoint": issuer + REVOCATION,
        "userinfo_endpoint": issuer + USERINFO,
        "end_session_endpoint": issuer + END_SESSION,
        "scopes_supported": list(OPENID_SCOPES),
        "response_types_supported": list(RESPONSE_TYPES),
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": grant_types,
        "code_challenge_methods_supported": [S256],
        "prompt_values_supported": list(prompt_values(server.settings)),
        "acr_values_supported": list(ACR_VALUES),
        "subject_types_supported": list(SUBJECT_TYPES),
        "id_token_signing_alg_values_supported": list(server.ring.signing_algorithms()),
        "userinfo_signing_alg_values_supported": list(server.ring.signing_algorithms()),
        "display_values_supported": ["page"],
        "claim_types_supported": ["normal"],
        "claims_supported": [*CLAIMS, *ID_TOKEN_CLAIMS],
        "ui_locales_supported": list(languages()),
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint_auth_methods_supported": list(TOKEN_ENDPOINT_AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": _ASSERTION_METHODS,
        "introspection_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": list(TOKEN_ENDPOINT_AUTH_METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "service_documentation": issuer + "/docs",
    }


class Discovery:
    """The rendered document, made anew only when something in it changed."""

    def __init__(self) -> None:
        self._rendered: tuple[object, Document | None] = (None, None)

    def document(self, server: AuthorizationServer) -> Document:
        """The document as it is now."""
        inputs = (server.clients.grant_types(), server.ring.signing_algorithms())
        rendered_for, document = self._rendered
        if document is None or rendered_for != inputs:
            body = orjson.dumps(metadata(server))
            document = Document(body, hashlib.sha256(body).hexdigest()[:32], MAX_AGE)
            self._rendered = (inputs, document)
        return document


@protocol.get(OPENID_CONFIGURATION)
@protocol.get(AUTHORIZATION_SERVER_METADATA)
def discovery_document() -> Response:
    """What this server is and where its endpoints are."""
    server = current_server()
    discovery: Discovery = current_app.extensions[EXTENSION]
    return public_document(request, discovery.document(server))
