"""OAuth refusals and their one rendering: the error response of RFC 6749 §5.2, with the ``error_id``.

The description is a fixed sentence for each error code; the reason stays in the log."""

from collections.abc import Mapping
from typing import Any

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


class UnsupportedResponseType(OAuthRefusal):
    """RFC 6749 §4.1.2.1: the server gives no such answer."""

    error = "unsupported_response_type"


class AccessDenied(OAuthRefusal):
    """RFC 6749 §4.1.2.1: the person said no."""

    error = "access_denied"


class RequestNotSupported(OAuthRefusal):
    """OpenID Connect Core §3.1.2.6: request objects are not supported."""

    error = "request_not_supported"


class RequestUriNotSupported(OAuthRefusal):
    """OpenID Connect Core §3.1.2.6: nothing is fetched from a request_uri."""

    error = "request_uri_not_supported"


class RegistrationNotSupported(OAuthRefusal):
    """OpenID Connect Core §3.1.2.6: no client registers itself within a request."""

    error = "registration_not_supported"


class LoginRequired(OAuthRefusal):
    """OpenID Connect Core §3.1.2.6: the person would have to sign in, and no page may be shown."""

    error = "login_required"


class ConsentRequired(OAuthRefusal):
    """OpenID Connect Core §3.1.2.6: the person would have to consent, and no page may be shown."""

    error = "consent_required"


class AccountSelectionRequired(OAuthRefusal):
    """OpenID Connect Core §3.1.2.6: the person would have to choose an account, and no page may be shown."""

    error = "account_selection_required"


class InteractionRequired(OAuthRefusal):
    """OpenID Connect Core §3.1.2.6: the person would have to do something else, and no page may be shown."""

    error = "interaction_required"


class UnmetAuthenticationRequirements(OAuthRefusal):
    """OpenID Connect Core Error Code unmet_authentication_requirements 1.0: the person cannot sign in like that."""

    error = "unmet_authentication_requirements"


class MfaRequired(OAuthRefusal):
    """The person proved the password and owes a second factor; an error of ours, as RFC 6749 §8.5 allows.

    ``members`` say how to go on with the login, beside those of every refusal."""

    error = "mfa_required"
    status = 403

    def __init__(self, members: Mapping[str, Any]) -> None:
        super().__init__(Reason.SECOND_FACTOR_REQUIRED)
        self.members = members


class MfaEnrolmentRequired(OAuthRefusal):
    """The person proved the password and has to set up a second factor first, on the page that ``members`` name; an
    error of ours, as RFC 6749 §8.5 allows."""

    error = "mfa_enrolment_required"
    status = 403

    def __init__(self, members: Mapping[str, Any]) -> None:
        super().__init__(Reason.SECOND_FACTOR_ENROLMENT_REQUIRED)
        self.members = members


DESCRIPTIONS = {
    "mfa_required": "The person has to give a second factor, by the grant that mfa_token is for.",
    "mfa_enrolment_required": "The person has to set up a second factor first, on the page at enrol_at.",
    "invalid_request": "A parameter is missing, malformed, repeated, or sent in the wrong place.",
    "invalid_client": "Client authentication failed.",
    "invalid_grant": "The credentials or the token are not valid, have expired, or were revoked.",
    "unauthorized_client": "The client is not registered for this grant type.",
    "unsupported_grant_type": "The server does not support this grant type.",
    "invalid_scope": "A requested scope is not one that this client may have here.",
    "invalid_target": "A requested resource is not one that this client may have a token for.",
    "unsupported_response_type": "The server supports the response type code only.",
    "access_denied": "The person did not allow it.",
    "request_not_supported": "The server does not support request objects.",
    "request_uri_not_supported": "The server does not fetch request objects.",
    "registration_not_supported": "The server does not support registration within a request.",
    "login_required": "The person has to sign in, and prompt=none forbids to ask.",
    "consent_required": "The person has to consent, and prompt=none forbids to ask.",
    "account_selection_required": "The person has to choose an account, and prompt=none forbids to ask.",
    "interaction_required": "The person has to give or set up a second factor, and prompt=none forbids to ask.",
    "invalid_token": "The access token is not valid, has expired, or was revoked.",
    "insufficient_scope": "The access token does not allow this.",
    "unmet_authentication_requirements": "The person cannot sign in as surely as acr_values or the acr asks for.",
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


def error_code(refusal: Refusal) -> str:
    """The OAuth ``error`` that stands for a refusal."""
    if isinstance(refusal, OAuthRefusal):
        return refusal.error
    if refusal.status in {429, 503}:
        return "temporarily_unavailable"
    return "server_error" if refusal.status >= 500 else "invalid_request"


def render(refusal: Refusal) -> Response:
    """The error response of every protocol endpoint."""
    error = error_code(refusal)
    body = {"error": error, "error_description": DESCRIPTIONS[error], "error_id": request_id()}
    body |= getattr(refusal, "members", {})
    response = Response(orjson.dumps(body), refusal.status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="oidc-server", charset="UTF-8"'  # RFC 7617 §2
    return response
