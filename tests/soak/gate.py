"""Callers who can be asked to pause, and the history of very many requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx

from tests.faults.history import Attempt, Caller, History, Job

_NO_HEADERS = httpx.Headers()
_PAUSE_SECONDS = 60.0


class Gate:
    """Each job of a caller passes through it. Within ``quiet()`` no job runs."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._open = True
        self._inside = 0

    def through(self, job: Job) -> Job:
        """The job, for as long as the gate is open."""

        def work(caller: Caller) -> None:
            with self._turn:
                self._turn.wait_for(lambda: self._open)
                self._inside += 1
            try:
                job(caller)
            finally:
                with self._turn:
                    self._inside -= 1
                    self._turn.notify_all()

        return work

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Begins when the last job is done."""
        with self._turn:
            self._open = False
            end = time.monotonic() + _PAUSE_SECONDS
            while self._inside:
                assert self._turn.wait(end - time.monotonic()), "a request has no end"
        try:
            yield
        finally:
            with self._turn:
                self._open = True
                self._turn.notify_all()


class LeanHistory(History):
    """Keeps of each request what the invariants ask for: of a good answer no more than its time."""

    def add(self, attempt: Attempt) -> None:
        if attempt.acknowledged:
            super().add(replace(attempt, headers=_NO_HEADERS, body=None))
            return
        headers = httpx.Headers({"Retry-After": attempt.headers.get("Retry-After", "")})
        super().add(replace(attempt, headers=headers, body=str(attempt.body)[:200]))
