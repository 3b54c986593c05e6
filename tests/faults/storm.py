"""Many clients that send a form at the same moment and again whenever they may: a program of its own, so that its work
does not slow down those who measure. It reads a :class:`Storm` as JSON and prints what each request met."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from urllib.parse import urlencode, urlsplit

import httpx

from tests.faults.elsewhere import outcome_of, start_elsewhere
from tests.faults.history import Attempt, History


@dataclass(frozen=True)
class Storm:
    """Each of ``forms`` is posted to ``url`` by a client of its own, with ``headers`` and an address of its own, from
    ``begin`` on (seconds of the monotonic clock, which all processes share) until ``end``."""

    url: str
    forms: list[dict[str, str]]
    headers: dict[str, str]
    begin: float
    end: float


Seen = tuple[float, float, int | None, dict[str, str]]


def start(storm: Storm) -> subprocess.Popen[str]:
    """Let it loose."""
    return start_elsewhere("tests.faults.storm", asdict(storm))


def collect(process: subprocess.Popen[str], operation: str, history: History) -> None:
    """Wait for its end, and add what its clients saw."""
    seen: list[Seen] = outcome_of(process)
    for started, seconds, status, headers in seen:
        history.add(Attempt(operation, started, seconds, status, httpx.Headers(headers)))


def _client(storm: Storm, number: int, seen: list[Seen]) -> None:
    address = urlsplit(storm.url)
    headers = storm.headers | {
        "Host": "login.example.com", "Content-Type": "application/x-www-form-urlencoded",
        "X-Forwarded-For": f"198.51.100.{number}",
    }  # fmt: skip
    body = urlencode(storm.forms[number])
    time.sleep(max(0.0, storm.begin - time.monotonic()))
    while (started := time.monotonic()) < storm.end:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        try:
            connection.request("POST", address.path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except OSError:
            seen.append((started, time.monotonic() - started, None, {}))
            time.sleep(1)
        else:
            seen.append((started, time.monotonic() - started, answer.status, dict(answer.headers)))
            time.sleep(min(int(answer.headers.get("Retry-After", "1")), max(0.0, storm.end - time.monotonic())))
        finally:
            connection.close()


def main() -> None:
    """Be the storm."""
    storm = Storm(**json.load(sys.stdin))
    seen: list[Seen] = []
    clients = [threading.Thread(target=_client, args=(storm, number, seen)) for number in range(len(storm.forms))]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
