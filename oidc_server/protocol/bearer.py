"""Access tokens that callers present to our own APIs (RFC 6750 §2): in the header, or in the body of a form.

Never in the URL (RFC 9700 §4.3.2), and never in two places."""

from __future__ import annotations

from flask import Request, Response

from oidc_server.core.errors import Reason, Refusal
from oidc_server.core.http import JsonResponse, request_id
from oidc_server.protocol import errors
from oidc_server.protocol.access_token import AccessToken, TokenRefused
from oidc_server.protocol.errors import DESCRIPTIONS, OAuthRefusal
from oidc_server.protocol.gate import FORM, check_form
from oidc_server.protocol.server import AuthorizationServer
from oidc_server.protocol.token_state import live_access_token


class BearerRefused(OAuthRefusal):
    """RFC 6750 §3: the challenge says what is wrong; a caller that brought no token is told no error code."""

    status = 401
    error = "invalid_token"

    def __init__(
        self, reason: Reason, detail: str | None = None, *, error: str = "invalid_token", status: int = 401
    ) -> None:
        super().__init__(reason, detail)
        self.error, self.status = error, status


def presented_token(server: AuthorizationServer, request: Request) -> AccessToken:
    """The good access token that came with the request. Raises :class:`BearerRefused`."""
    found = []
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        found.append(credentials.strip(" "))
    if request.method == "POST" and request.mimetype == FORM:
        check_form(request)
        found += request.form.getlist("access_token")
    if request.args.get("access_token") is not None or len(found) > 1:
        raise BearerRefused(Reason.MALFORMED_REQUEST, "the place of the token", error="invalid_request", status=400)
    if not found or not found[0]:
        raise BearerRefused(Reason.TOKEN_MISSING, error="")
    try:
        return live_access_token(server.database, server.ring, server.clients, server.settings.issuer, found[0])
    except TokenRefused as refusal:
        raise BearerRefused(refusal.reason, refusal.detail) from refusal


def render(refusal: Refusal) -> Response:
    """The answer of an API to a refused token: RFC 6750 §3 says by which scheme, and why not."""
    if not isinstance(refusal, BearerRefused):
        return errors.render(refusal)
    body = {"error": refusal.error, "error_description": DESCRIPTIONS[refusal.error]} if refusal.error else {}
    attributes = ['Bearer realm="oidc-server"', *(f'{name}="{value}"' for name, value in body.items())]
    headers = [("Cache-Control", "no-store"), ("WWW-Authenticate", ", ".join(attributes))]
    return JsonResponse(body | {"error_id": request_id()}, refusal.status, headers)
