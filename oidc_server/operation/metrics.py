"""``/metrics`` in Prometheus' text format: for a caller on loopback, or with a token of scope ``metrics:read``."""

import ipaddress

from flask import Blueprint, Response, request

from oidc_server.core import metrics as core_metrics
from oidc_server.core.database import current_database
from oidc_server.core.errors import Reason
from oidc_server.core.http import HttpFault, client_address
from oidc_server.protocol.access_token import TokenRefused
from oidc_server.protocol.server import current_server
from oidc_server.protocol.token_state import live_access_token

METRICS_SCOPE = "metrics:read"
metrics = Blueprint("metrics", __name__)


@metrics.get("/metrics")
def read_metrics() -> Response:
    """All metrics of all worker processes. Strangers see the same as where nothing is."""
    if not (_on_loopback() or _has_token()):
        raise HttpFault(Reason.NOT_FOUND, 404, "metrics need loopback or a token with metrics:read")
    return Response(core_metrics.exposition(), content_type=core_metrics.CONTENT_TYPE)


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
