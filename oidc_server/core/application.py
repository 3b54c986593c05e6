"""Flask, less what every request would pay for and this server has no use for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Request

    from oidc_server.core.settings import Settings


class NoClientSideSession(SessionInterface):
    """Nothing is kept in Flask's signed cookie: a session is a row that can be ended."""

    _nothing = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """A session that refuses to be written; no cookie is ever read or set for it."""
        return self._nothing


class Application(Flask):
    """URLs are built from the issuer, whatever Host a request came with; so the Host is not parsed for them either."""

    session_interface = NoClientSideSession()

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, static_folder=None)
        issuer = urlsplit(settings.issuer)
        self._scheme = issuer.scheme
        self._authority = self.url_map.bind(issuer.netloc).server_name  # in its ASCII form, made once

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Every view is synchronous; Flask would look again at each call."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Match and build by the request's path and the issuer's scheme and authority."""
        if request is None:
            return super().create_url_adapter(None)
        environ = request.environ
        return MapAdapter(
            self.url_map,
            server_name=self._authority,
            script_name=_text(environ.get("SCRIPT_NAME", "")) or "/",
            subdomain="",
            url_scheme=self._scheme,
            path_info=_text(environ.get("PATH_INFO", "")),
            default_method=environ["REQUEST_METHOD"],
            query_args=environ.get("QUERY_STRING", ""),
        )


def _text(value: str) -> str:
    """WSGI passes bytes as Latin-1 (PEP 3333); a path is UTF-8."""
    return value if value.isascii() else value.encode("latin-1").decode(errors="replace")
