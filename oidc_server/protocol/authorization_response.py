"""Answering an authorization request by way of the browser (RFC 6749 §4.1.2, RFC 9207, Form Post Response Mode 1.0).

Every answer names the issuer, so that a client of several servers cannot be made to mix them up."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Response

from oidc_server.core.http import note_refusal, request_id
from oidc_server.pages.rendering import render, see_other
from oidc_server.protocol.authorization_request import FORM_POST, Target
from oidc_server.protocol.errors import DESCRIPTIONS, OAuthRefusal, error_code


def code_response(target: Target, issuer: str, code: str) -> Response:
    """The code (RFC 6749 §4.1.2)."""
    return _respond(target, issuer, {"code": code})


def error_response(target: Target, issuer: str, refusal: OAuthRefusal) -> Response:
    """The error (RFC 6749 §4.1.2.1). Its reason is logged under the ``error_id``, which is in the description."""
    note_refusal(refusal)
    error = error_code(refusal)
    description = f"{DESCRIPTIONS[error]} (error_id {request_id()})"
    return _respond(target, issuer, {"error": error, "error_description": description})


def _respond(target: Target, issuer: str, answer: dict[str, str]) -> Response:
    parameters = answer | ({} if target.state is None else {"state": target.state}) | {"iss": issuer}
    if target.response_mode == FORM_POST:
        return render("protocol/form_post.html", form_action=[target.redirect_uri], scripts=True,
                      action=target.redirect_uri, parameters=parameters)  # fmt: skip
    separator = "&" if "?" in target.redirect_uri else "?"
    location = f"{target.redirect_uri}{separator}{urlencode(parameters)}"
    return see_other(location)
