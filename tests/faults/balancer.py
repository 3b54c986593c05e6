"""A small load balancer: it asks each instance whether it is ready and sends connections only to those that are."""

from __future__ import annotations

import itertools
import threading
from types import TracebackType
from typing import Self

import httpx

from tests.faults.proxy import Address, Proxy
from tests.running import NO_TLS, RunningServer

CHECK_SECONDS = 0.1


class Balancer:
    """Takes turns between the instances whose ``/health/ready`` said 200 when it was last asked."""

    def __init__(self, *instances: RunningServer) -> None:
        self._addresses: dict[str, Address] = {one.url: _address(one) for one in instances}
        self._ready: list[Address] = []
        self._turn = itertools.count()
        self._stop = threading.Event()
        self._proxy = Proxy(self._choose)
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self._proxy.port}"

    def __enter__(self) -> Self:
        self._ask_all()
        self._thread.start()
        self._proxy.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=10)
        self._proxy.__exit__(kind, error, trace)

    def replace(self, instance: RunningServer, successor: RunningServer) -> None:
        """Take ``successor`` into the turn, and forget ``instance``, which has ended."""
        others = {url: address for url, address in self._addresses.items() if url != instance.url}
        self._addresses = others | {successor.url: _address(successor)}
        self._ask_all()

    def _choose(self) -> Address | None:
        ready = self._ready
        return ready[next(self._turn) % len(ready)] if ready else None

    def _watch(self) -> None:
        while not self._stop.wait(CHECK_SECONDS):
            self._ask_all()

    def _ask_all(self) -> None:
        self._ready = [address for url, address in self._addresses.items() if is_ready(url)]


def _address(instance: RunningServer) -> Address:
    return "127.0.0.1", int(instance.url.rpartition(":")[2])


def is_ready(url: str) -> bool:
    """What the instance says of itself."""
    try:
        return httpx.get(f"{url}/health/ready", timeout=2, verify=NO_TLS).status_code == 200
    except httpx.HTTPError:
        return False
