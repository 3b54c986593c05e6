"""Clients that are slow in every way: they send little by little or nothing, or take no answers. They never hang up."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from types import TracebackType

from tests.running import RunningServer

LARGE_BODY = 2_000_000
_STAYING_SECONDS = 3  # one that the server has parted with keeps its own side open for so long

HEAD = b"POST /oauth/token HTTP/1.1\r\nHost: login.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /.well-known/openid-configuration HTTP/1.1\r\nHost: login.example.com\r\n\r\n"


def trickle(*starts: bytes) -> Iterator[bytes]:
    """Some bytes at once, then one at a time, without an end."""
    return itertools.chain(starts, itertools.repeat(b"a"))


KINDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "says nothing": lambda: iter(()),
    "sends a head by bytes": lambda: trickle(b"G", b"E", b"T", b" ", b"/"),
    "sends headers by bytes": lambda: trickle(HEAD, b"X", b":"),
    "sends a body by bytes": lambda: trickle(HEAD + b"Content-Length: 5000\r\n\r\n"),
    "sends chunks by bytes": lambda: trickle(CHUNKED + b"1000\r\n"),
    "sends an end inside of a chunk": lambda: trickle(CHUNKED + b"1000\r\n\r\n0\r\n\r\n"),
    "waits to be told to go on": lambda: trickle(HEAD + b"Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n"),
    "announces too much": lambda: trickle(HEAD + b"Content-Length: 50000000\r\n\r\n"),
    "stays after a refusal": lambda: iter([b"NONSENSE\r\n\r\n"]),
    "is slow in its second request": lambda: trickle(GET, GET[:-2]),
    "takes no answers": lambda: itertools.repeat(GET * 20),
    "sends most of a large body": lambda: trickle(
        HEAD + b"Content-Length: %d\r\n\r\n" % LARGE_BODY, *[b"a" * 50_000] * 16
    ),
}


class SlowClient:
    """One connection; it reads no answer."""

    def __init__(self, port: int, kind: str) -> None:
        self.kind = kind
        self._port = port
        self.connect()

    def connect(self) -> None:
        """Come, or come again."""
        self.began = time.monotonic()
        self.ended: float | None = None
        self._sends = KINDS[self.kind]()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", self._port))

    def go_on(self) -> None:
        """Send a little more, if the server still listens."""
        try:
            self.socket.send(next(self._sends, b""))
        except BlockingIOError:
            pass
        except OSError:
            self.ended = time.monotonic()
        # TCP_CLOSE and TCP_CLOSE_WAIT: the server has ended it, whether or not the answers before that were read.
        if self.ended is None and self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in {7, 8}:
            self.ended = time.monotonic()


class SlowClients:
    """Many of them, driven by one thread. Unless they come only ``once``, the ones that were ended come again."""

    def __init__(self, server: RunningServer, *kinds: str, count: int = 300, once: bool = False) -> None:
        port = int(server.url.rpartition(":")[2])
        self.clients = [SlowClient(port, kind) for kind in itertools.islice(itertools.cycle(kinds), count)]
        self.ends: Counter[str] = Counter()
        self._once = once
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        while not self._stop.wait(0.1):
            for client in self.clients:
                if client.ended is None:
                    client.go_on()
                    self.ends[client.kind] += client.ended is not None
                elif not self._once and time.monotonic() > client.ended + _STAYING_SECONDS:
                    client.socket.close()
                    client.connect()

    def __enter__(self) -> SlowClients:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(timeout=30)
        for client in self.clients:
            client.socket.close()
