"""A mail server of a few words on loopback: it greets, lists its extensions, and answers NOOP as it is told to."""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import Self


@dataclass
class MailServer:
    """Serves one connection. ``greeting`` None: it accepts the connection and says nothing."""

    greeting: str | None = "220 ready"
    extensions: tuple[str, ...] = ()
    noop: str = "250 OK"
    tls: ssl.SSLContext | None = None
    commands: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
            connection.settimeout(10)
            with connection, self._secured(connection) as channel:
                self._talk(channel)
        except OSError:  # the caller hung up, or does not trust the certificate
            return

    def _secured(self, connection: socket.socket) -> socket.socket:
        return connection if self.tls is None else self.tls.wrap_socket(connection, server_side=True)

    def _talk(self, channel: socket.socket) -> None:
        if self.greeting is not None:
            channel.sendall(f"{self.greeting}\r\n".encode())
        with channel.makefile("rb") as lines:
            for line in lines:
                command = line.decode().strip()
                self.commands.append(command)
                channel.sendall(self._answer(command.upper()).encode())
                if command.upper() == "QUIT":
                    return

    def _answer(self, command: str) -> str:
        if command.startswith("EHLO"):
            names = ["mail.example.com", *self.extensions]
            return "".join(f"250{'-' if name != names[-1] else ' '}{name}\r\n" for name in names)
        return f"{self.noop if command == 'NOOP' else '221 bye'}\r\n"
