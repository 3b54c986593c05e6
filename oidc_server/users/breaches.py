"""Asking a service whether a password came to light in a breach, without telling it the password: by k-anonymity, the
first five characters of its SHA-1, as the range API of *Have I Been Pwned* has it (v3, Pwned Passwords).

A service that does not answer, or answers nonsense, accepts the password: the list of common ones was asked before. It
costs one second at most, and after a few failures nothing for a while."""

from __future__ import annotations

import hashlib
import http.client
import re
import socket
import ssl
import threading
import time
import unicodedata
from collections.abc import Callable
from contextlib import closing, suppress
from urllib.parse import urlsplit

from oidc_server.core import clock, metrics
from oidc_server.core.logs import get_logger

_SECONDS = 1.0
_ANSWER_BYTES = 1_048_576  # a usual one has 70 kB
_AT_ONCE = 4
_SHARE_OF_WAITING = 0.7
_FAILURES_BEFORE_A_PAUSE = 3
_PAUSE_SECONDS = 30
_PREFIX_CHARACTERS = 5
_HEADERS = {"Add-Padding": "true", "User-Agent": "oidc-server", "Connection": "close"}
_LINE = re.compile(rb"([0-9A-Fa-f]{35}):([0-9]{1,12})")


class NoAnswer(Exception):
    """The service could not be asked; the message says why, for the log."""


class BreachService:
    """The service at ``url``, which ends where the five characters begin; none when it is empty."""

    def __init__(self, url: str, ca_bundle: str = "") -> None:
        self._url = url
        self._parts = urlsplit(url)
        self._ca_bundle = ca_bundle
        self._context: ssl.SSLContext | None = None
        self._room = threading.BoundedSemaphore(_AT_ONCE)
        self._lock = threading.Lock()
        self._failures = 0
        self._pause_ends = 0.0

    def knows(self, password: str) -> bool:
        """Whether the password came to light; False too when the service does not say. It takes up to a second: never
        ask inside of a transaction."""
        if not self._url or not self._may_be_asked():
            return False
        normal = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
        digest = hashlib.sha1(normal, usedforsecurity=False).hexdigest().upper()
        try:
            counts = _counts(self._ask(digest[:_PREFIX_CHARACTERS]))
        except NoAnswer as error:
            self._note_failure(str(error))
            return False
        with self._lock:
            self._failures = 0
        return counts.get(digest[_PREFIX_CHARACTERS:].encode(), 0) > 0

    def _may_be_asked(self) -> bool:
        """Not during a pause. When it is over, one person's second is risked, and the others go on without."""
        with self._lock:
            now = clock.monotonic()
            if self._failures < _FAILURES_BEFORE_A_PAUSE:
                return True
            if now < self._pause_ends:
                return False
            self._pause_ends = now + _PAUSE_SECONDS
            return True

    def _note_failure(self, why: str) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= _FAILURES_BEFORE_A_PAUSE:
                self._pause_ends = clock.monotonic() + _PAUSE_SECONDS
        metrics.BREACH_SERVICE_FAILURES.inc()
        get_logger().warning("the breach service did not answer; the password was accepted without it", why=why)

    def _ask(self, prefix: str) -> bytes:
        """The answer, within the time, which includes waiting for a turn and finding the host.

        Raises :class:`NoAnswer`."""
        end = time.monotonic() + _SECONDS
        if not self._room.acquire(timeout=_SECONDS * _SHARE_OF_WAITING):
            raise NoAnswer("too many questions wait for their answer")
        question = _Question(self._connection, self._parts.path + prefix, self._room.release)
        try:
            question.start()
        except RuntimeError as error:  # this process may have no more threads
            self._room.release()
            raise NoAnswer(str(error)) from error
        question.join(max(0.0, end - time.monotonic()))
        if question.is_alive():
            question.abandon()
            raise NoAnswer(f"no answer within {_SECONDS:g} s")
        if question.failure is not None:
            raise NoAnswer(question.failure)
        return question.answer

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=_SECONDS)
        if self._context is None:
            context = ssl.create_default_context()
            if self._ca_bundle:
                context.load_verify_locations(self._ca_bundle)
            self._context = context
        return http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=self._context)


class _Question(threading.Thread):
    """One request, in a thread of its own: only so do a slow resolver and an answer that drips end in time."""

    def __init__(self, connect: Callable[[], http.client.HTTPConnection], path: str, end: Callable[[], None]) -> None:
        super().__init__(name="breach-service", daemon=True)
        self.answer = b""
        self.failure: str | None = None
        self._connect, self._path, self._end = connect, path, end
        self._connection: http.client.HTTPConnection | None = None
        self._is_abandoned = False

    def run(self) -> None:
        try:
            self._connection = self._connect()
            with closing(self._connection):
                self.answer = self._fetch(self._connection)
        except NoAnswer as error:
            self.failure = str(error)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.failure = f"{type(error).__name__}: {error}"
        finally:
            self._end()

    def abandon(self) -> None:
        """Wake the thread up, if it waits for the other side."""
        self._is_abandoned = True
        sock = self._connection.sock if self._connection is not None else None
        if sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not TLS's own, which is not for two threads

    def _fetch(self, connection: http.client.HTTPConnection) -> bytes:
        connection.connect()
        if self._is_abandoned:
            raise NoAnswer("the connection came too late")
        connection.request("GET", self._path, headers=_HEADERS)
        response = connection.getresponse()
        if response.status != http.client.OK:  # a redirection among them: nobody else is asked
            raise NoAnswer(f"the status is {response.status}")
        answer = response.read(_ANSWER_BYTES + 1)
        if len(answer) > _ANSWER_BYTES or response.length:  # what is left of the announced length
            raise NoAnswer("the answer is too long, or was cut off")
        return answer


def _counts(answer: bytes) -> dict[bytes, int]:
    """How often each suffix was found; those that only pad the answer have 0. Raises :class:`NoAnswer`."""
    counts = {}
    for line in answer.split():
        match = _LINE.fullmatch(line)
        if match is None:
            raise NoAnswer("the answer is not one of the range API")
        counts[match[1].upper()] = int(match[2])
    return counts
