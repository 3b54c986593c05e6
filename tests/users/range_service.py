"""A service with the range API of *Have I Been Pwned*, on loopback, that can be told to misbehave."""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Behaviour = Callable[[BaseHTTPRequestHandler], None]


class RangeService:
    """``breached`` are the passwords that it knows; ``asked`` is each path and whether padding was asked for."""

    def __init__(self) -> None:
        self.breached: dict[str, int] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.behaviour: Behaviour = self.answer
        self.url = ""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """As the real one: suffixes with counts, and padding with a count of 0."""
        prefix = request.path.rpartition("/")[2]
        digests = {hashlib.sha1(p.encode()).hexdigest().upper(): n for p, n in self.breached.items()}  # noqa: S324
        lines = [f"{digest[5:]}:{count}" for digest, count in digests.items() if digest.startswith(prefix)]
        lines += [f"{number:035X}:0" for number in range(800)]
        send(request, 200, "\r\n".join(lines).encode())


def send(request: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """Send a whole answer."""
    request.send_response(status)
    for name, value in ({"Content-Length": str(len(body))} | headers).items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def running(context: ssl.SSLContext | None = None) -> Iterator[RangeService]:
    """The service while the block lasts, over TLS when there is a ``context``."""
    service = RangeService()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            service.asked.append((self.path, self.headers.get("Add-Padding")))
            service.behaviour(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            """The test looks at ``asked``."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that goes away is part of the test."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    service.url = f"http{'s' if context else ''}://127.0.0.1:{server.server_port}/range/"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
