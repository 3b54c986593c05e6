"""One way to refuse: every fault becomes a :class:`~oidc_server.core.errors.Refusal`, is logged here with its reason,
and is rendered by the renderer of its part of the address space."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from traceback import format_tb
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import orjson
from flask import Flask, Request, Response, request
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from oidc_server.core import logs, metrics
from oidc_server.core.envelope import CLIENT_ID, REQUEST_ID, Envelope
from oidc_server.core.errors import Reason, Refusal, Unavailable
from oidc_server.core.memory import Document, FromMemory
from oidc_server.core.proxies import TrustedProxies
from oidc_server.core.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

EXTENSION = "oidc_server.http"
Renderer = Callable[[Refusal], Response]

_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_PROBES = "/health"

_REASON_OF_STATUS = {
    404: Reason.NOT_FOUND,
    405: Reason.METHOD_NOT_ALLOWED,
    413: Reason.BODY_TOO_LARGE,
    415: Reason.WRONG_CONTENT_TYPE,
}

log = logs.get_logger()


@dataclass
class Http:
    """What the HTTP layer of one application knows."""

    hosts: frozenset[str]
    usual_host: str
    memory: FromMemory
    renderers: list[tuple[str, Renderer]] = field(default_factory=list)

    def renderer(self, path: str) -> Renderer:
        """The renderer registered for the longest matching prefix, or that of problem details."""
        matching = [(len(prefix), renderer) for prefix, renderer in self.renderers if path.startswith(prefix)]
        return max(matching, key=lambda pair: pair[0])[1] if matching else problem_details


class HttpFault(Refusal):
    """A fault that carries the status of an HTTP exception."""

    def __init__(self, reason: Reason, status: int, detail: str | None = None) -> None:
        super().__init__(reason, detail)
        self.status = status
        self.allow: str | None = None


def init_app(app: Flask, settings: Settings) -> None:
    """Install the HTTP layer on the application."""
    app.config["MAX_CONTENT_LENGTH"] = settings.body_limit
    app.config["MAX_FORM_PARTS"] = 200
    app.url_map.merge_slashes = False  # a redirect would send a form with credentials once more, maybe without TLS
    issuer = urlsplit(settings.issuer)
    names = {issuer.hostname or "", *settings.allowed_hosts} | _LOOPBACK_HOSTS
    memory = FromMemory(app.wsgi_app, issuer.netloc)
    app.extensions[EXTENSION] = http = Http(hosts=frozenset(names), usual_host=issuer.netloc, memory=memory)
    app.wsgi_app = Envelope(memory, settings)  # type: ignore[method-assign]
    if settings.trusted_proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]

    app.before_request(lambda: _check_host(http))
    app.before_request(_check_query)
    app.register_error_handler(Refusal, lambda refusal: refuse(http, refusal))
    app.register_error_handler(Exception, lambda error: refuse(http, _as_refusal(error)))


def serve_from_memory(app: Flask, path: str, provider: Callable[[], Document]) -> None:
    """Answer GET for ``path`` with what ``provider`` gives, without Flask; a view of the same path answers the rest."""
    memory: FromMemory = app.extensions[EXTENSION].memory
    memory.documents[path] = provider


def register_renderer(app: Flask, prefix: str, renderer: Renderer) -> None:
    """Render refusals below ``prefix`` with ``renderer``."""
    app.extensions[EXTENSION].renderers.append((prefix, renderer))


def _check_host(http: Http) -> None:
    """The issuer is configured and never read from Host; a foreign Host is refused so that no cache or proxy that does
    read it can be confused. Probes come with whatever address the prober uses."""
    host = request.environ.get("HTTP_HOST", "")
    if host != http.usual_host and _hostname(host) not in http.hosts and not request.path.startswith(_PROBES):
        raise HttpFault(Reason.BAD_HTTP_REQUEST, 400, "the Host header names another server")


def _check_query() -> None:
    """A URI is ASCII (RFC 3986 §2); Werkzeug would fail to read another query."""
    if not request.environ.get("QUERY_STRING", "").isascii():
        raise HttpFault(Reason.BAD_HTTP_REQUEST, 400, "the query is not ASCII")


def _hostname(host: str) -> str:
    """The Host header without its port, lower-case; an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def request_id() -> str:
    """The id of the current request, which is the ``error_id`` of its refusal."""
    identifier: str = request.environ[REQUEST_ID]
    return identifier


def name_client(client_id: str) -> None:
    """Say whose request this is, for the log."""
    request.environ[CLIENT_ID] = client_id


def client_address() -> str:
    """The caller's address, as the nearest trusted proxy saw it."""
    return request.remote_addr or "unknown"


def request_body(request: Request) -> bytes:
    """The whole body of a request.

    Raises :class:`HttpFault` when it is too large, and when it is not what its framing says (RFC 9112 §7.1, §8): half a
    request must not be taken for a whole one."""
    announced, limit = request.content_length, request.max_content_length
    if announced is not None and limit is not None and announced > limit:
        raise HttpFault(Reason.BODY_TOO_LARGE, 413)
    try:
        # Werkzeug's guarded stream is for what has no known end; a known length is all that is read here.
        body: bytes = request.get_data() if announced is None else request.environ["wsgi.input"].read(announced)
    except HTTPException:
        raise
    except Exception as error:  # whatever the server's own parser of chunks raises
        raise HttpFault(Reason.BAD_HTTP_REQUEST, 400, type(error).__name__) from error
    if announced is not None and len(body) != announced:
        raise HttpFault(Reason.BAD_HTTP_REQUEST, 400, "the body was cut off")
    if announced is None and limit is not None and len(body) >= limit:  # Werkzeug stops there and does not say so
        raise HttpFault(Reason.BODY_TOO_LARGE, 413)
    return body


def refuse(http: Http, refusal: Refusal) -> Response:
    """Note the refusal, and render what the caller may know."""
    note_refusal(refusal)
    response = http.renderer(request.path)(refusal)
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    if isinstance(refusal, HttpFault) and refusal.allow:
        response.headers["Allow"] = refusal.allow
    return response


def note_refusal(refusal: Refusal) -> None:
    """Log the reason under the error id, and count it."""
    metrics.count_refusal(refusal.reason.value)
    log.warning(
        "refused",
        error_id=request_id(),
        reason=refusal.reason.value,
        detail=refusal.detail,
        status=refusal.status,
        client_id=request.environ.get(CLIENT_ID),
        address=request.remote_addr,
    )


def _as_refusal(error: Exception) -> Refusal:
    # What is raised after the view, in an `after_request` function, arrives inside of Flask's own 500.
    error = getattr(error, "original_exception", None) or error
    if isinstance(error, HTTPException):
        status = error.code or 500
        fault = HttpFault(_REASON_OF_STATUS.get(status, Reason.BAD_HTTP_REQUEST), status, error.name)
        methods = getattr(error, "valid_methods", None)
        fault.allow = ", ".join(sorted(methods)) if methods else None
        return fault
    if isinstance(error, Refusal):
        return error
    if isinstance(error, PoolTimeoutError | InterfaceError | InternalError | OperationalError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        # The statement and its parameters stay out of the log: they can hold personal data.
        return Unavailable(Reason.DATABASE_UNAVAILABLE, type(getattr(error, "orig", None) or error).__name__)
    if isinstance(error, DBAPIError):
        # The database's own text names the values that it refused, which can be personal data.
        where = "".join(format_tb(error.__traceback__))
        trace = f"Traceback (most recent call last):\n{where}{type(error.orig).__name__} in: {error.statement}"
        log.error("fault", error_id=request_id(), exception=trace)
    else:
        log.error("fault", error_id=request_id(), exc_info=error)
    return HttpFault(Reason.INTERNAL_ERROR, 500)


class JsonResponse(Response):
    """A JSON body with its headers, sent as they stand: what Werkzeug would look for to mend in them is not there."""

    def __init__(self, body: object, status: int = 200, headers: list[tuple[str, str]] | None = None) -> None:
        super().__init__(orjson.dumps(body), status, headers, content_type="application/json")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer; HEAD is left to Werkzeug."""
        if environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        start_response(self.status, self.headers.to_wsgi_list())
        return cast("list[bytes]", self.response)


def problem_details(refusal: Refusal) -> Response:
    """RFC 9457 problem details. The ``code`` is stable; the reason stays in the log."""
    body = problem(refusal.status, request_id())
    return Response(body, refusal.status, content_type="application/problem+json")


def problem(status: int, error_id: str) -> bytes:
    """The body of problem details."""
    title = HTTPStatus(status).phrase
    return orjson.dumps(
        {
            "type": "about:blank",
            "title": title,
            "status": status,
            "code": title.lower().replace(" ", "_"),
            "error_id": error_id,
        }
    )
