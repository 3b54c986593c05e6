"""A TCP proxy on loopback that passes everything on, until a test tells it to fall silent or to cut connections."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

Address = tuple[str, int]
_CHUNK = 65536


class Proxy:
    """Each connection goes to the address that ``choose`` names at that moment; None refuses it.

    While ``silent``, nothing is passed on in either direction and no connection is closed: a black hole.
    ``cut_when(data)`` is asked for each piece that a client sends; the connection is cut when it says so, before the
    piece is passed on, or with ``let_through`` when the answer to it comes, which nobody then sees."""

    def __init__(self, choose: Callable[[], Address | None]) -> None:
        self._choose = choose
        self.silent = threading.Event()
        self.cut_when: Callable[[bytes], bool] = lambda _data: False
        self.let_through = False
        self._speaking = threading.Condition()
        self._closed = False
        self._connections: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.speak()
        self.cut_all()
        self._thread.join(timeout=10)

    def speak(self) -> None:
        """Pass on again; what was held back is passed on first."""
        with self._speaking:
            self.silent.clear()
            self._speaking.notify_all()

    def cut_all(self) -> None:
        """Close every connection that is open now."""
        for connection in list(self._connections):
            _close(connection)

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._connections.add(client)
        self._wait_while_silent()
        address = self._choose()
        try:
            if address is None:
                return
            with socket.create_connection(address, timeout=10) as server:
                server.settimeout(None)
                self._connections.add(server)
                cut = threading.Event()
                back = threading.Thread(target=self._pump, args=(server, client, cut, False), daemon=True)
                back.start()
                self._pump(client, server, cut, True)
                back.join()
                self._connections.discard(server)
        except OSError:
            pass
        finally:
            _close(client)
            self._connections.discard(client)
            client.close()

    def _pump(self, source: socket.socket, target: socket.socket, cut: threading.Event, from_client: bool) -> None:
        """Pass on what ``source`` sends until it ends; then, or when the connection is to be cut, close both."""
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                self._wait_while_silent()
                if cut.is_set():
                    break
                if from_client and self.cut_when(data):
                    cut.set()
                    if not self.let_through:
                        break
                target.sendall(data)
        if from_client and not cut.is_set():
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)  # the other direction may still have something to say
            return
        _close(source)
        _close(target)

    def _wait_while_silent(self) -> None:
        with self._speaking:
            self._speaking.wait_for(lambda: not self.silent.is_set())


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
