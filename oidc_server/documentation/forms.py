"""What the protocol's endpoints read from a form: the parameters of each grant, and of client authentication."""

from __future__ import annotations

from oidc_server.clients.metadata import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    PASSWORD,
    REFRESH_TOKEN,
    SECOND_FACTOR,
)
from oidc_server.documentation.schemas import TEXT, Schema, said
from oidc_server.protocol.client_assertion import ASSERTION_TYPE
from oidc_server.protocol.server import GRANTS

MEDIA_TYPE = "application/x-www-form-urlencoded"

_CLIENT: Schema = {
    "client_id": {
        "type": "string",
        "description": "The client. A client that authenticates by `client_secret_basic` may leave it away.",
    },
    "client_secret": {
        "type": "string",
        "description": "The client's secret, for a client registered for `client_secret_post`.",
    },
    "client_assertion_type": {
        "const": ASSERTION_TYPE,
        "description": "Goes with `client_assertion`.",
    },
    "client_assertion": {
        "type": "string",
        "description": "A signed JWT, for a client registered for `private_key_jwt` (RFC 7523 §3): `iss` and `sub` are "
        "the client, `aud` is exactly the issuer, `jti` is new each time, `exp` is at most 5 minutes ahead.",
    },
}
_TARGET: Schema = {
    "scope": {
        "type": "string",
        "description": "Scopes, separated by spaces. By default everything that the client is registered for.",
    },
    "resource": {
        "type": "array",
        "items": {"type": "string", "format": "uri"},
        "description": "Whom the token is for (RFC 8707): its `aud`. May be sent several times. The client must be "
        "registered for each; by default the audience is the server's default one.",
    },
}
_NARROWER_TARGET: Schema = {
    "scope": {
        "type": "string",
        "description": "Fewer scopes than were granted, for this access token only. By default all of them.",
    },
    "resource": {
        **_TARGET["resource"],
        "description": "Some of the resources that were granted. By default all of them.",
    },
}
_OF_GRANT: dict[str, tuple[str, Schema]] = {
    AUTHORIZATION_CODE: (
        "A client exchanges the code that a person's browser brought (RFC 6749 §4.1.3). What the tokens allow was "
        "settled when the code was made.",
        {
            "code": said(TEXT, "The code: good once, and for 60 seconds."),
            "redirect_uri": said({"type": "string", "format": "uri"}, "The same as in the authorization request."),
            "code_verifier": said(
                TEXT, "What the `code_challenge` was made from (RFC 7636 §4.5); required when there was one."
            ),
        },
    ),
    CLIENT_CREDENTIALS: ("A client asks for a token for itself (RFC 6749 §4.4).", _TARGET),
    PASSWORD: (
        "A first-party client that is allowed it exchanges a person's password (RFC 6749 §4.3).",
        {
            "username": {"type": "string", "description": "The person's email address or username."},
            "password": {"type": "string", "format": "password", "description": "The person's password."},
            **_TARGET,
        },
    ),
    SECOND_FACTOR: (
        "The same client finishes what the password grant began: for a person who owes a second factor that grant "
        "answers `mfa_required`, with an `mfa_token` and the `methods`. A code is sent by `POST /mfa/challenge`.",
        {
            "mfa_token": said(TEXT, "The `mfa_token`: good for five minutes, once, for this client."),
            "method_id": said(TEXT, "The `id` of the method; left away for a recovery code."),
            "code": said(TEXT, "The code that an app shows or that was sent, or a recovery code."),
            "credential": said(
                TEXT, "Instead of `code`, for `webauthn`: the authenticator's answer, `PublicKeyCredential.toJSON()`."
            ),
        },
    ),
    REFRESH_TOKEN: (
        "A client redeems a refresh token for new tokens (RFC 6749 §6). The answer holds the next refresh token.",
        {
            "refresh_token": {"type": "string", "description": "The newest refresh token that the client has."},
            **_NARROWER_TARGET,
        },
    ),
}
_OPTIONAL = {*_CLIENT, *_TARGET, "code_verifier", "token_type_hint", "method_id", "credential"}


def _form(title: str, description: str, properties: Schema) -> Schema:
    return {
        "type": "object",
        "title": title,
        "description": description,
        "required": [name for name in properties if name not in _OPTIONAL],
        "properties": properties | _CLIENT,
    }


def token_forms() -> dict[str, Schema]:
    """The form of each grant that the server has, by grant type. Raises ``KeyError`` for a grant without words."""
    forms = {}
    for grant in GRANTS:
        name: str = grant.GRANT_TYPE
        description, parameters = _OF_GRANT[name]
        grant_type = {"const": name, "description": "Which grant this is."}
        forms[name] = _form(name, description, {"grant_type": grant_type, **parameters})
    of_second_factor = forms[SECOND_FACTOR]
    of_second_factor["required"].remove("code")
    of_second_factor["oneOf"] = [{"required": ["code"]}, {"required": ["method_id", "credential"]}]
    return forms


def token_to_look_at(description: str) -> Schema:
    """The form of introspection and revocation (RFC 7662 §2.1, RFC 7009 §2.1)."""
    properties: Schema = {
        "token": {"type": "string", "description": "An access token or a refresh token."},
        "token_type_hint": {
            "type": "string",
            "description": "Accepted and not needed: the two kinds never look alike.",
        },
    }
    return _form("token", description, properties)
