"""Token introspection (RFC 7662): what a token stands for at this moment, for those who may know."""

from typing import Any

from flask import Response, request

from oidc_server.clients.metadata import NONE
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core import logs, metrics
from oidc_server.core.database import current_database
from oidc_server.core.errors import Reason, Throttled
from oidc_server.core.http import JsonResponse, request_id
from oidc_server.core.limit_rules import UNKNOWN_TOKENS
from oidc_server.protocol.access_token import TokenRefused
from oidc_server.protocol.blueprint import INTROSPECTION, protocol
from oidc_server.protocol.client_authentication import authenticate_client
from oidc_server.protocol.errors import InvalidClient, InvalidRequest
from oidc_server.protocol.gate import check_form
from oidc_server.protocol.server import AuthorizationServer, current_server
from oidc_server.protocol.subjects import subject_of
from oidc_server.protocol.token_state import live_access_token, live_refresh_token

# A client that is registered for this scope may introspect every access token; any client may introspect its own.
READ_ANY_TOKEN = "tokens:read"  # noqa: S105 - the name of a scope
log = logs.get_logger()
_INACTIVE: dict[str, Any] = {"active": False}


@protocol.post(INTROSPECTION)
def introspect() -> Response:
    """Answer with the token's claims, or ``{"active": false}`` and nothing else."""
    this_request = request._get_current_object()  # type: ignore[attr-defined]  # once, not at every attribute
    check_form(this_request)
    server = current_server()
    client = authenticate_client(this_request, server.clients, server.limits, server.settings.issuer)
    if client.token_endpoint_auth_method == NONE:
        raise InvalidClient(Reason.CLIENT_METHOD_NOT_REGISTERED, "a public client cannot introspect")
    token = this_request.form.get("token")
    if not token:
        raise InvalidRequest(Reason.MALFORMED_REQUEST, "token")
    answer = _describe_or_say_why_not(server, client, token)
    if not answer["active"] and not server.limits.hit(UNKNOWN_TOKENS, client.client_id):
        retry_after = server.limits.retry_after(UNKNOWN_TOKENS, client.client_id)
        raise Throttled(Reason.TOKEN_SCAN_THROTTLED, retry_after=retry_after)
    return JsonResponse(answer)


def _describe_or_say_why_not(server: AuthorizationServer, client: ClientSnapshot, token: str) -> dict[str, Any]:
    """The reason is for the log only."""
    try:
        return _describe(server, client, token)
    except TokenRefused as refused:
        metrics.count_refusal(refused.reason.value)
        log.info("inactive", error_id=request_id(), reason=refused.reason.value, client_id=client.client_id)
        return _INACTIVE


def _describe(server: AuthorizationServer, client: ClientSnapshot, token: str) -> dict[str, Any]:
    """The token type hint (RFC 7662 §2.1) is not needed: a JWT and a refresh token never look alike."""
    if "." not in token:
        return _describe_refresh_token(client, token)
    live = live_access_token(current_database(), server.ring, server.clients, server.settings.issuer, token)
    if client.client_id not in (live.client_id, *live.audiences) and READ_ANY_TOKEN not in client.scopes:
        raise TokenRefused(Reason.TOKEN_OF_ANOTHER_CLIENT)
    return {"active": True, "token_type": "Bearer", **live.claims}


def _describe_refresh_token(client: ClientSnapshot, token: str) -> dict[str, Any]:
    """A refresh token is its client's own affair: nobody else learns of it."""
    live = live_refresh_token(current_database(), token)
    if live.standing.client_id != client.client_id:
        raise TokenRefused(Reason.TOKEN_OF_ANOTHER_CLIENT)
    return {
        "active": True,
        "token_type": "refresh_token",
        "client_id": live.standing.client_id,
        "sub": subject_of(client, live.standing.user_id),
        "scope": live.standing.granted_scope,
        "exp": int(live.expires_at),
    }
