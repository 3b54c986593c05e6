"""What every response has in common, as WSGI middleware: request id, security headers, one access line, one metric.

Outside of Flask, so that it holds for every answer and costs little on the hot path."""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from oidc_server.core import logs, metrics
from oidc_server.core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Request

REQUEST_ID = "oidc_server.request_id"
CLIENT_ID = "oidc_server.client_id"
ROUTE = "oidc_server.route"

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CSP = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_NO_ROUTE = "(none)"


def common_headers(settings: Settings) -> list[tuple[str, str]]:
    """The headers of every answer that does not set its own."""
    headers = [
        ("content-security-policy", _CSP),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
    ]
    if settings.issuer.startswith("https://"):
        headers.append(("strict-transport-security", "max-age=63072000; includeSubDomains"))
    return headers


def new_request_id() -> str:
    """An id for a request that brought no sane one."""
    return secrets.token_hex(12)


class Envelope:
    """Wraps an application. A header that a view has set is left as it is."""

    def __init__(self, wsgi_app: WSGIApplication, settings: Settings) -> None:
        self._wsgi_app = wsgi_app
        self._headers = common_headers(settings)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Give the request its id, and the response what is missing."""
        started = time.perf_counter()
        given = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _SANE_REQUEST_ID.fullmatch(given) else new_request_id()
        environ[REQUEST_ID] = request_id

        def finish(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            present = {name.lower() for name, _ in headers}
            headers.append(("X-Request-Id", request_id))
            headers.extend(pair for pair in self._headers if pair[0] not in present)
            _account(environ, request_id, int(status[:3]), time.perf_counter() - started)
            return start_response(status, headers, exc_info)

        return self._wsgi_app(environ, finish)


def _account(environ: WSGIEnvironment, request_id: str, status: int, seconds: float) -> None:
    """One line in the log and one observation; the route is a URL rule and never the raw path."""
    route = environ.get(ROUTE) or _matched_rule(environ.get("werkzeug.request"))
    method = environ["REQUEST_METHOD"]
    if method not in _METHODS:
        method = "(other)"
    metrics.observe_request(route, method, status, seconds)
    logs.access(
        {
            "event": "request",
            "request_id": request_id,
            "method": method,
            "route": route,
            "status": status,
            "latency_ms": round(seconds * 1000, 2),
            "client_id": environ.get(CLIENT_ID),
            "address": environ.get("REMOTE_ADDR"),
        }
    )


def _matched_rule(request: Request | None) -> str:
    rule = request.url_rule if request is not None else None
    return rule.rule if rule is not None else _NO_ROUTE
