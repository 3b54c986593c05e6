"""What clients saw: every request with its start, its end and its outcome. Tests judge by this and nothing inside."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.running import NO_TLS

logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each request would be all of a failure's report

_TIMEOUT = 60.0
HANG_SECONDS = 5.0


@dataclass(frozen=True)
class Attempt:
    """One request. ``status`` None: no answer came, so what became of it is unknown."""

    operation: str
    started: float
    seconds: float
    status: int | None
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    body: Any = None

    @property
    def acknowledged(self) -> bool:
        """Whether the server said that it was done."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def ended(self) -> float:
        return self.started + self.seconds


class History:
    """Attempts of many threads."""

    def __init__(self) -> None:
        self._attempts: list[Attempt] = []
        self._lock = threading.Lock()

    def add(self, attempt: Attempt) -> None:
        with self._lock:
            self._attempts.append(attempt)

    def of(self, *operations: str, since: float = 0.0, until: float = float("inf")) -> list[Attempt]:
        """The attempts at these operations (all, if none is named) that began in a span of time, in order."""
        with self._lock:
            chosen = [
                one for one in self._attempts
                if since <= one.started < until and (not operations or one.operation in operations)
            ]  # fmt: skip
        return sorted(chosen, key=lambda one: one.started)

    def statuses(self, *operations: str, since: float = 0.0, until: float = float("inf")) -> Counter[int | None]:
        """How often each status came."""
        return Counter(one.status for one in self.of(*operations, since=since, until=until))

    def seconds(self, share: float, *operations: str, since: float = 0.0, until: float = float("inf")) -> float:
        """The time within which this share of the answers came."""
        times = sorted(one.seconds for one in self.of(*operations, since=since, until=until))
        assert times, f"nobody asked for {operations}"
        return times[min(len(times) - 1, int(len(times) * share))]

    def describe(self, *operations: str, since: float = 0.0, until: float = float("inf")) -> str:
        """Statuses and times of each operation in words, for a failed assertion and for whoever wants the figures."""
        lines = []
        for name in operations or sorted({one.operation for one in self.of()}):
            if self.of(name, since=since, until=until):
                p50, p99, worst = (
                    self.seconds(share, name, since=since, until=until) * 1000 for share in (0.5, 0.99, 1)
                )
                statuses = dict(self.statuses(name, since=since, until=until))
                lines.append(f"{name}: {statuses}, p50 {p50:.0f} ms, p99 {p99:.0f} ms, worst {worst:.0f} ms")
        return "\n".join(lines)

    def assert_failures_are_clean(self, *, margin: float = 1.0) -> None:
        """Every failure is a 503 with Retry-After, in good time."""
        for one in self.of():
            assert one.status in {200, 503}, one
            assert one.status == 200 or int(one.headers["Retry-After"]) >= 1, one
            assert one.seconds < HANG_SECONDS + margin, one


class Caller:
    """An HTTP client of one thread that writes down what it sees; after a broken connection it makes a new one."""

    def __init__(self, url: str, history: History, *, keep_alive: bool = True) -> None:
        connections = 1 if keep_alive else 0
        self._http = httpx.Client(
            base_url=url, headers={"Host": "login.example.com"}, timeout=_TIMEOUT, trust_env=False,
            verify=NO_TLS, limits=httpx.Limits(max_connections=1, max_keepalive_connections=connections),
        )  # fmt: skip
        self.history = history

    def ask(self, operation: str, method: str, path: str, **arguments: Any) -> Attempt:
        """One request under the name ``operation``."""
        started = time.monotonic()
        try:
            answer = self._http.request(method, path, **arguments)
        except httpx.TransportError:
            attempt = Attempt(operation, started, time.monotonic() - started, None)
        else:
            kind = answer.headers.get("Content-Type", "")
            body = answer.json() if kind.startswith("application/json") and answer.content else answer.text
            seconds = time.monotonic() - started
            attempt = Attempt(operation, started, seconds, answer.status_code, answer.headers, body)
        self.history.add(attempt)
        return attempt

    def close(self) -> None:
        self._http.close()


Job = Callable[[Caller], object]


@contextmanager
def load(url: str, history: History, *jobs: Job, pause: float = 0.02, keep_alive: bool = True) -> Iterator[None]:
    """Within the block each job is done again and again by a thread of its own; it ends when its last answer came."""
    stop = threading.Event()
    faults: list[BaseException] = []

    def work(job: Job) -> None:
        caller = Caller(url, history, keep_alive=keep_alive)
        try:
            while not stop.is_set():
                job(caller)
                stop.wait(pause)
        except BaseException as fault:
            faults.append(fault)
            raise
        finally:
            caller.close()

    threads = [threading.Thread(target=work, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=_TIMEOUT)
    assert not faults, faults
    assert not any(thread.is_alive() for thread in threads)
