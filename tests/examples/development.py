"""``oidc-server dev`` as a process of its own, on free ports of loopback, with data of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.running import NO_TLS, free_port

_SECONDS = 60


@dataclass
class DevelopmentServer:
    """A running one, at ``issuer``."""

    process: subprocess.Popen[bytes]
    issuer: str
    data: Path
    output: Path

    @property
    def printed(self) -> str:
        """All that it wrote, its log too."""
        return self.output.read_text()

    @property
    def facts(self) -> dict[str, Any]:
        """What it printed as JSON."""
        facts: dict[str, Any] = json.JSONDecoder().raw_decode(self.printed)[0]
        return facts

    @property
    def demo_app(self) -> str:
        """The address of its demo app."""
        return str(self.facts["demo_app"])


@contextmanager
def developing(folder: Path, *arguments: str) -> Iterator[DevelopmentServer]:
    """Run the development server until the block ends; its data stay in ``folder``."""
    port, data, output = free_port(), folder / "data", folder / "printed"
    command = [
        sys.executable, "-m", "oidc_server.commands", "dev", "--port", str(port), "--data", str(data), *arguments,
    ]  # fmt: skip
    with output.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT)
    server = DevelopmentServer(process, f"http://127.0.0.1:{port}", data, output)
    try:
        until(lambda: answers(f"{server.issuer}/health/ready") or process.poll() is not None)
        assert process.poll() is None, server.printed
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


def answers(url: str) -> bool:
    """Whether something answers there, and well."""
    try:
        return httpx.get(url, timeout=5, verify=NO_TLS).is_success
    except httpx.HTTPError:
        return False


def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds; fail when it does not in a minute."""
    end = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
