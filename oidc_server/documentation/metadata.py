"""What discovery answers (OpenID Connect Discovery §3, RFC 8414 §2), as a JSON Schema."""

from __future__ import annotations

from oidc_server.clients.metadata import (
    ASSERTION_ALGORITHMS,
    NONE,
    OPENID_SCOPES,
    SUBJECT_TYPES,
    TOKEN_ENDPOINT_AUTH_METHODS,
)
from oidc_server.core.settings_checks import SIGNING_ALGORITHMS
from oidc_server.documentation.schemas import TEXTS, TRUTH, URI, Schema, object_of, said, some_of
from oidc_server.protocol.authorization_checks import S256
from oidc_server.protocol.authorization_request import PROMPT_VALUES, RESPONSE_MODES, RESPONSE_TYPES
from oidc_server.sessions.assurance import ACR_VALUES

_SECRET_METHODS = tuple(method for method in TOKEN_ENDPOINT_AUTH_METHODS if method != NONE)
_METHODS_AT = {
    "token": TOKEN_ENDPOINT_AUTH_METHODS,
    "introspection": _SECRET_METHODS,
    "revocation": TOKEN_ENDPOINT_AUTH_METHODS,
}
_ENDPOINTS: Schema = {
    "issuer": said(URI, "The issuer, exactly as in the `iss` of every token."),
    "authorization_endpoint": said(URI, "Where an app sends the browser to sign somebody in."),
    "token_endpoint": said(URI, "Where grants are exchanged for tokens."),
    "jwks_uri": said(URI, "Where the public keys are."),
    "introspection_endpoint": said(URI, "Where a token's state is asked."),
    "revocation_endpoint": said(URI, "Where a token is ended."),
    "userinfo_endpoint": said(URI, "Where an access token is exchanged for claims about the person."),
    "end_session_endpoint": said(URI, "Where an app sends the browser to sign somebody out."),
}
_CAPABILITIES: Schema = {
    "scopes_supported": said(some_of(OPENID_SCOPES), "The scopes of OpenID Connect; others are per client."),
    "response_types_supported": said(some_of(RESPONSE_TYPES), "No token is given out by way of the browser."),
    "response_modes_supported": said(some_of(RESPONSE_MODES), "How the answer reaches the app."),
    "grant_types_supported": said(TEXTS, "The grants; `password` is listed only while some client may use it."),
    "code_challenge_methods_supported": said(some_of([S256]), "PKCE (RFC 7636)."),
    "prompt_values_supported": said(some_of(PROMPT_VALUES), "What `prompt` may hold."),
    "acr_values_supported": said(some_of(list(ACR_VALUES)), "How well people can prove who they are here."),
    "subject_types_supported": said(some_of(SUBJECT_TYPES), "Whether a `sub` is the same at every client."),
    "id_token_signing_alg_values_supported": said(some_of(SIGNING_ALGORITHMS), "The algorithms that sign now."),
    "userinfo_signing_alg_values_supported": said(some_of(SIGNING_ALGORITHMS), "The same, for userinfo as a JWT."),
    "display_values_supported": said(some_of(["page"]), "The pages fit every screen; there is one kind."),
    "claim_types_supported": said(some_of(["normal"]), "All claims are this server's own."),
    "claims_supported": said(TEXTS, "Every claim that an ID token or userinfo can hold."),
    "ui_locales_supported": said(TEXTS, "The languages of the pages (BCP 47)."),
    "claims_parameter_supported": said(TRUTH, "Claims may be asked for one by one."),
    "request_parameter_supported": said(TRUTH, "Request objects are refused."),
    "request_uri_parameter_supported": said(TRUTH, "So are addresses of request objects."),
    "authorization_response_iss_parameter_supported": said(
        TRUTH, "Every authorization response holds `iss` (RFC 9207); an app compares it."
    ),
}


def _authentication_at(endpoint: str, methods: tuple[str, ...]) -> Schema:
    return {
        f"{endpoint}_endpoint_auth_methods_supported": said(
            some_of(methods), f"How a client may authenticate at the {endpoint} endpoint."
        ),
        f"{endpoint}_endpoint_auth_signing_alg_values_supported": said(
            some_of(ASSERTION_ALGORITHMS), "The algorithms of its assertions there."
        ),
    }


METADATA = object_of(
    "Where the endpoints are and what they accept (OpenID Connect Discovery §3, RFC 8414 §2).",
    {
        **_ENDPOINTS,
        **_CAPABILITIES,
        **{name: schema for at in _METHODS_AT.items() for name, schema in _authentication_at(*at).items()},
        "service_documentation": said(URI, "This API, described for people."),
    },
)
