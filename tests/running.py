"""A server as its operator runs it: real processes on loopback, started by the product's own command."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ISSUER = "https://login.example.com"
_START_SECONDS = 30
_PROGRAM = ("-m", "oidc_server.commands")
# The same, but for the least cost of a password hash. A real one takes a processor for a third of a second, which most
# tests of faults and load are not about.
_WITH_CHEAP_HASHES = (
    "-c",
    "from oidc_server.core import settings_checks; settings_checks.LEAST_HASH_ROUNDS = 4;"
    "from oidc_server.commands import main; main()",
)
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # httpx would read all CA certificates for each request


def free_port() -> int:
    """A port on loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(database_url: str, keys: Path, **settings: Any) -> dict[str, str]:
    """The environment of a production server for a test."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OIDC_")}
    values = {
        "OIDC_ISSUER": ISSUER,
        "OIDC_DATABASE_URL": database_url,
        "OIDC_SECRET_KEY": secrets.token_urlsafe(48),
        "OIDC_MASTER_KEY": secrets.token_urlsafe(48),
        "OIDC_KEY_DIRECTORY": str(keys),
        "OIDC_DRAIN_SECONDS": "0",
        "OIDC_TRUSTED_PROXIES": "127.0.0.1",
    }
    return inherited | values | {f"OIDC_{name.upper()}": str(value) for name, value in settings.items()}


@dataclass
class RunningServer:
    """One ``oidc-server serve`` and where it listens."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request on a connection of its own, through the name of the issuer."""
        headers = {"Host": "login.example.com", **arguments.pop("headers", {})}
        return httpx.request(method, self.url + path, headers=headers, timeout=30, verify=NO_TLS, **arguments)

    def wait_until_ready(self) -> None:
        """Wait until the server says that it is ready; fail with its log when it does not."""
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/health/ready", timeout=2, verify=NO_TLS).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"the server did not become ready:\n{self.log.read_text()}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the server; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=30)


@contextmanager
def serving(
    env: dict[str, str],
    log: Path,
    *arguments: str,
    workers: int = 2,
    threads: int = 16,
    folder: Path | None = None,
) -> Iterator[RunningServer]:
    """Run ``oidc-server serve`` until the block ends, in ``folder``: Python looks for the package there first. Where
    ``env`` says what a password hash shall cost, it may cost less than in production."""
    port = free_port()
    program = _WITH_CHEAP_HASHES if "OIDC_PASSWORD_HASH_ROUNDS" in env else _PROGRAM
    command = [
        sys.executable, *program, "serve", "--bind", f"127.0.0.1:{port}",
        "--workers", str(workers), "--threads", str(threads), *arguments,
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=output, stderr=output)
    server = RunningServer(process, f"http://127.0.0.1:{port}", log)
    try:
        server.wait_until_ready()
        yield server
    finally:
        try:
            server.stop()
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
