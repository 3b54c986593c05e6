"""The protocol's endpoints, described: their forms, their answers, and who may call them."""

from __future__ import annotations

from typing import Any

from oidc_server.accounts.addresses import PASSKEY_ORIGINS
from oidc_server.documentation import forms
from oidc_server.documentation.error_codes import token_codes
from oidc_server.documentation.responses import answer, document_answer, refusal
from oidc_server.protocol.blueprint import (
    AUTHORIZATION_SERVER_METADATA,
    INTROSPECTION,
    JWKS,
    OPENID_CONFIGURATION,
    REVOCATION,
    TOKEN,
)
from oidc_server.protocol.introspection import READ_ANY_TOKEN
from oidc_server.protocol.server import GRANTS

# A client that does not use client_secret_basic proves itself in the form.
_CLIENTS: list[dict[str, list[str]]] = [{"client": []}, {}]


def token_request_names() -> dict[str, str]:
    """The names under which the token endpoint's forms are kept among the schemas, by grant type; of a URN only its end
    is taken, because such names have no colons (OpenAPI §4.8.7)."""
    return {grant.GRANT_TYPE: "TokenRequest." + grant.GRANT_TYPE.rpartition(":")[2] for grant in GRANTS}


def protocol_paths() -> dict[str, dict[str, Any]]:
    """The operations of the protocol's endpoints, by path."""
    return {
        TOKEN: {"post": _token(token_request_names())},
        INTROSPECTION: {"post": _introspection()},
        REVOCATION: {"post": _revocation()},
        JWKS: {"get": _jwks()},
        PASSKEY_ORIGINS: {"get": _passkey_origins()},
        OPENID_CONFIGURATION: {"get": _metadata("openidConfiguration", "OpenID Connect Discovery §4")},
        AUTHORIZATION_SERVER_METADATA: {"get": _metadata("authorizationServerMetadata", "RFC 8414 §3")},
    }


def _form(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {forms.MEDIA_TYPE: {"schema": schema}}}


def _refusals(codes: list[str]) -> dict[str, Any]:
    return {
        "400": refusal("The request is not right.", codes),
        "401": refusal("The client did not prove itself.", token_codes(401), challenge=True),
        "413": refusal("The body is too large.", ["invalid_request"]),
        "429": refusal("Too many failed attempts.", ["temporarily_unavailable"], retry=True),
        "500": refusal("A fault of the server.", ["server_error"]),
        "503": refusal("The server cannot do this now.", ["temporarily_unavailable"], retry=True),
    }


def _token(names: dict[str, str]) -> dict[str, Any]:
    references = {grant_type: f"#/components/schemas/{name}" for grant_type, name in names.items()}
    schema = {
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": "grant_type", "mapping": references},
    }
    return {
        "operationId": "token",
        "tags": ["Tokens"],
        "summary": "Exchange a grant for tokens",
        "description": "RFC 6749 §3.2. A refresh token is good once; sent again within the grace window, after a lost "
        "answer, it gives the same successor. Readable by browsers on the origins of registered public clients.",
        "security": _CLIENTS,
        "requestBody": _form(schema),
        "responses": {
            "200": answer("The tokens.", "TokenResponse"),
            **_refusals(token_codes(400)),
            "403": refusal("The password was right, and is not enough.", token_codes(403)),
        },
    }


def _introspection() -> dict[str, Any]:
    form = forms.token_to_look_at("Which token to look at, and who asks.")
    return {
        "operationId": "introspect",
        "tags": ["Tokens"],
        "summary": "Ask what a token stands for now",
        "description": "RFC 7662. A client may look at its own tokens, at access tokens whose audience is its "
        f"`client_id`, and, when it is registered for the scope `{READ_ANY_TOKEN}`, at every access token. Public "
        "clients may not ask.",
        "security": _CLIENTS,
        "requestBody": _form(form),
        "responses": {"200": answer("The token's state.", "IntrospectionResponse"), **_refusals(["invalid_request"])},
    }


def _revocation() -> dict[str, Any]:
    form = forms.token_to_look_at("Which token to end, and who asks.")
    return {
        "operationId": "revoke",
        "tags": ["Tokens"],
        "summary": "End a token",
        "description": "RFC 7009. An access token ends alone. A refresh token ends its whole grant: every token of it "
        "is refused from then on. A token that is unknown or another client's is answered alike, and nothing happens.",
        "security": _CLIENTS,
        "requestBody": _form(form),
        "responses": {"200": answer("Done, or there was nothing to do."), **_refusals(["invalid_request"])},
    }


def _jwks() -> dict[str, Any]:
    return {
        "operationId": "jwks",
        "tags": ["Discovery"],
        "summary": "The public keys",
        "description": "RFC 7517. Keep a copy for `max-age` seconds. On a token with an unknown `kid`, fetch it again, "
        "but not more often than every half minute.",
        "security": [],
        "responses": document_answer("The keys.", "JWKS"),
    }


def _passkey_origins() -> dict[str, Any]:
    return {
        "operationId": "passkeyOrigins",
        "tags": ["Discovery"],
        "summary": "The origins of the passkeys",
        "description": "Web Authentication Level 3 §5.11. Browsers ask for it at the domain of the passkeys when one "
        "is used at another origin: where that domain is not the issuer's host, serve this document there too.",
        "security": [],
        "responses": document_answer("The origins.", "RelatedOrigins"),
    }


def _metadata(name: str, specification: str) -> dict[str, Any]:
    return {
        "operationId": name,
        "tags": ["Discovery"],
        "summary": "What this server is, and where its endpoints are",
        "description": f"{specification}. Both discovery addresses answer with the same document.",
        "security": [],
        "responses": document_answer("The metadata.", "Metadata"),
    }
