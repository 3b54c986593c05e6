"""A small issuer on the loopback interface: a discovery document, a key set, and the keys to sign tokens with."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from joserfc.jwk import RSAKey

DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/jwks"


def new_key() -> RSAKey:
    """A 2048-bit RSA key for RS256 whose `kid` is its thumbprint (RFC 7638)."""
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, private=True, auto_kid=True)


class Issuer:
    """Publishes `keys` as long as it is `available`, and counts what it is asked for."""

    def __init__(self, keys: list[RSAKey], claimed_issuer: str | None = None) -> None:
        self.keys = keys
        self.available = True
        self.names_algorithm = True  # whether the keys have the member `alg`
        self._claimed_issuer = claimed_issuer
        self._requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """The issuer identifier."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def asked_for(self, path: str) -> int:
        """How often this path was requested."""
        return self._requests.count(path)

    def document(self, path: str) -> dict[str, Any] | None:
        """What is published at this path."""
        if path == DISCOVERY:
            return {"issuer": self._claimed_issuer or self.url, "jwks_uri": self.url + JWKS}
        if path == JWKS and self.available:
            hidden = () if self.names_algorithm else ("alg",)
            published = [key.as_dict(private=False) for key in self.keys]
            return {"keys": [{k: v for k, v in jwk.items() if k not in hidden} for jwk in published]}
        return None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer._requests.append(self.path)
                document = issuer.document(self.path)
                body = json.dumps(document or {}).encode()
                self.send_response(503 if document is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Cache-Control", "public, max-age=300")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name is the base class's
                """Keep quiet: the requests are counted instead."""

        return Handler
