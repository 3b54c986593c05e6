"""Which ``error`` codes each kind of endpoint answers with (RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1)."""

from __future__ import annotations

from oidc_server.protocol import errors
from oidc_server.protocol.errors import OAuthRefusal

_OF_TOKEN: tuple[type[OAuthRefusal], ...] = (
    errors.InvalidRequest,
    errors.InvalidClient,
    errors.InvalidGrant,
    errors.UnauthorizedClient,
    errors.UnsupportedGrantType,
    errors.InvalidScope,
    errors.InvalidTarget,
    errors.MfaRequired,
    errors.MfaEnrolmentRequired,
)
_OF_AUTHORIZATION: tuple[type[OAuthRefusal], ...] = (
    errors.InvalidRequest,
    errors.UnauthorizedClient,
    errors.InvalidScope,
    errors.InvalidTarget,
    errors.UnsupportedResponseType,
    errors.AccessDenied,
    errors.RequestNotSupported,
    errors.RequestUriNotSupported,
    errors.RegistrationNotSupported,
    errors.LoginRequired,
    errors.ConsentRequired,
    errors.AccountSelectionRequired,
    errors.InteractionRequired,
    errors.UnmetAuthenticationRequirements,
)
_OF_THE_SERVER = ("temporarily_unavailable", "server_error")
# What is sent by way of the browser to the client.
AUTHORIZATION_CODES = tuple(kind.error for kind in _OF_AUTHORIZATION)
# What is answered as JSON to a client.
CLIENT_CODES = (*(kind.error for kind in _OF_TOKEN), *_OF_THE_SERVER)
# What a bearer of an access token is told, by status.
BEARER_CODES = {"400": "invalid_request", "401": "invalid_token", "403": "insufficient_scope"}


def token_codes(status: int) -> list[str]:
    """The ``error`` codes of the token endpoint that are sent with a status."""
    return sorted(kind.error for kind in _OF_TOKEN if kind.status == status)
