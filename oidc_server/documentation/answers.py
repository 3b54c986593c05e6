"""What the endpoints answer: tokens, claims, keys and refusals, as JSON Schemas (RFC 6749 §5, RFC 7662 §2.2,
RFC 7517 §5, RFC 9457)."""

from __future__ import annotations

from oidc_server.core.settings_checks import SIGNING_ALGORITHMS
from oidc_server.documentation.error_codes import BEARER_CODES, CLIENT_CODES
from oidc_server.documentation.metadata import METADATA
from oidc_server.documentation.person import USERINFO
from oidc_server.documentation.schemas import SECONDS, TEXT, TEXTS, TRUTH, URI, Schema, object_of, said
from oidc_server.mfa.kinds import KINDS, RECOVERY

TOKEN = object_of(
    "Tokens (RFC 6749 §5.1).",
    {
        "access_token": said(TEXT, "A JWT of type `at+jwt` (RFC 9068), verifiable with the published keys."),
        "token_type": {"const": "Bearer", "description": "How the token is used (RFC 6750)."},
        "expires_in": said(SECONDS, "Seconds for which the access token is good."),
        "scope": said(TEXT, "What was granted, also when it is what was asked for."),
        "refresh_token": said(TEXT, "Replaces the one that was sent. Absent where the client may not refresh."),
        "id_token": said(TEXT, "Who signed in (OpenID Connect Core §2); there when the scope holds `openid`."),
    },
    "access_token", "token_type", "expires_in", "scope",
)  # fmt: skip

CLAIMS: Schema = {
    "iss": said(URI, "The issuer."),
    "sub": said(TEXT, "The person, as this client knows them; for a client's token for itself, its `client_id`."),
    "aud": {
        "oneOf": [TEXT, TEXTS],
        "description": "Whom the token is for: the requested resources, or the default audience.",
    },
    "client_id": said(TEXT, "The client that the token was issued to."),
    "scope": said(TEXT, "What the token allows, separated by spaces."),
    "iat": said(SECONDS, "When it was issued, in seconds since 1970."),
    "exp": said(SECONDS, "When it ends, in seconds since 1970."),
    "jti": said(TEXT, "The id of this token."),
    "authorization_id": said(TEXT, "The grant behind the token; absent from a client's token for itself."),
    "sid": said(TEXT, "The login session, when there is one."),
    "auth_time": said(SECONDS, "When the person signed in, in seconds since 1970."),
    "acr": said(TEXT, "How well the person proved who they are."),
    "amr": said(TEXTS, "By which means they did (RFC 8176)."),
}

INTROSPECTION = object_of(
    "What a token stands for at this moment (RFC 7662 §2.2). A token that is not good, or that the caller may not know "
    "of, is `{\"active\": false}` and nothing else.",
    {
        "active": said(TRUTH, "Whether the token is good now."),
        "token_type": {"enum": ["Bearer", "refresh_token"], "description": "Which kind of token it is."},
        **CLAIMS,
    },
    "active",
)  # fmt: skip

JWK = object_of(
    "A public key (RFC 7517 §4). Further members depend on `kty`: `n` and `e`; `crv`, `x` and `y`; or `crv` and `x`.",
    {
        "kty": said({"enum": ["RSA", "EC", "OKP"]}, "The kind of key."),
        "kid": said(TEXT, "The key's id, its RFC 7638 thumbprint; tokens name it in their header."),
        "alg": said({"enum": list(SIGNING_ALGORITHMS)}, "The one algorithm whose signatures this key verifies."),
        "use": {"const": "sig", "description": "The key verifies signatures."},
    },
)
JWKS = object_of(
    "The keys that tokens of this server verify with, those announced for later included (RFC 7517 §5).",
    {"keys": {"type": "array", "items": {"$ref": "#/components/schemas/JWK"}, "description": "Public keys only."}},
)
RELATED_ORIGINS = object_of(
    "Where the passkeys of this server may be used (Web Authentication Level 3 §5.11).",
    {"origins": {"type": "array", "items": {"type": "string", "format": "uri"}, "description": "The issuer's first."}},
)

FACTOR_CHOICE = object_of(
    "A second factor by which a login goes on.",
    {
        "id": said({"type": ["string", "null"], "format": "uuid"}, "The `method_id`; null for recovery codes."),
        "type": said({"enum": [*(kind.value for kind in KINDS), RECOVERY]}, "Its kind."),
        "name": said({"type": ["string", "null"]}, "What the person calls it; null for recovery codes."),
        "default": said(TRUTH, "Whether it is the one to ask for first."),
        "sent_to": said({"type": ["string", "null"]}, "Where a code would be sent, masked; null where none is."),
    },
)
_HOW_TO_GO_ON: Schema = {
    "mfa_token": said(TEXT, "With `mfa_required`: goes on with this login, for five minutes, once. It is no bearer."),
    "methods": {
        "type": "array",
        "items": {"$ref": "#/components/schemas/FactorChoice"},
        "description": "With `mfa_required`: by what the login can go on, in the person's order.",
    },
    "enrol_at": said(URI, "With `mfa_enrolment_required`: the page on which the person sets up a second factor."),
}

OAUTH_ERROR = object_of(
    "A refusal (RFC 6749 §5.2). Why exactly is in the server's log, under the `error_id`.",
    {
        "error": said({"enum": list(CLIENT_CODES)}, "The kind of refusal."),
        "error_description": said(TEXT, "One fixed sentence for each `error`."),
        "error_id": said(TEXT, "The request's id: tell it to the operator."),
        **_HOW_TO_GO_ON,
    },
    "error", "error_description", "error_id",
)  # fmt: skip
BEARER_ERROR = object_of(
    "A refusal of an access token (RFC 6750 §3); `WWW-Authenticate` says the same.",
    {
        "error": said({"enum": list(BEARER_CODES.values())}, "The kind of refusal. Absent when no token was sent."),
        "error_description": said(TEXT, "One fixed sentence for each `error`."),
        "error_id": said(TEXT, "The request's id: tell it to the operator."),
    },
    "error_id",
)  # fmt: skip
PROBLEM = object_of(
    "A refusal outside of the protocol's endpoints (RFC 9457).",
    {
        "type": said(TEXT, "`about:blank`: the `title` says it all."),
        "title": said(TEXT, "The HTTP status in words."),
        "status": said(SECONDS, "The HTTP status."),
        "detail": said(TEXT, "One fixed sentence for each `code`."),
        "code": said(TEXT, "The kind of refusal, for programs; `docs/error-codes.md` lists every one."),
        "error_id": said(TEXT, "The request's id: tell it to the operator."),
        "errors": {
            "type": "object",
            "description": "By member of what was sent: what is wrong with it. Members of objects are nested here too.",
        },
        **_HOW_TO_GO_ON,
    },
    "type", "title", "status", "code", "error_id",
)  # fmt: skip

_PART = {"enum": ["ok", "failing"]}
LIVE = object_of("The process runs.", {"status": {"const": "ok", "description": "Nothing else was asked."}})
READY = object_of(
    "Whether requests should be sent here.",
    {
        "status": said({"enum": ["ready", "unready"]}, "The answer; with `unready` the HTTP status is 503."),
        "failing": said(
            {"type": "array", "items": {"enum": ["database", "migrations", "keys", "clock", "draining"]}},
            "What is wrong.",
        ),
    },
)
HEALTH = object_of(
    "The state of each part.",
    {
        "status": said(
            {"enum": ["ok", "degraded", "failing"]},
            "Whether every part works. With `failing` the HTTP status is 503; with `degraded` the server works, and"
            " mail waits for too long.",
        ),
        "checks": said({"type": "object", "additionalProperties": _PART}, "Each part by its name."),
        "mail": said(
            {"enum": ["ok", "degraded", "off", "unknown"]},
            "Whether mail gets out. `degraded`: a message has waited for more than five minutes, or the mail server"
            " takes none; `off`: none is configured; `unknown`: the database does not answer.",
        ),
    },
)

SCHEMAS: dict[str, Schema] = {
    "TokenResponse": TOKEN,
    "IntrospectionResponse": INTROSPECTION,
    "JWK": JWK,
    "JWKS": JWKS,
    "RelatedOrigins": RELATED_ORIGINS,
    "Metadata": METADATA,
    "UserInfo": USERINFO,
    "FactorChoice": FACTOR_CHOICE,
    "OAuthError": OAUTH_ERROR,
    "BearerError": BEARER_ERROR,
    "Problem": PROBLEM,
    "Live": LIVE,
    "Ready": READY,
    "Health": HEALTH,
}
