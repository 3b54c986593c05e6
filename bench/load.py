"""The load generator: a few kept-alive HTTP/1.1 connections, each with exactly one request under way.

One thread and raw sockets, so that it needs far less processor time than any server it drives. Each answer is
checked."""

import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Protocol

_RECEIVE_BYTES = 65536
_SILENCE_SECONDS = 10.0
REQUESTS_AT_MOST = 200_000

Address = tuple[str, int]


class BadAnswer(Exception):
    """An answer that is not what was asked for; a benchmark of failures measures nothing."""


class Source(Protocol):
    """Makes one connection's requests, each from the answers before it; ``body`` is that of the last answer."""

    body: bytes

    def request(self) -> bytes:
        """The bytes of the next request."""

    def accept(self, head: bytes, body: bytes) -> None:
        """Look at an answer with a status below 400. Raises :class:`BadAnswer`."""


@dataclass
class Load:
    """What one spell of load gave: seconds per answer, and the seconds it all took."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many requests were answered."""
        return len(self.latencies)

    def percentile_ms(self, share: float) -> float:
        """The latency in milliseconds that this share of the answers did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


class Connection:
    """One kept-alive connection and what has arrived of its answer."""

    def __init__(self, address: Address, source: Source) -> None:
        self.socket = socket.create_connection(address, timeout=_SILENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.source = source
        self.sent_at = 0.0
        self._received = b""

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def send(self) -> None:
        """Send the next request."""
        request = self.source.request()
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Take what has arrived; True when that completes the answer. Raises :class:`BadAnswer`."""
        try:
            part = self.socket.recv(_RECEIVE_BYTES)
        except ConnectionResetError:
            part = b""
        if not part:
            raise BadAnswer("the server closed the connection")
        self._received += part
        body = complete_body(self._received)
        if body is None:
            return False
        head, self._received = self._received[: len(self._received) - len(body)], b""
        self.source.accept(head, body)
        return True


def complete_body(received: bytes) -> bytes | None:
    """The body of a 200 or 303 answer with a Content-Length, or None while some of it is missing. Raises
    :class:`BadAnswer`."""
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return None
    if head[9:12] not in {b"200", b"303"}:
        raise BadAnswer(received[:600].decode("latin-1"))
    _, name, rest = head.lower().partition(b"\r\ncontent-length:")
    if not name:
        raise BadAnswer("an answer without Content-Length")
    missing = int(rest.partition(b"\r\n")[0]) - len(body)
    if missing < 0:
        raise BadAnswer("more bytes than the Content-Length says")
    return body if missing == 0 else None


def run_load(
    address: Address, sources: Sequence[Source], seconds: float, requests_at_most: int = REQUESTS_AT_MOST
) -> Load:
    """Keep every connection busy for ``seconds``; the answers still under way then are awaited and counted.

    Raises :class:`BadAnswer` at the first answer that is not a good one."""
    load = Load()
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        connections = [stack.enter_context(closing(Connection(address, source))) for source in sources]
        started = time.perf_counter()
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send()
        while selector.get_map():
            ready = selector.select(_SILENCE_SECONDS)
            if not ready:
                raise BadAnswer(f"no answer for {_SILENCE_SECONDS:.0f} s")
            for key, _ in ready:
                connection = key.data
                if not connection.receive():
                    continue
                now = time.perf_counter()
                load.latencies.append(now - connection.sent_at)
                if now - started < seconds and load.requests + len(connections) <= requests_at_most:
                    connection.send()
                else:
                    selector.unregister(connection.socket)
        load.seconds = time.perf_counter() - started
    return load
