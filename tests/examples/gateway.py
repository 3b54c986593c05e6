"""What stands behind the nginx recipe in its test: the wire format of `/oauth/introspect` (RFC 7662), and an API."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

CLIENT_ID, CLIENT_SECRET = "orders-gateway", "s3cret"


def client_credentials() -> str:
    """The client's credentials as HTTP Basic authentication wants them."""
    return base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()


class Backend:
    """Answers for the tokens in `known`; any other token is inactive. Records what it is asked."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.status = 200
        self.introspected: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def introspect(self, authorization: str | None, form: dict[str, list[str]]) -> tuple[int, Any]:
        """The status and the body of an introspection response."""
        if authorization != f"Basic {client_credentials()}":
            return 401, {"error": "invalid_client"}
        assert form.keys() == {"token", "token_type_hint"}
        self.introspected += form["token"]
        return self.status, self.known.get(form["token"][0], {"active": False})

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
        backend = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """The API: shows the headers that the gateway let through."""
                self._send(200, {name.lower(): value for name, value in self.headers.items()})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                assert self.path == "/oauth/introspect"
                assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
                self._send(*backend.introspect(self.headers["Authorization"], parse_qs(body)))

            def _send(self, status: int, document: Any) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Cache-Control", "no-store")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name is the base class's
                """Keep quiet."""

        return Handler
