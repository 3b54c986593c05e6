"""A provider of text messages on loopback: it keeps what it was asked, and answers as it is told."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from oidc_server.core.settings import Settings
from oidc_server.messages.sms import SmsTransport
from oidc_server.messages.transports import Outgoing, Sms

NUMBER = "+442079460123"


@dataclass
class Provider:
    """Answers with ``status`` and ``body``; ``asked`` holds the path, the headers and the body of each request."""

    url: str
    status: int = 202
    location: str = ""
    body: bytes = b""
    breaks_off: bool = False
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def sms_provider(path: str) -> Iterator[Provider]:
    """A provider at this path."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(told.status)
            if told.location:
                self.send_header("Location", told.location)
            self.send_header("Content-Length", str(len(told.body) + told.breaks_off))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        told = Provider(f"http://127.0.0.1:{http.server_address[1]}{path}")
        threading.Thread(target=http.serve_forever, args=(0.01,)).start()
        yield told
        http.shutdown()


def send(settings: Settings, text: str = "Your code is 123456 é", timeout: float = 2) -> uuid.UUID:
    """Hand a message over; the number of its row."""
    outgoing = Outgoing(uuid.uuid4(), Sms(NUMBER, text))
    with SmsTransport(settings, timeout).connection() as hand_over:
        hand_over(outgoing)
    return outgoing.id
