"""A connection of a client, as gunicorn's threads know it, whose parser is given nothing but what has arrived.

So the parser and the application never wait for a client; the parser takes the end of what it was given for the end of
the connection."""

from __future__ import annotations

import select
import socket
import struct
from collections import deque
from collections.abc import Hashable
from contextlib import suppress
from enum import Enum, auto
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.parser import RequestParser

from oidc_server.commands.arriving_request import ArrivingRequest

_ANSWER_SECONDS = 10
_READ_BYTES = 16384
# The kernel would grow it to megabytes for a client that asks again and again and reads no answer.
_SEND_BUFFER_BYTES = 65536
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Arrival(Enum):
    """What reading from a connection came to."""

    COMPLETE = auto()
    INCOMPLETE = auto()
    ENDED = auto()


class Connection:
    """``queue`` is where it waits, since ``waits_since`` and until ``timeout``, in seconds of the monotonic clock."""

    is_http2 = False
    initialized = True

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any, body_limit: int) -> None:
        self.sock, self.client, self.server = sock, client, server
        self.parser: Any = RequestParser(cfg, iter(()), client)
        self.request = ArrivingRequest(body_limit)
        self.queue: deque[Connection] | None = None
        self.waits_since = self.timeout = 0.0
        self.counted_bytes = self.ignored_bytes = 0
        self.has_ended = False
        self.sender: Hashable = None  # of the request that has a thread; None while nobody asks
        self._body_length: int | None = 0
        self._is_cut = False
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _ANSWER_SECONDS, 0))
        self._room = select.poll()
        self._room.register(sock, select.POLLOUT)
        self._news = select.poll()
        self._news.register(sock, select.POLLIN)

    def init(self) -> None:
        """Nothing is left to do: gunicorn calls this before each request."""

    def close(self) -> None:
        """Close it at once."""
        with suppress(OSError):
            self.sock.close()

    def read(self) -> Arrival:
        """Take in what has come."""
        try:
            data = self.sock.recv(_READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return Arrival.INCOMPLETE
        except OSError:
            self.has_ended = True
            return Arrival.ENDED
        if not data:
            # A client that only sends no more can still be told what is wrong with half a request.
            self.has_ended = not self.request.has_begun
            self.request.cut()
            return Arrival.ENDED if self.has_ended else Arrival.COMPLETE
        self.request.add(data)
        if self.request.is_complete():
            return Arrival.COMPLETE
        if self.request.expects_continue:
            self.request.expects_continue = False
            with suppress(OSError):
                self.sock.send(_CONTINUE)
        return Arrival.INCOMPLETE

    def ignore(self) -> int | None:
        """Read without looking. How many bytes have been ignored so far; None when the client has closed its side."""
        try:
            data = self.sock.recv(_READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return self.ignored_bytes
        except OSError:
            return None
        self.ignored_bytes += len(data)
        return self.ignored_bytes if data else None

    def hand_over(self) -> None:
        """Give the complete request to the parser."""
        self._body_length, self._is_cut = self.request.body_length, self.request.is_cut
        if self.request.head_is_too_large:
            self.parser = _EndlessHead()
        else:
            self.parser.unreader.unread(self.request.take())

    def knows_where_it_ends(self, parsed: Any) -> bool:
        """Whether the parser found the body that was waited for: if not, a next request could begin anywhere."""
        return not self._is_cut and self._body_length == getattr(parsed.body.reader, "length", None)

    def has_parsed_all(self) -> bool:
        """Whether the parser has used all that it was given."""
        return not self.parser.unreader.buf.getvalue()

    def takes_answers(self) -> bool:
        """Whether there is room to send another answer."""
        return bool(self._room.poll(0))

    def hears_within(self, milliseconds: int) -> bool:
        """Whether something comes, or the end."""
        return bool(self._news.poll(milliseconds))


class _EndlessHead:
    """In the place of a parser."""

    def __next__(self) -> Any:
        raise LimitRequestHeaders("the head has no end")
