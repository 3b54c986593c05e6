"""The token endpoint (RFC 6749 §3.2)."""

from flask import Response, request

from oidc_server.core.errors import Reason
from oidc_server.protocol.blueprint import TOKEN, protocol
from oidc_server.protocol.errors import InvalidRequest
from oidc_server.protocol.gate import check_form
from oidc_server.protocol.server import current_server


@protocol.post(TOKEN)
def token() -> Response:
    """Exchange a grant for tokens."""
    this_request = request._get_current_object()  # type: ignore[attr-defined]  # once, not at every attribute
    check_form(this_request)
    if not this_request.form.get("grant_type"):
        raise InvalidRequest(Reason.MALFORMED_REQUEST, "grant_type")
    response: Response = current_server().create_token_response(this_request)
    return response
