"""X46: one client sends a hundred times as much as others, who are answered about as quickly as without it.

Quiet spells and noisy ones take turns in one run, because the machine itself changes. The server has a processor for
itself, and everybody else another one: there a few milliseconds, the floors here, pass between clients and database
whatever the server does. With one line for all requests the quiet clients' median is far above its floor."""

from __future__ import annotations

import signal
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from bench.machine import on_processor, placement
from tests.faults.history import History
from tests.faults.installation import Installation
from tests.faults.neighbours import Neighbour, Street, collect, start
from tests.faults.postgresql import OwnPostgreSQL
from tests.relying_party import TestClient
from tests.running import RunningServer

pytestmark = pytest.mark.slow

Figures = Callable[[str], None]
SPELL_SECONDS = 1.5
SPELLS = 3  # of each kind of noise
SETTLING_SECONDS = 0.2
PAUSE_SECONDS = 0.1
NOISY_CONNECTIONS = 300
MEDIAN_FLOOR, P99_FLOOR = 0.006, 0.015  # seconds
ATTEMPTS = 6


def post(path: str, client: TestClient, **form: str) -> str:
    """A form with the client's credentials, as it goes over the wire."""
    body = urlencode(form)
    return (
        f"POST {path} HTTP/1.1\r\nHost: login.example.com\r\nAuthorization: {client.basic['Authorization']}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )


def jwks(address: str) -> str:
    """A request for the keys that a proxy passes on."""
    return (
        f"GET /.well-known/jwks.json HTTP/1.1\r\nHost: login.example.com\r\nX-Forwarded-For: {address}\r\n\r\n"
    )  # fmt: skip


@dataclass(frozen=True)
class Inhabitants:
    """The clients of a test."""

    quiet: list[Neighbour]
    noisy: dict[str, Neighbour]


def neighbourhood(site: Installation) -> Inhabitants:
    """Six quiet clients with about ten requests a second each, and noisy ones."""
    quiet = []
    for number, keep_alive in enumerate((True, False), start=1):
        service = site.owner.client()
        token = site.owner.token(service).get_json()["access_token"]
        wishes = {
            "token": post("/oauth/token", site.owner.client(), grant_type="client_credentials"),
            "introspection": post("/oauth/introspect", service, token=token),
            "jwks": jwks(f"198.51.100.{number}"),
        }
        quiet += [
            Neighbour(f"{wish} {number}", request, pause=PAUSE_SECONDS, keep_alive=keep_alive)
            for wish, request in wishes.items()
        ]
    noisy = {
        "tokens": post("/oauth/token", site.owner.client(), grant_type="client_credentials"),
        "keys": jwks("203.0.113.9"),
    }
    return Inhabitants(quiet, {kind: Neighbour(kind, request, NOISY_CONNECTIONS) for kind, request in noisy.items()})


class Run:
    """A quiet spell before each noisy one, where the kinds of noise take turns, and what everybody met in each."""

    def __init__(self, server: RunningServer, quiet: list[Neighbour], noisy: list[Neighbour]) -> None:
        self.names = [one.name for one in quiet]
        self.calm, self.loud = History(), defaultdict[str, History](History)
        self._begin = time.monotonic() + 2
        self._spells = [kind for one in noisy for kind in ("", one.name)] * SPELLS
        port, seen = int(server.url.rpartition(":")[2]), History()
        asking = [start(Street(port, quiet, [(self._begin - 0.5, self._bounds(len(self._spells) - 1)[1])]))]
        asking += [start(Street(port, [one], self._spells_of(one.name), niceness=5)) for one in noisy]
        for process in asking:
            collect(process, seen)
        for attempt in seen.of(since=self._begin):
            spell, since = divmod(attempt.started - self._begin, SPELL_SECONDS)
            kind = self._spells[min(int(spell), len(self._spells) - 1)]
            if attempt.operation == kind or since > SETTLING_SECONDS:
                (self.loud[kind] if kind else self.calm).add(attempt)

    def _bounds(self, number: int) -> tuple[float, float]:
        return self._begin + number * SPELL_SECONDS, self._begin + (number + 1) * SPELL_SECONDS

    def _spells_of(self, kind: str) -> list[tuple[float, float]]:
        return [self._bounds(number) for number, other in enumerate(self._spells) if other == kind]

    def excess(self, kind: str) -> dict[str, float]:
        """By how much this noise delays each client: 1 is the bound, twice the time that it takes without.

        One in a hundred is hardly one of a client's requests here, so that clients of a sort are taken together."""
        excess = {}
        for name in self.names:
            alike = [other for other in self.names if other.split()[0] == name.split()[0]]
            for share, floor, names in ((0.5, MEDIAN_FLOOR, [name]), (0.99, P99_FLOOR, alike)):
                calm, loud = (met.seconds(share, *names) for met in (self.calm, self.loud[kind]))
                excess[f"{name} p{share * 100:.0f}"] = loud / max(2 * calm, floor)
        return excess

    def assert_noisy(self, kind: str) -> None:
        """All were answered, and one of them fifty times as often as any other."""
        most = max(len(self.loud[kind].of(name)) for name in self.names)
        assert len(self.loud[kind].of(kind)) > 50 * most, "it was not noisy"
        assert set(self.loud[kind].statuses()) == set(self.calm.statuses()) == {200}

    def describe(self) -> str:
        words = {"quiet": self.calm} | {f"noise of {kind}": met for kind, met in self.loud.items()}
        return "\n".join(f"{what}:\n{met.describe()}" for what, met in words.items())


@pytest.fixture
def _unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs that a test starts are not traced for coverage, which would take most of their time."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@contextmanager
def serving_apart(site: Installation, postgresql: OwnPostgreSQL) -> Iterator[RunningServer]:
    """The server with one process on one processor; this process, its clients and the database on another."""
    where = placement()
    if where.server == where.load:
        pytest.skip("this machine does not give the server a processor of its own")
    with on_processor(where.load), postgresql.on_processor(where.load), ExitStack() as stack:
        with on_processor(where.server):
            server = stack.enter_context(site.serving(workers=1))
        yield server


@pytest.mark.alone
@pytest.mark.usefixtures("_unmeasured")
def test_one_client_that_sends_very_much_delays_no_other_x46(
    site: Installation, postgresql: OwnPostgreSQL, figures: Figures
) -> None:
    """The best of a few runs counts, for each client: what the server does wrong it does in each of them."""
    people = neighbourhood(site)
    excesses: dict[str, list[dict[str, float]]] = {kind: [] for kind in people.noisy}
    with serving_apart(site, postgresql) as server:
        for _ in range(ATTEMPTS):
            kinds = [kind for kind, excess in excesses.items() if not is_bearable(excess)]
            if not kinds:
                return
            run = Run(server, people.quiet, [people.noisy[kind] for kind in kinds])
            figures(run.describe())
            for kind in kinds:
                run.assert_noisy(kind)
                excesses[kind].append(run.excess(kind))
    assert all(map(is_bearable, excesses.values())), f"others wait for the noisy client: {excesses}"


def is_bearable(excesses: list[dict[str, float]]) -> bool:
    """Whether each client was hardly delayed in at least one of the runs."""
    return bool(excesses) and all(min(one[what] for one in excesses) < 1 for what in excesses[0])


def test_a_client_that_is_alone_has_the_server_for_itself_x46(site: Installation, figures: Figures) -> None:
    """What one client is given in a second, alone, is no less than what sixty get together that ask the same."""
    request = post("/oauth/token", site.owner.client(), grant_type="client_credentials")
    crowd = [post("/oauth/token", site.owner.client(), grant_type="client_credentials") for _ in range(60)]
    shares = []
    with site.serving() as server:
        port = int(server.url.rpartition(":")[2])
        for _ in range(ATTEMPTS):
            counts = []
            for neighbours in ([Neighbour("alone", request, 60)], [Neighbour("one", one) for one in crowd]):
                begin, seen = time.monotonic() + 1, History()
                collect(start(Street(port, neighbours, [(begin, begin + 2)])), seen)
                assert set(seen.statuses()) == {200}
                counts.append(len(seen.of(since=begin + 0.5)))
            shares.append(counts[0] / counts[1])
            if shares[-1] > 0.8:
                break
    figures(f"alone, of what many get: {shares}")
    assert max(shares) > 0.8


def test_what_waits_for_its_turn_when_the_server_stops_is_answered_x46_x29(site: Installation) -> None:
    """Two clients, so that turns are taken; all of it was sent before the server was told."""
    requests = [post("/oauth/token", site.owner.client(), grant_type="client_credentials").encode() for _ in range(2)]
    with site.serving() as server, ExitStack() as stack:
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        connections = [stack.enter_context(socket.create_connection(address, timeout=20)) for _ in range(300)]
        for number, connection in enumerate(connections):
            connection.sendall(requests[number % 10 == 0])
        server.process.send_signal(signal.SIGTERM)
        answers = [connection.recv(65536) for connection in connections]
        assert {answer[:12] for answer in answers} == {b"HTTP/1.1 200"}
        told_to_go = sum(b"\r\nconnection: close" in answer.lower() for answer in answers)
        assert told_to_go > 20, "hardly anything was waiting when it stopped"
        assert server.process.wait(timeout=30) == 0
