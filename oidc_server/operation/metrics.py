"""``/metrics`` in Prometheus' text format: for a caller on loopback, or with a token or API key of scope
``metrics:read``."""

import ipaddress
from contextlib import suppress

from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError

from oidc_server.clients.api_keys import ApiKeyRefused, current_api_keys
from oidc_server.core import metrics as core_metrics
from oidc_server.core.database import current_database
from oidc_server.core.errors import Reason
from oidc_server.core.http import HttpFault, client_address, name_client
from oidc_server.messages.kinds import Kind
from oidc_server.messages.state import count_waiting
from oidc_server.protocol.access_token import TokenRefused
from oidc_server.protocol.server import current_server
from oidc_server.protocol.token_state import live_access_token

METRICS_SCOPE = "metrics:read"
metrics = Blueprint("metrics", __name__)


@metrics.get("/metrics")
def read_metrics() -> Response:
    """All metrics of all worker processes. Strangers see the same as where nothing is."""
    if not (_on_loopback() or _has_token() or _has_key()):
        raise HttpFault(Reason.NOT_FOUND, 404, "metrics need loopback, or a token or API key with metrics:read")
    _count_waiting_messages()
    return Response(core_metrics.exposition(), content_type=core_metrics.CONTENT_TYPE)


def _count_waiting_messages() -> None:
    """Counted here, where a worker that does not run is noticed. Without a database the number stays as it was."""
    with suppress(SQLAlchemyError), current_database().glance() as connection:
        waiting = count_waiting(connection)
        for kind in {*Kind, *waiting}:
            core_metrics.MESSAGES_WAITING.labels(str(kind)).set(waiting.get(kind, 0))


def _on_loopback() -> bool:
    """Whether the caller is this machine and not a proxy on it that speaks for somebody else."""
    if "X-Forwarded-For" in request.headers:
        return False
    try:
        return ipaddress.ip_address(client_address()).is_loopback
    except ValueError:
        return False


def _has_token() -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return False
    server = current_server()
    try:
        live = live_access_token(current_database(), server.ring, server.clients, server.settings.issuer, token.strip())
    except TokenRefused:
        return False
    # For this server alone: another audience of the same token could otherwise send it on to here.
    return live.audiences == [server.settings.audience] and METRICS_SCOPE in live.claims["scope"].split()


def _has_key() -> bool:
    """Asked last: a key that is not good is refused as a stranger is, and its own reason is logged."""
    if "X-API-Key" not in request.headers:
        return False
    try:
        key = current_api_keys().prove(request.headers["X-API-Key"], client_address())
    except ApiKeyRefused as refusal:
        raise HttpFault(refusal.reason, 404, refusal.detail) from refusal
    name_client(f"api-key {key.prefix}")
    return METRICS_SCOPE in key.scopes
