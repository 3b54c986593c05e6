"""Server processes under measurement: started on one processor, watched from outside, stopped by their own id."""

import http.client
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.load import Address
from bench.machine import on_processor

ISSUER = "https://bench.example.com"
HOST = "bench.example.com"
HEALTH = "/health/live"
_START_SECONDS = 20.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.002
# What the environment of whoever runs this must not bring into the measurement.
_FOREIGN = ("OIDC_", "PROMETHEUS_", "GUNICORN_")


class ServerFailed(Exception):
    """A server did not start; the text is the end of its log."""


@dataclass(frozen=True)
class Memory:
    """The memory of one process in MB (10^6 bytes): its own pages, its share of all, everything mapped."""

    uss: float
    pss: float
    rss: float


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, its first process, its log, and how long it took to answer, in seconds."""

    address: Address
    process: psutil.Popen
    log: Path
    first_answer: float

    def processor_seconds(self) -> float:
        """User and system time of the server's processes so far."""
        return processor_seconds(self.process.pid)

    def worker_memory(self) -> Memory:
        """The memory of the one worker process: below the first process, the one that holds the application."""
        worker = max(self.process.children(), key=lambda child: child.memory_info().rss)
        info = worker.memory_full_info()
        return Memory(uss=info.uss / 1e6, pss=getattr(info, "pss", 0) / 1e6, rss=info.rss / 1e6)


def processor_seconds(pid: int) -> float:
    """User and system time of a process and all its descendants that are alive."""
    root = psutil.Process(pid)
    seconds = 0.0
    for process in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess, OSError):  # PostgreSQL's helpers come and go
            seconds += _own_processor_seconds(process)
    return seconds


def _own_processor_seconds(process: psutil.Process) -> float:
    """To the nanosecond on Linux: what /proc tells comes in hundredths of a second."""
    if platform.system() == "Linux":
        # The clock of another process, as clock_getcpuclockid(3) makes it; Python does not offer that function.
        return time.clock_gettime((~process.pid << 3) | 2)
    times = process.cpu_times()
    return float(times.user + times.system)


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: this one without settings of a server, and with ``extra``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return kept | dict(extra)


def free_port() -> int:
    """A port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve_command(port: int, kind: str = "gunicorn") -> list[str]:
    """The product's own command, with one worker."""
    program = str(Path(sys.executable).with_name("oidc-server"))
    return [program, "serve", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--server", kind]


@contextmanager
def running(
    command: Sequence[str], port: int, settings: Mapping[str, str], log: Path, processor: int | None, path: str = HEALTH
) -> Iterator[Server]:
    """Run a server on one processor until the block ends; it is entered at the first answer to ``path``.

    Its log goes to a file, whole. Raises :class:`ServerFailed`."""
    with log.open("ab") as output, on_processor(processor):
        started = time.perf_counter()
        process = psutil.Popen(
            command, env=environment(settings), stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
    address = ("127.0.0.1", port)
    try:
        yield Server(address, process, log, _first_answer(process, address, path, started, log))
    finally:
        _stop(process)


def get(address: Address, path: str) -> tuple[int, bytes]:
    """One GET request: the status and the body."""
    connection = http.client.HTTPConnection(*address, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": HOST})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _first_answer(process: psutil.Popen, address: Address, path: str, started: float, log: Path) -> float:
    while (elapsed := time.perf_counter() - started) < _START_SECONDS:
        if process.poll() is not None:
            break
        try:
            if get(address, path)[0] == http.client.OK:
                return time.perf_counter() - started
        except OSError:
            time.sleep(_POLL_SECONDS)
    raise ServerFailed(f"no answer after {elapsed:.1f} s:\n" + "\n".join(log.read_text().splitlines()[-15:]))


def _stop(process: psutil.Popen) -> None:
    descendants = process.children(recursive=True) if process.poll() is None else []
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except psutil.TimeoutExpired:
        process.kill()
    for left in psutil.wait_procs(descendants, timeout=_STOP_SECONDS)[1]:
        left.kill()
