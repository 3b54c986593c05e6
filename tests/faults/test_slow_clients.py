"""Clients that send slowly or nothing or take no answers, and few file descriptors: others are served as ever.

No proxy stands before the server here, so nothing but the server itself protects its threads."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import pytest

from tests.faults.history import History, Job, load
from tests.faults.installation import Installation, all_workers, client_credentials, get, introspection
from tests.faults.slow_clients import KINDS, LARGE_BODY, SlowClients
from tests.running import RunningServer, free_port

pytestmark = pytest.mark.slow

Figures = Callable[[str], None]
USUAL_ATTACK_SECONDS = 4
WARM_UP_SECONDS = 0.5  # until both workers have opened what they need for others
IDLE_SECONDS, ARRIVAL_SECONDS = 15, 10  # the server's bounds: nothing of a request has come, and not all of it
MACHINE_SECONDS = 6  # what a busy machine may need on top
QUICK_SECONDS = 1.0
LACK_SECONDS = 2
DESCRIPTORS = 128
THREADS = 16
FEW = 12  # connections to the database that were opened meanwhile
QUICK = ("jwks", "live", "client_credentials", "introspection")

ATTACKS = {
    "by saying nothing": ("says nothing",),
    "by sending slowly": tuple(kind for kind in KINDS if "by bytes" in kind or "slow" in kind or "end inside" in kind),
    "by what is answered early": ("announces too much", "stays after a refusal", "waits to be told to go on"),
    "by taking no answers": ("takes no answers",),
}
ATTACK_SECONDS = {"by taking no answers": 6}  # they are ended later than others, and are to come again


@pytest.fixture(scope="module")
def running(site: Installation) -> Iterator[RunningServer]:
    """One server for most of these tests: each leaves it as it was."""
    with site.serving(threads=THREADS) as server:
        yield server


@pytest.fixture
def fresh(site: Installation) -> Iterator[RunningServer]:
    """A server of one's own, that has nothing open which it will close by itself: what it had is counted on."""
    with site.serving(threads=THREADS) as server:
        yield server


@dataclass
class Workers:
    """The worker processes of a server, as they are when all is quiet."""

    server: RunningServer

    def __post_init__(self) -> None:
        self.processes = [psutil.Process(worker) for worker in all_workers(self.server, 2)]
        self._before = self._possessions()

    def _possessions(self) -> list[tuple[int, int]]:
        return [(process.num_fds(), process.num_threads()) for process in self.processes]

    def processor_seconds(self) -> float:
        """What they have computed so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes)

    def limit_descriptors(self, spare: int | None) -> None:
        """Let each have so many more than it had when all was quiet; None: as many as it may have."""
        for process, (descriptors, _) in zip(self.processes, self._before, strict=True):
            _, most = process.rlimit(psutil.RLIMIT_NOFILE)
            process.rlimit(psutil.RLIMIT_NOFILE, (most if spare is None else descriptors + spare, most))

    def megabytes(self) -> float:
        """The memory of the larger one."""
        return max(process.memory_info().rss for process in self.processes) / 1e6

    def assert_as_before(self) -> None:
        """None was lost, and what they had opened for others is closed."""
        end = time.monotonic() + MACHINE_SECONDS
        while not all(
            now[0] <= before[0] + FEW and now[1] <= before[1] + THREADS
            for now, before in zip(self._possessions(), self._before, strict=True)
        ):
            assert time.monotonic() < end, (self._before, self._possessions())
            time.sleep(0.05)
        assert {process.pid for process in self.processes} == set(all_workers(self.server, 2))


def well_behaved_clients(site: Installation) -> list[Job]:
    """What others do meanwhile."""
    service = site.owner.client()
    token = site.owner.token(service).get_json()["access_token"]
    return [
        get("jwks", "/.well-known/jwks.json"), get("live", "/health/live"),
        client_credentials(service), introspection(service, token),
    ]  # fmt: skip


@contextmanager
def well_behaved(server: RunningServer, history: History, jobs: list[Job]) -> Iterator[None]:
    """Others within the block: some on a new connection each time, some on kept ones."""
    with load(server.url, history, *jobs, pause=0.06), load(server.url, history, *jobs, pause=0.06, keep_alive=False):
        yield


def assert_quick(history: History) -> None:
    """Everything was answered in good time."""
    assert set(history.statuses()) == {200}, history.describe()
    assert max(history.seconds(0.99, name) for name in QUICK) < QUICK_SECONDS, history.describe()


@pytest.mark.parametrize("attack", ATTACKS)
def test_slow_clients_leave_the_others_quick_and_nothing_behind_x37_w05(
    site: Installation, running: RunningServer, attack: str, figures: Figures
) -> None:
    history, jobs = History(), well_behaved_clients(site)
    with well_behaved(running, History(), jobs):
        time.sleep(WARM_UP_SECONDS)
    workers = Workers(running)
    with SlowClients(running, *ATTACKS[attack]) as slow, well_behaved(running, history, jobs):
        time.sleep(ATTACK_SECONDS.get(attack, USUAL_ATTACK_SECONDS))
    figures(f"{history.describe()}\nended and came again: {dict(slow.ends)}")
    assert_quick(history)
    workers.assert_as_before()


def test_every_slow_connection_is_ended_by_the_server_x37_w05(running: RunningServer, figures: Figures) -> None:
    """However a client goes on: fifteen seconds without a request, or ten with a part of one."""
    with SlowClients(running, *KINDS, count=3 * len(KINDS), once=True) as slow:
        end = time.monotonic() + IDLE_SECONDS + MACHINE_SECONDS
        while time.monotonic() < end and any(client.ended is None for client in slow.clients):
            time.sleep(0.1)
        lives = {client.kind: (client.ended or float("inf")) - client.began for client in slow.clients}
    figures("\n".join(f"{kind}: {seconds:.1f} s" for kind, seconds in lives.items()))
    assert all(client.ended for client in slow.clients), lives
    assert lives["says nothing"] > IDLE_SECONDS - 1
    assert lives["sends headers by bytes"] > ARRIVAL_SECONDS - 1


def test_what_slow_clients_have_sent_does_not_fill_the_memory_x37(site: Installation, figures: Figures) -> None:
    """They send 240 MB and nothing of it is a whole request: a worker keeps 32 MiB at most."""
    history, live = History(), get("live", "/health/live")
    with site.serving(body_limit=LARGE_BODY) as server, load(server.url, history, live, pause=0.1):
        workers = Workers(server)
        before = most = workers.megabytes()
        with SlowClients(server, "sends most of a large body") as slow:
            for _ in range(10 * USUAL_ATTACK_SECONDS):
                time.sleep(0.1)
                most = max(most, workers.megabytes())
    figures(f"{before:.0f} MB, then at most {most:.0f} MB; ended: {slow.ends.total()}\n{history.describe()}")
    assert slow.ends.total() > 0
    assert most - before < 80
    assert set(history.statuses()) == {200}


@contextmanager
def serving_with_few_descriptors(site: Installation) -> Iterator[RunningServer]:
    """A server whose shell has lowered the limit."""
    port, log = free_port(), site.folder / "few-descriptors.log"
    command = [
        "sh", "-c", f'ulimit -n {DESCRIPTORS} && exec "$@"', "sh", sys.executable, "-m", "oidc_server.commands",
        "serve", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", str(THREADS),
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=site.environment(), stdout=output, stderr=output)
    server = RunningServer(process, f"http://127.0.0.1:{port}", log)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def test_more_idle_connections_than_descriptors_hold_nobody_up_x37(site: Installation, figures: Figures) -> None:
    history, jobs = History(), well_behaved_clients(site)
    with serving_with_few_descriptors(site) as server:
        with well_behaved(server, History(), jobs):
            time.sleep(WARM_UP_SECONDS)
        workers = Workers(server)
        with well_behaved(server, history, jobs), SlowClients(server, "says nothing", "sends headers by bytes"):
            time.sleep(USUAL_ATTACK_SECONDS)
            most = max(process.num_fds() for process in workers.processes)
        figures(f"{history.describe()}\nat most {most} file descriptors of {DESCRIPTORS}")
        assert_quick(history)
        assert most < DESCRIPTORS
        workers.assert_as_before()
        assert "file descriptor" not in server.log.read_text()


def test_an_unexpected_lack_of_descriptors_neither_ends_a_worker_nor_makes_it_spin_x37(
    fresh: RunningServer, figures: Figures
) -> None:
    """The limit is lowered under a server that counted on more: first a little, then so far that nobody is accepted.

    Who was served before the crowd came is served on."""
    history, live = History(), get("live", "/health/live")
    with load(fresh.url, History(), live):
        time.sleep(0.5)
    workers = Workers(fresh)
    spent = {}
    for spare in (20, -5):
        workers.limit_descriptors(spare)
        before = workers.processor_seconds()
        with load(fresh.url, history, *([live] if spare > 0 else []), pause=0.1):
            time.sleep(0.5)
            with SlowClients(fresh, "says nothing"):
                time.sleep(LACK_SECONDS)
        spent[spare] = workers.processor_seconds() - before
    assert "There is no file descriptor for another connection." in fresh.log.read_text()
    workers.limit_descriptors(None)
    figures(f"processor seconds in {LACK_SECONDS} s: {spent}\n{history.describe()}")
    assert max(spent.values()) < LACK_SECONDS / 3
    assert set(history.statuses()) == {200}, history.describe()
    assert fresh.request("GET", "/health/ready").status_code == 200
    workers.assert_as_before()
