"""Public documents served from memory, before Flask sees the request: JWKS and discovery are asked for all the time.

Only the plain case is answered here; everything else (another method, a foreign host, a fault) goes on to the view of
the same address, which answers by the same :func:`answer`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from oidc_server.core.envelope import ROUTE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON document, its entity tag (without quotes), and the seconds for which a copy may be kept."""

    body: bytes
    etag: str
    max_age: int


def answer(document: Document, if_none_match: str | None) -> tuple[HTTPStatus, list[tuple[str, str]], bytes]:
    """The document, or 304 when the caller has it already (RFC 9110 §13.1.2); readable from every origin."""
    quoted = f'"{document.etag}"'
    headers = [
        ("Cache-Control", f"public, max-age={document.max_age}"),
        ("ETag", quoted),
        ("Access-Control-Allow-Origin", "*"),
    ]
    if if_none_match is not None and (quoted in if_none_match or if_none_match.strip() == "*"):
        return HTTPStatus.NOT_MODIFIED, headers, b""
    headers += [("Content-Type", "application/json"), ("Content-Length", str(len(document.body)))]
    return HTTPStatus.OK, headers, document.body


class FromMemory:
    """WSGI middleware that answers GET for some paths of one host by itself."""

    def __init__(self, wsgi_app: WSGIApplication, host: str) -> None:
        self._wsgi_app = wsgi_app
        self._host = host
        self.documents: dict[str, Callable[[], Document]] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer from memory, or pass the request on."""
        path = environ.get("PATH_INFO", "")
        provider = self.documents.get(path)
        if provider is None or environ["REQUEST_METHOD"] != "GET" or environ.get("HTTP_HOST") != self._host:
            return self._wsgi_app(environ, start_response)
        try:
            document = provider()
        except Exception:  # the view meets it again, and what the view raises is refused in our form
            return self._wsgi_app(environ, start_response)
        environ[ROUTE] = path
        status, headers, body = answer(document, environ.get("HTTP_IF_NONE_MATCH"))
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]
