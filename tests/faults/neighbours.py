"""Clients that ask again and again, each at its own pace: a program of its own with raw sockets and one thread, so that
measuring costs little beside the server. It reads a :class:`Street` as JSON and prints what each request met."""

from __future__ import annotations

import heapq
import json
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tests.faults.elsewhere import outcome_of, start_elsewhere
from tests.faults.history import Attempt, History

_ANSWER_SECONDS = 30.0
_RECEIVE_BYTES = 65536


@dataclass(frozen=True)
class Neighbour:
    """One client: on each of its connections it sends ``request``, and again ``pause`` seconds after the answer."""

    name: str
    request: str
    connections: int = 1
    pause: float = 0.0
    keep_alive: bool = True


@dataclass(frozen=True)
class Street:
    """``neighbours`` ask the server at ``port`` during each of ``spells``: begin and end in seconds of the monotonic
    clock, which all processes share."""

    port: int
    neighbours: list[Neighbour]
    spells: list[tuple[float, float]]
    niceness: int = 0


def start(street: Street) -> subprocess.Popen[str]:
    """Let them ask."""
    return start_elsewhere("tests.faults.neighbours", asdict(street))


def collect(process: subprocess.Popen[str], history: History) -> None:
    """Wait for their end, and add what they saw."""
    for name, started, seconds, status in outcome_of(process):
        history.add(Attempt(name, started, seconds, status))


class Line:
    """One connection of a client; it comes again when it was closed."""

    def __init__(self, port: int, neighbour: Neighbour) -> None:
        self.neighbour = neighbour
        self._port = port
        self._request = neighbour.request.encode()
        self._socket: socket.socket | None = None
        self._received = b""
        self.started = 0.0

    def send(self, selector: selectors.BaseSelector) -> None:
        """Send the request."""
        self.started = time.monotonic()
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=_ANSWER_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(self._socket, selectors.EVENT_READ, self)
        self._received = b""
        self._socket.sendall(self._request)

    def receive(self, selector: selectors.BaseSelector) -> tuple[bool, int | None]:
        """Take what has come. Whether that was the end of the answer, and its status if there was one."""
        assert self._socket is not None
        try:
            part = self._socket.recv(_RECEIVE_BYTES)
        except ConnectionError:
            part = b""
        self._received += part
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if part and not (separator and len(body) >= _length(head)):
            return False, None
        if not part or not self.neighbour.keep_alive or b"\r\nconnection: close" in head.lower():
            selector.unregister(self._socket)
            self._socket.close()
            self._socket = None
        return True, int(head[9:12]) if separator else None

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0] or 0)


Seen = tuple[str, float, float, int | None]


def ask(lines: Sequence[Line], begin: float, end: float, seen: list[Seen]) -> None:
    """One spell. Answers that are still to come at its end are awaited."""
    time.sleep(max(0.0, begin - time.monotonic()))
    # They begin one after the other, as clients that know nothing of each other.
    due = [(begin + line.neighbour.pause * number / len(lines), number) for number, line in enumerate(lines)]
    waiting = 0
    with selectors.DefaultSelector() as selector:
        numbers = {line: number for number, line in enumerate(lines)}
        while due or waiting:
            while due and due[0][0] <= time.monotonic():
                _when, number = heapq.heappop(due)
                lines[number].send(selector)
                waiting += 1
            pause = max(0.0, due[0][0] - time.monotonic()) if due else _ANSWER_SECONDS
            for key, _events in selector.select(pause):
                line: Line = key.data
                is_over, status = line.receive(selector)
                if is_over:
                    now = time.monotonic()
                    seen.append((line.neighbour.name, line.started, now - line.started, status))
                    waiting -= 1
                    if now + line.neighbour.pause < end:
                        heapq.heappush(due, (now + line.neighbour.pause, numbers[line]))
    for line in lines:
        line.close()


def main() -> None:
    """Be the street."""
    street = Street(**json.load(sys.stdin))
    os.nice(street.niceness)
    seen: list[Seen] = []
    neighbours = [Neighbour(**facts) for facts in street.neighbours]  # type: ignore[arg-type]
    for begin, end in street.spells:
        lines = [Line(street.port, one) for one in neighbours for _ in range(one.connections)]
        ask(lines, begin, end, seen)
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
