"""What the endpoints answer: tokens, claims, keys, metadata and refusals, as JSON Schemas (RFC 6749 §5, RFC 7662 §2.2,
RFC 7517 §5, RFC 8414 §2, RFC 9457)."""

from __future__ import annotations

from typing import Any

from oidc_server.clients.metadata import ASSERTION_ALGORITHMS, TOKEN_ENDPOINT_AUTH_METHODS
from oidc_server.core.settings_checks import SIGNING_ALGORITHMS
from oidc_server.protocol import errors
from oidc_server.protocol.errors import OAuthRefusal

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_SECONDS: Schema = {"type": "integer"}
_URI: Schema = {"type": "string", "format": "uri"}


def _said(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def _object(description: str, properties: Schema, *required: str) -> Schema:
    """An object; without ``required``, every property is always there."""
    return {
        "type": "object",
        "description": description,
        "required": list(required or properties),
        "properties": properties,
    }


TOKEN = _object(
    "Tokens (RFC 6749 §5.1).",
    {
        "access_token": _said(_TEXT, "A JWT of type `at+jwt` (RFC 9068), verifiable with the published keys."),
        "token_type": {"const": "Bearer", "description": "How the token is used (RFC 6750)."},
        "expires_in": _said(_SECONDS, "Seconds for which the access token is good."),
        "scope": _said(_TEXT, "What was granted, also when it is what was asked for."),
        "refresh_token": _said(_TEXT, "Replaces the one that was sent. Absent where the client may not refresh."),
        "id_token": _said(_TEXT, "Who signed in (OpenID Connect Core §2); there when the scope holds `openid`."),
    },
    "access_token", "token_type", "expires_in", "scope",
)  # fmt: skip

CLAIMS: Schema = {
    "iss": _said(_URI, "The issuer."),
    "sub": _said(_TEXT, "The person's id; for a client's token for itself, its `client_id`."),
    "aud": {
        "oneOf": [_TEXT, _TEXTS],
        "description": "Whom the token is for: the requested resources, or the default audience.",
    },
    "client_id": _said(_TEXT, "The client that the token was issued to."),
    "scope": _said(_TEXT, "What the token allows, separated by spaces."),
    "iat": _said(_SECONDS, "When it was issued, in seconds since 1970."),
    "exp": _said(_SECONDS, "When it ends, in seconds since 1970."),
    "jti": _said(_TEXT, "The id of this token."),
    "authorization_id": _said(_TEXT, "The grant behind the token; absent from a client's token for itself."),
    "sid": _said(_TEXT, "The login session, when there is one."),
    "auth_time": _said(_SECONDS, "When the person signed in, in seconds since 1970."),
    "acr": _said(_TEXT, "How well the person proved who they are."),
    "amr": _said(_TEXTS, "By which means they did (RFC 8176)."),
}

INTROSPECTION = _object(
    "What a token stands for at this moment (RFC 7662 §2.2). A token that is not good, or that the caller may not know "
    "of, is `{\"active\": false}` and nothing else.",
    {
        "active": _said({"type": "boolean"}, "Whether the token is good now."),
        "token_type": {"enum": ["Bearer", "refresh_token"], "description": "Which kind of token it is."},
        **CLAIMS,
    },
    "active",
)  # fmt: skip

JWK = _object(
    "A public key (RFC 7517 §4). Further members depend on `kty`: `n` and `e`; `crv`, `x` and `y`; or `crv` and `x`.",
    {
        "kty": _said({"enum": ["RSA", "EC", "OKP"]}, "The kind of key."),
        "kid": _said(_TEXT, "The key's id, its RFC 7638 thumbprint; tokens name it in their header."),
        "alg": _said({"enum": list(SIGNING_ALGORITHMS)}, "The one algorithm whose signatures this key verifies."),
        "use": {"const": "sig", "description": "The key verifies signatures."},
    },
)
JWKS = _object(
    "The keys that tokens of this server verify with, those announced for later included (RFC 7517 §5).",
    {"keys": {"type": "array", "items": {"$ref": "#/components/schemas/JWK"}, "description": "Public keys only."}},
)

METADATA = _object(
    "Where the endpoints are and what they accept (OpenID Connect Discovery §3, RFC 8414 §2).",
    {
        "issuer": _said(_URI, "The issuer, exactly as in the `iss` of every token."),
        "token_endpoint": _said(_URI, "Where grants are exchanged for tokens."),
        "jwks_uri": _said(_URI, "Where the public keys are."),
        "introspection_endpoint": _said(_URI, "Where a token's state is asked."),
        "revocation_endpoint": _said(_URI, "Where a token is ended."),
        "scopes_supported": _said(_TEXTS, "The scopes of OpenID Connect; others are per client."),
        "response_types_supported": _said(_TEXTS, "Empty while there is no authorization endpoint."),
        "grant_types_supported": _said(_TEXTS, "The grants; `password` is listed only while some client may use it."),
        "subject_types_supported": _said(_TEXTS, "`public`: a person has one `sub` for all clients."),
        "id_token_signing_alg_values_supported": _said(_TEXTS, "The algorithms that sign now."),
        **{
            name: _said({"type": "array", "items": {"enum": list(values)}}, words)
            for endpoint in ("token", "introspection", "revocation")
            for name, values, words in (
                (
                    f"{endpoint}_endpoint_auth_methods_supported",
                    TOKEN_ENDPOINT_AUTH_METHODS,
                    f"How a client may authenticate at the {endpoint} endpoint.",
                ),
                (
                    f"{endpoint}_endpoint_auth_signing_alg_values_supported",
                    ASSERTION_ALGORITHMS,
                    "The algorithms of its assertions there.",
                ),
            )
        },
        "service_documentation": _said(_URI, "This API, described for people."),
    },
)

ERROR_CODES: dict[str, str] = dict(errors.DESCRIPTIONS)


def codes_of_status(status: int) -> list[str]:
    """The ``error`` codes of the protocol's refusals that are sent with a status."""
    kinds: list[type[OAuthRefusal]] = [OAuthRefusal, *OAuthRefusal.__subclasses__()]
    return sorted({kind.error for kind in kinds if kind.status == status})


OAUTH_ERROR = _object(
    "A refusal (RFC 6749 §5.2). Why exactly is in the server's log, under the `error_id`.",
    {
        "error": _said({"enum": list(ERROR_CODES)}, "The kind of refusal."),
        "error_description": _said(_TEXT, "One fixed sentence for each `error`."),
        "error_id": _said(_TEXT, "The request's id: tell it to the operator."),
    },
)
PROBLEM = _object(
    "A refusal outside of the protocol's endpoints (RFC 9457).",
    {
        "type": _said(_TEXT, "`about:blank`: the `title` says it all."),
        "title": _said(_TEXT, "The HTTP status in words."),
        "status": _said(_SECONDS, "The HTTP status."),
        "code": _said(_TEXT, "The kind of refusal, for programs."),
        "error_id": _said(_TEXT, "The request's id: tell it to the operator."),
    },
)

_PART = {"enum": ["ok", "failing"]}
LIVE = _object("The process runs.", {"status": {"const": "ok", "description": "Nothing else was asked."}})
READY = _object(
    "Whether requests should be sent here.",
    {
        "status": _said({"enum": ["ready", "unready"]}, "The answer; with `unready` the HTTP status is 503."),
        "failing": _said(
            {"type": "array", "items": {"enum": ["database", "migrations", "keys", "clock", "draining"]}},
            "What is wrong.",
        ),
    },
)
HEALTH = _object(
    "The state of each part.",
    {
        "status": _said(_PART, "Whether every part works."),
        "checks": _said({"type": "object", "additionalProperties": _PART}, "Each part by its name."),
    },
)

SCHEMAS: dict[str, Schema] = {
    "TokenResponse": TOKEN,
    "IntrospectionResponse": INTROSPECTION,
    "JWK": JWK,
    "JWKS": JWKS,
    "Metadata": METADATA,
    "OAuthError": OAUTH_ERROR,
    "Problem": PROBLEM,
    "Live": LIVE,
    "Ready": READY,
    "Health": HEALTH,
}
