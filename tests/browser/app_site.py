"""The web site of an app, at an address of its own on loopback: it greets whoever is sent to it, and frames what it is
told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_PAGE = '<!doctype html><html lang="en"><title>The app</title><h1>Welcome back</h1>'


@dataclass(frozen=True)
class Arrival:
    """How somebody came back to the app."""

    method: str
    parameters: dict[str, str]
    referrer: str | None


class AppSite:
    """Where the site is, and who came back to it, in their order."""

    def __init__(self, port: int) -> None:
        # By another name than the server's: to browsers it is another site, not only another origin.
        self.url = f"http://localhost:{port}"
        self.same_site_url = f"http://127.0.0.1:{port}"
        self.arrivals: list[Arrival] = []

    @property
    def callback(self) -> str:
        """The redirect URI."""
        return f"{self.url}/callback"

    @property
    def goodbye(self) -> str:
        """The post-logout redirect URI."""
        return f"{self.url}/goodbye"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._greet("GET", urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._greet("POST", self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _greet(self, method: str, form: str) -> None:
        site: AppSite = self.server.site  # type: ignore[attr-defined]
        parameters = {name: values[0] for name, values in parse_qs(form, keep_blank_values=True).items()}
        page = _PAGE
        if urlsplit(self.path).path == "/frame":
            page += f'<iframe title="framed" src="{escape(parameters["address"])}"></iframe>'
        elif urlsplit(self.path).path in {"/callback", "/goodbye"}:
            site.arrivals.append(Arrival(method, parameters, self.headers["Referer"]))
        body = page.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        with suppress(ConnectionError):  # whoever has gone on already does not wait for the rest
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the one that it replaces
        """Nothing: what matters is in ``arrivals``."""


@contextmanager
def app_site() -> Iterator[AppSite]:
    """Serve one until the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as http:
        http.site = site = AppSite(http.server_port)  # type: ignore[attr-defined]
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            http.shutdown()
            thread.join()
