"""OAuth refusals and their one rendering: the error response of RFC 6749 §5.2, with the ``error_id``.

The description is a fixed sentence for each error code; the reason stays in the log."""

import orjson
from authlib.oauth2 import OAuth2Error
from flask import Response

from oidc_server.core.errors import Reason, Refusal
from oidc_server.core.http import request_id


class OAuthRefusal(Refusal):
    """A refusal with an OAuth ``error`` code."""

    error = "invalid_request"


class InvalidRequest(OAuthRefusal):
    """RFC 6749 §5.2: a parameter is missing, malformed or repeated."""


class InvalidClient(OAuthRefusal):
    """RFC 6749 §5.2: client authentication failed; which part of it failed is not told."""

    error = "invalid_client"
    status = 401


class InvalidGrant(OAuthRefusal):
    """RFC 6749 §5.2: the credentials, code or refresh token are no longer, or never were, good."""

    error = "invalid_grant"


class UnauthorizedClient(OAuthRefusal):
    """RFC 6749 §5.2: the client may not use this grant."""

    error = "unauthorized_client"


class UnsupportedGrantType(OAuthRefusal):
    """RFC 6749 §5.2: the server has no such grant."""

    error = "unsupported_grant_type"


class InvalidScope(OAuthRefusal):
    """RFC 6749 §5.2: a scope that the client may not have."""

    error = "invalid_scope"


class InvalidTarget(OAuthRefusal):
    """RFC 8707 §2: a resource that the client may not ask for."""

    error = "invalid_target"


DESCRIPTIONS = {
    "invalid_request": "A parameter is missing, malformed, repeated, or sent in the wrong place.",
    "invalid_client": "Client authentication failed.",
    "invalid_grant": "The credentials or the token are not valid, have expired, or were revoked.",
    "unauthorized_client": "The client is not registered for this grant type.",
    "unsupported_grant_type": "The server does not support this grant type.",
    "invalid_scope": "A requested scope is not one that this client may have here.",
    "invalid_target": "A requested resource is not one that this client may have a token for.",
    "temporarily_unavailable": "The server cannot do this now. Try again after the time in Retry-After.",
    "server_error": "The server met a fault. Tell its operator the error_id.",
}

# What an error of Authlib's own stands for; what is not listed is a malformed request.
_FROM_AUTHLIB: dict[str, tuple[type[OAuthRefusal], Reason]] = {
    "invalid_client": (InvalidClient, Reason.CLIENT_AUTHENTICATION_MISSING),
    "invalid_grant": (InvalidGrant, Reason.TOKEN_MALFORMED),
    "unauthorized_client": (UnauthorizedClient, Reason.GRANT_NOT_ALLOWED),
    "unsupported_grant_type": (UnsupportedGrantType, Reason.GRANT_UNKNOWN),
    "invalid_scope": (InvalidScope, Reason.SCOPE_NOT_ALLOWED),
}


def from_authlib(error: OAuth2Error) -> OAuthRefusal:
    """Our refusal for an error that Authlib raised; its text is not sent, because it can quote the request."""
    kind, reason = _FROM_AUTHLIB.get(error.error or "", (InvalidRequest, Reason.MALFORMED_REQUEST))
    return kind(reason, type(error).__name__)


def _error_code(refusal: Refusal) -> str:
    if isinstance(refusal, OAuthRefusal):
        return refusal.error
    if refusal.status in {429, 503}:
        return "temporarily_unavailable"
    return "server_error" if refusal.status >= 500 else "invalid_request"


def render(refusal: Refusal) -> Response:
    """The error response of every protocol endpoint."""
    error = _error_code(refusal)
    body = {"error": error, "error_description": DESCRIPTIONS[error], "error_id": request_id()}
    response = Response(orjson.dumps(body), refusal.status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="oidc-server", charset="UTF-8"'  # RFC 7617 §2
    return response
