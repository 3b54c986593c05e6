"""What a browser brings to the authorization and the logout endpoint, and what it takes back to the app, as JSON
Schemas (OpenID Connect Core §3.1.2, RFC 7636 §4.3, RFC 8707 §2, RFC 9207, RP-Initiated Logout 1.0 §2)."""

from __future__ import annotations

from typing import Any

from oidc_server.documentation.error_codes import AUTHORIZATION_CODES
from oidc_server.documentation.schemas import SECONDS, TEXT, URI, Schema, said
from oidc_server.protocol.authorization_checks import S256
from oidc_server.protocol.authorization_request import (
    CONSENT,
    CREATE,
    LOGIN,
    NO_PROMPT,
    QUERY,
    RESPONSE_MODES,
    RESPONSE_TYPES,
    SELECT_ACCOUNT,
)

_UI_LOCALES = said(TEXT, "Languages for the pages, best first, separated by spaces (BCP 47). Else the browser's.")
AUTHORIZATION_REQUEST: Schema = {
    "client_id": said(TEXT, "The client. An unknown and a disabled one get the same page, and no redirect."),
    "redirect_uri": said(URI, "Where the answer goes. Registered, character by character; else a page, no redirect."),
    "response_type": said({"enum": list(RESPONSE_TYPES)}, "What is asked for."),
    "scope": said(TEXT, "Scopes, separated by spaces. By default everything that the client is registered for."),
    "state": said(TEXT, "Comes back unchanged: the app compares it, against cross-site request forgery."),
    "nonce": said(TEXT, "Comes back in the ID token: the app compares it, against replay."),
    "code_challenge": said(
        TEXT,
        "The SHA-256 of the `code_verifier` in base64url (RFC 7636). Required unless it was lifted for the client.",
    ),
    "code_challenge_method": said({"const": S256}, "Goes with `code_challenge`; there is no other method."),
    "response_mode": said(
        {"enum": list(RESPONSE_MODES)},
        f"How the answer reaches the app: by default `{QUERY}`, as parameters of a redirect; or by a form that the "
        "browser posts.",
    ),
    "prompt": said(
        TEXT,
        f"`{NO_PROMPT}`, alone: show no page, and answer with an error where one is owed. Or some of `{LOGIN}`: sign "
        f"in anew, `{CONSENT}`: ask again, `{SELECT_ACCOUNT}`: show who is signed in, and let them choose, `{CREATE}`: "
        "show the page on which people make an account, where they can.",
    ),
    "max_age": said(SECONDS, "Seconds: whoever signed in, or gave a second factor, earlier than that signs in anew."),
    "id_token_hint": said(TEXT, "An ID token that the client got, also an expired one: sign in this person."),
    "login_hint": said(TEXT, "An email address or username, put into the form; somebody else signs in anew."),
    "acr_values": said(
        TEXT,
        "Levels of `acr_values_supported`, best first, separated by spaces: one has to be reached, by a second factor "
        "if need be (RFC 9470). Others are ignored. The tokens say which one was.",
    ),
    "ui_locales": _UI_LOCALES,
    "claims": said(
        TEXT,
        "Claims asked for one by one, as JSON (OpenID Connect Core §5.5): `userinfo` and `id_token`, each with the "
        "names of claims, and `null` or `essential`, `value`, `values` for each.",
    ),
    "resource": said(
        {"type": "array", "items": URI},
        "Whom the access token is for (RFC 8707). May be sent several times; the client must be registered for each.",
    ),
    "display": said(TEXT, "Accepted and not needed: the pages fit every screen."),
    "claims_locales": said(TEXT, "Accepted and not needed: a claim is kept in one language."),
}
REQUIRED = ("client_id", "redirect_uri", "response_type")

AUTHORIZATION_RESPONSE: Schema = {
    "code": said(TEXT, "For the token endpoint: good once, and for 60 seconds. Absent from an error."),
    "state": said(TEXT, "As it was sent; absent when none was, or more than one."),
    "iss": said(URI, "The issuer (RFC 9207): compare it before anything else is believed."),
    "error": said({"enum": list(AUTHORIZATION_CODES)}, "The kind of refusal."),
    "error_description": said(TEXT, "One fixed sentence for each `error`, and the `error_id` for the operator."),
}

LOGOUT_REQUEST: Schema = {
    "id_token_hint": said(TEXT, "An ID token that the client got, also an expired one. Of this session: no question."),
    "client_id": said(TEXT, "The client, when there is no hint to say so; with a hint it must be the same."),
    "post_logout_redirect_uri": said(
        URI, "Where the browser goes when the person is signed out. Registered, character by character; else a page."
    ),
    "state": said(TEXT, "Comes back unchanged, with `post_logout_redirect_uri`."),
    "ui_locales": _UI_LOCALES,
}


def in_query(properties: Schema, required: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The properties as parameters in a query, as OpenAPI writes them down."""
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": schema["description"],
            "schema": {key: value for key, value in schema.items() if key != "description"},
        }
        for name, schema in properties.items()
    ]


def in_form(title: str, description: str, properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    """The same as a form."""
    return {
        "type": "object",
        "title": title,
        "description": description,
        "required": list(required),
        "properties": properties,
    }
