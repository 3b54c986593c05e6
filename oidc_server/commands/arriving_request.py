"""How much of a request has arrived, by the framing of RFC 9112 §2.1, §6.3 and §7.1.

It decides only how long to wait. What the bytes mean, and whether they are a request at all, is for the parser: what is
not understood here is waited for no longer, and the parser refuses it."""

from __future__ import annotations

import re

_HEAD_BYTES = 65536
_END = b"\r\n\r\n"
_AUTHORIZATION = b"\r\nauthorization:"
_FORWARDED_FOR = b"\r\nx-forwarded-for:"
_NAME_BYTES = 256
_LENGTH = re.compile(rb"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,8}")


class ArrivingRequest:
    """The bytes of a connection that no parser has seen; they begin with a request.

    ``body_limit`` is in bytes. A larger body is not waited for, because it will be refused."""

    def __init__(self, body_limit: int) -> None:
        self._body_limit = body_limit
        # Chunks have a frame each; of the smallest ones it is most of what is sent.
        self._limit = _HEAD_BYTES + 2 * body_limit
        self._bytes = bytearray()
        self._begin()

    def _begin(self) -> None:
        self._searched = 0
        self._head = b""  # in lower case, when all of it has arrived
        self._next_chunk = 0  # where its size stands; 0 while there are no chunks
        self._length: int | None = None  # of all of the request
        self.body_length: int | None = 0  # None: in chunks
        self.expects_continue = False
        self.is_cut = False

    @property
    def has_begun(self) -> bool:
        """Whether anything of it has arrived."""
        return bool(self._bytes)

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return len(self._bytes)

    @property
    def head_is_too_large(self) -> bool:
        """Whether no end of the head came within what a head may have."""
        return self._searched > _HEAD_BYTES

    @property
    def credentials(self) -> bytes:
        """The credentials of HTTP Basic, as they stand; empty without them."""
        start = self._head.find(_AUTHORIZATION)
        if start < 0:
            return b""
        start += len(_AUTHORIZATION)
        value = bytes(self._bytes[start : self._head.find(b"\r\n", start)]).strip(b" \t")
        return value if value[:6].lower() == b"basic " else b""

    @property
    def named_client(self) -> bytes:
        """What the form says that the client is, as it stands; empty when it says nothing."""
        start = self._bytes.find(b"client_id=", len(self._head))
        return b"" if start < 0 else bytes(self._bytes[start : start + _NAME_BYTES]).partition(b"&")[0]

    @property
    def forwarded_for(self) -> str:
        """The addresses that proxies have written down, of all such lines."""
        if _FORWARDED_FOR not in self._head:
            return ""
        lines = self._head.split(b"\r\n")
        name = _FORWARDED_FOR[2:]
        return ",".join(line[len(name) :].decode("latin-1") for line in lines if line.startswith(name))

    def add(self, data: bytes) -> None:
        """Take in what has come."""
        self._bytes += data

    def cut(self) -> None:
        """Wait for no more. What may still come cannot be told apart from a next request, so there will be none."""
        self.is_cut = True
        self._length = len(self._bytes)

    def is_complete(self) -> bool:
        """Whether there is nothing left to wait for."""
        if self._length is None and not self._next_chunk:
            self._look_for_head()
        if self._length is None and self._next_chunk:
            self._look_for_last_chunk()
        return self._length is not None and len(self._bytes) >= self._length

    def take(self) -> bytes:
        """The bytes of a complete request. What came after them begins the next one."""
        taken = bytes(self._bytes[: self._length])
        del self._bytes[: self._length]
        self._begin()
        return taken

    def _look_for_head(self) -> None:
        end = self._bytes.find(_END, max(0, self._searched - len(_END) + 1))
        if end >= 0:
            self._measure(bytes(self._bytes[: end + len(_END)]).lower())
            return
        self._searched = len(self._bytes)
        if self.head_is_too_large:
            self.cut()

    def _measure(self, head: bytes) -> None:
        """Find out from the head, in lower case, how long the body is."""
        self._head = head
        self.expects_continue = _field(head, b"\r\nexpect:") == b"100-continue"
        if _field(head, b"\r\ntransfer-encoding:") is not None:
            self.body_length, self._next_chunk = None, len(head)
            return
        announced = _field(head, b"\r\ncontent-length:")
        length = 0 if announced is None else int(announced) if _LENGTH.fullmatch(announced) else -1
        if 0 <= length <= self._body_limit:
            self.body_length, self._length = length, len(head) + length
        else:
            self.cut()

    def _look_for_last_chunk(self) -> None:
        while (line_end := self._bytes.find(b"\r\n", self._next_chunk)) >= 0:
            size = bytes(self._bytes[self._next_chunk : line_end]).partition(b";")[0].rstrip(b" \t")
            if not _CHUNK_SIZE.fullmatch(size):
                return self.cut()
            if int(size, 16) == 0:  # trailers follow, and then an empty line
                if (end := self._bytes.find(_END, line_end)) >= 0:
                    self._length = end + len(_END)
                    return None
                break
            self._next_chunk = line_end + 2 + int(size, 16) + 2
        return self.cut() if len(self._bytes) > self._limit else None


def _field(head: bytes, name: bytes) -> bytes | None:
    start = head.find(name)
    if start < 0:
        return None
    start += len(name)
    return head[start : head.find(b"\r\n", start)].strip(b" \t")
