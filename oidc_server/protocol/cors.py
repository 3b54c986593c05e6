"""CORS for the endpoints that a browser client calls itself, and only for the origins of registered public clients."""

from http import HTTPStatus

from flask import Response, request

from oidc_server.clients.registry import current_clients
from oidc_server.protocol.blueprint import REVOCATION, TOKEN, USERINFO, protocol

BROWSER_ENDPOINTS = {TOKEN: "POST", REVOCATION: "POST", USERINFO: "GET, POST"}
_PREFLIGHT_SECONDS = "600"


@protocol.after_request
def allow_registered_origin(response: Response) -> Response:
    """Name the caller's origin when it is registered; ``null`` and every other one get nothing."""
    if request.path not in BROWSER_ENDPOINTS:
        return response
    response.headers.add("Vary", "Origin")
    origin = request.environ.get("HTTP_ORIGIN")
    # Whoever could not be served because the database is away is not made to wait for it once more.
    ask = response.status_code != HTTPStatus.SERVICE_UNAVAILABLE
    if origin is not None and origin in current_clients().origins(ask=ask):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "X-Request-Id, Retry-After, WWW-Authenticate"
    return response


@protocol.route(TOKEN, methods=["OPTIONS"])
@protocol.route(REVOCATION, methods=["OPTIONS"])
@protocol.route(USERINFO, methods=["OPTIONS"])
def preflight() -> Response:
    """Answer a preflight; without a registered origin it allows nothing."""
    methods = BROWSER_ENDPOINTS[request.path]
    response = Response(status=204, headers={"Allow": f"{methods}, OPTIONS"})
    if request.headers.get("Origin") in current_clients().origins():
        response.headers["Access-Control-Allow-Methods"] = methods
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
    return response
