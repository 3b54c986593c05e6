"""Signing people in and out, described: the authorization endpoint, userinfo, logout; and which addresses are pages."""

from __future__ import annotations

from typing import Any

from oidc_server.accounts.addresses import ACCOUNT_CLOSED, PUBLIC, WAYS_IN
from oidc_server.accounts.pages.blueprint import CHOOSE_ACCOUNT, CONSENT, SIGN_IN
from oidc_server.accounts.pages.own_pages import OWN_PAGES
from oidc_server.clients.logos import LOGOS
from oidc_server.clients.metadata import OPENID
from oidc_server.documentation import forms
from oidc_server.documentation.authorization_parameters import (
    AUTHORIZATION_REQUEST,
    AUTHORIZATION_RESPONSE,
    LOGOUT_REQUEST,
    REQUIRED,
    in_form,
    in_query,
)
from oidc_server.documentation.error_codes import BEARER_CODES
from oidc_server.documentation.responses import answer, bearer_refusal, page, redirect, refusal
from oidc_server.documentation.schemas import TEXT, said
from oidc_server.protocol.blueprint import AUTHORIZATION, CONTINUATION, END_SESSION, USERINFO
from oidc_server.protocol.end_session import SIGN_OUT, SIGNED_OUT

TAG = "Login"
# For people and their browsers; no program calls them, and what they hold may change.
PAGES = (
    SIGN_IN, *WAYS_IN, CONSENT, CHOOSE_ACCOUNT, CONTINUATION, SIGN_OUT, SIGNED_OUT, *sorted({*PUBLIC, *OWN_PAGES}),
    ACCOUNT_CLOSED, f"{LOGOS}/{{client_id}}/{{digest}}",
)  # fmt: skip


def authorization_paths() -> dict[str, dict[str, Any]]:
    """The operations of the endpoints that sign people in and out, by path."""
    return {
        AUTHORIZATION: {"get": _authorize(), "post": _authorize_by_post()},
        USERINFO: {"get": _userinfo("userinfo"), "post": _userinfo_by_post()},
        END_SESSION: {"get": _log_out(), "post": _log_out_by_post()},
    }


def _form(schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {"required": required, "content": {forms.MEDIA_TYPE: {"schema": schema}}}


def _faults() -> dict[str, Any]:
    return {
        "413": page("The body is too large."),
        "500": page("A fault of the server."),
        "503": page("The server cannot do this now.", headers=("Retry-After",)),
    }


def _authorization_answers() -> dict[str, Any]:
    return {
        "200": page("With `response_mode=form_post`: a form with the answer, which a script or a button posts."),
        "303": redirect("To a page, where the person is asked; or to the `redirect_uri` with a `code` or an `error`."),
        "400": page("The client or its `redirect_uri` is not known, or the request cannot be read: no redirect."),
        **_faults(),
    }


def _authorize() -> dict[str, Any]:
    return {
        "operationId": "authorize",
        "tags": [TAG],
        "summary": "Sign somebody in, and ask for a code",
        "description": "RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1. The app sends the person's browser here. What "
        "is not known is ignored; a parameter that is sent twice (but `resource`), `request`, `request_uri` and "
        "`registration` are refused. A value has at most 4096 characters, of `id_token_hint` and `claims` 16384.",
        "security": [],
        "parameters": in_query(AUTHORIZATION_REQUEST, REQUIRED),
        "responses": _authorization_answers(),
        "callbacks": {"authorizationResponse": {"{$request.query.redirect_uri}": {"get": _authorization_response()}}},
    }


def _authorization_response() -> dict[str, Any]:
    return {
        "summary": "The answer, by way of the browser",
        "description": "What comes back to the `redirect_uri` (RFC 6749 §4.1.2, RFC 9207): a `code` or an `error`.",
        "parameters": in_query(AUTHORIZATION_RESPONSE, ("iss",)),
        "responses": {"default": {"description": "Whatever the app shows."}},
    }


def _authorize_by_post() -> dict[str, Any]:
    words = "The same parameters as by GET, none of them in the URL."
    return {
        "operationId": "authorizeByPost",
        "tags": [TAG],
        "summary": "The same, from a form",
        "description": f"{words} A form of another site may be posted here: by itself it changes nothing.",
        "security": [],
        "requestBody": _form(in_form("authorization", words, AUTHORIZATION_REQUEST, REQUIRED), required=True),
        "responses": _authorization_answers(),
    }


def _userinfo(name: str) -> dict[str, Any]:
    found = answer("What is known. As `application/jwt`, signed and with `iss` and `aud`, when registered.", "UserInfo")
    found["content"]["application/jwt"] = {"schema": {"type": "string"}}
    words = {"400": "The token was sent in two places, or in the URL.", "401": "There is no token, or it is not good.",
             "403": f"The token is nobody's, or has not the scope `{OPENID}`."}  # fmt: skip
    return {
        "operationId": name,
        "tags": [TAG],
        "summary": "What the person let the app know",
        "description": "OpenID Connect Core §5.3. The access token is one for a person, sent as `Authorization: "
        "Bearer`. It is refused as soon as it has been revoked, or its grant has ended.",
        "security": [{"accessToken": [OPENID]}],
        "responses": {
            "200": found,
            **{status: bearer_refusal(words[status], code) for status, code in BEARER_CODES.items()},
            "500": refusal("A fault of the server.", ["server_error"]),
            "503": refusal("The server cannot do this now.", ["temporarily_unavailable"], retry=True),
        },
    }


def _userinfo_by_post() -> dict[str, Any]:
    words = "The token in the header, or here; not in both."
    form = in_form("token", words, {"access_token": said(TEXT, "The access token (RFC 6750 §2.2).")})
    described = _userinfo("userinfoByPost") | {"requestBody": _form(form, required=False)}
    described["responses"] |= {"413": refusal("The body is too large.", ["invalid_request"])}
    return described


def _logout_answers() -> dict[str, Any]:
    return {
        "303": redirect(
            f"To `post_logout_redirect_uri` with `state`, to `{SIGNED_OUT}`, or to `{SIGN_OUT}`, which asks."
        ),
        "400": page("A wrong hint, an address that is not the client's, or a parameter sent twice: nothing happens."),
        **_faults(),
    }


def _log_out() -> dict[str, Any]:
    return {
        "operationId": "logOut",
        "tags": [TAG],
        "summary": "Sign somebody out",
        "description": "OpenID Connect RP-Initiated Logout 1.0. The app sends the person's browser here. With an "
        "`id_token_hint` of the browser's present session, that session ends at once, and with it every grant without "
        "`offline_access`. Otherwise the person is asked.",
        "security": [],
        "parameters": in_query(LOGOUT_REQUEST),
        "responses": _logout_answers(),
    }


def _log_out_by_post() -> dict[str, Any]:
    words = "The same parameters as by GET, none of them in the URL."
    return {
        "operationId": "logOutByPost",
        "tags": [TAG],
        "summary": "The same, from a form",
        "description": words,
        "security": [],
        "requestBody": _form(in_form("logout", words, LOGOUT_REQUEST), required=False),
        "responses": _logout_answers(),
    }
