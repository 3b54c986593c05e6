"""A server is told to stop: under load beside another one, twice, by Ctrl-C, and with a request that never ends."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import psycopg2
import pytest

from tests.faults.balancer import Balancer
from tests.faults.history import Caller, History, load
from tests.faults.installation import Chain, Installation, all_workers, client_credentials, documents
from tests.faults.nginx import nginx_before
from tests.faults.postgresql import OwnPostgreSQL
from tests.running import RunningServer

pytestmark = pytest.mark.slow

Figures = Callable[[str], None]
GRACE_SECONDS = 2
MACHINE_SECONDS = 6  # what a busy machine may need on top to end a few processes


def chains_of(site: Installation, count: int) -> list[Chain]:
    """Signed-in people's chains of refresh tokens."""
    web = site.owner.first_party()
    return [Chain(web, site.owner.sign_in(web, site.owner.user())["refresh_token"]) for _ in range(count)]


def stop_one_under_load(site: Installation, url: str, stopping: RunningServer) -> History:
    """Ask by way of ``url``, on new and on kept connections, while one instance is told to stop and ends."""
    service, chains, history = site.owner.client(), chains_of(site, 6), History()
    jobs = [*documents(), client_credentials(service)]
    with (
        load(url, history, *jobs, *(chain.keep_on for chain in chains[:3]), pause=0.02, keep_alive=False),
        load(url, history, *jobs, *(chain.keep_on for chain in chains[3:]), pause=0.02),
    ):
        time.sleep(0.5)
        told = time.monotonic()
        stopping.process.send_signal(signal.SIGTERM)
        assert stopping.process.wait(timeout=30) == 0
        ended = time.monotonic()
        time.sleep(0.5)
    assert history.of(since=told, until=ended)
    assert history.of(since=ended)
    assert [chain.lost for chain in chains if chain.lost] == []
    return history


def test_no_client_of_a_balancer_sees_a_stop_x29(site: Installation, figures: Figures) -> None:
    with (
        site.serving(drain_seconds=1) as one,
        site.serving(drain_seconds=1) as other,
        Balancer(one, other) as balancer,
    ):
        history = stop_one_under_load(site, balancer.url, one)
    figures(history.describe())
    assert set(history.statuses()) == {200}, history.describe()


def test_no_client_of_nginx_sees_a_stop_x29(site: Installation, tmp_path: Path, figures: Figures) -> None:
    """Nginx does not ask who is ready: it goes on sending until connections are refused."""
    with (
        site.serving(drain_seconds=1) as one,
        site.serving(drain_seconds=1) as other,
        nginx_before(tmp_path, one, other) as url,
    ):
        history = stop_one_under_load(site, url, one)
    figures(history.describe())
    assert set(history.statuses()) == {200}, history.describe()


def test_a_request_that_is_being_answered_is_finished_x29(site: Installation, postgresql: OwnPostgreSQL) -> None:
    (chain,) = chains_of(site, 1)
    with (
        site.serving() as server,
        ThreadPoolExecutor(1) as thread,
        closing(Caller(server.url, History())) as caller,
        closing(psycopg2.connect(postgresql.url())) as lock,
    ):
        assert caller.ask("live", "GET", "/health/live").status == 200
        lock.cursor().execute("LOCK TABLE refresh_tokens IN ACCESS EXCLUSIVE MODE")
        answer = thread.submit(chain.refresh, caller)
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        lock.rollback()
        assert answer.result(timeout=30).status == 200
        assert server.process.wait(timeout=30) == 0


def test_it_says_at_once_that_it_drains_and_serves_on_until_told_again_x30(site: Installation) -> None:
    service, history = site.owner.client(), History()
    with site.serving(drain_seconds=60) as server, closing(Caller(server.url, history)) as caller:
        server.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        while caller.ask("ready", "GET", "/health/ready").status != 503:
            assert time.monotonic() - told < 2, "it went on saying that it was ready"
        unready = history.of("ready")[-1]
        assert unready.body == {"status": "unready", "failing": ["draining"]}
        assert int(unready.headers["Retry-After"]) >= 1
        with load(server.url, history, *documents(), client_credentials(service), keep_alive=False):
            time.sleep(1)
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGTERM)
        again = time.monotonic()
        assert server.process.wait(timeout=30) == 0
        assert time.monotonic() - again < MACHINE_SECONDS
    assert history.statuses("jwks", "discovery", "live", "client_credentials").keys() == {200}


def test_ctrl_c_ends_it_without_draining_x30(site: Installation) -> None:
    with site.serving(drain_seconds=60) as server:
        server.process.send_signal(signal.SIGINT)
        told = time.monotonic()
        assert server.process.wait(timeout=30) == 0
        assert time.monotonic() - told < MACHINE_SECONDS


@contextmanager
def half_a_request(server: RunningServer) -> Iterator[None]:
    """A client that announces a body and never sends all of it: its thread cannot finish."""
    head = (
        "POST /oauth/token HTTP/1.1\r\nHost: login.example.com\r\nContent-Length: 1000\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\ngrant_type="
    )
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as connection:
        connection.sendall(head.encode())
        time.sleep(0.5)
        yield


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stuck_request_does_not_hold_it_up_for_longer_than_its_grace_x30(
    site: Installation, how: signal.Signals
) -> None:
    with site.serving(grace_seconds=GRACE_SECONDS) as server, half_a_request(server):
        server.process.send_signal(how)
        told = time.monotonic()
        assert server.process.wait(timeout=30) == 0
        assert time.monotonic() - told < GRACE_SECONDS + MACHINE_SECONDS


def test_a_reload_replaces_the_workers_and_no_client_sees_it_x44(site: Installation, figures: Figures) -> None:
    """SIGHUP: the settings of a process come from its environment, so those it has stay."""
    service, history = site.owner.client(), History()
    with site.serving() as server:
        before = set(all_workers(server, 2))
        with load(server.url, history, *documents(), client_credentials(service), pause=0.02):
            time.sleep(0.5)
            server.process.send_signal(signal.SIGHUP)
            end = time.monotonic() + 30
            while before & set(all_workers(server, 2)):
                assert time.monotonic() < end, "the old workers stayed"
                time.sleep(0.1)
            time.sleep(0.5)
    figures(history.describe())
    assert set(history.statuses()) == {200}, history.describe()


def test_a_worker_that_hangs_does_not_hold_up_the_end_of_granian_x30(site: Installation) -> None:
    with site.serving("--server", "granian", grace_seconds=GRACE_SECONDS) as server:
        psutil.Process(all_workers(server, 2)[0]).suspend()
        server.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        assert server.process.wait(timeout=30) == 0
        assert time.monotonic() - told < GRACE_SECONDS + MACHINE_SECONDS


@pytest.mark.parametrize("server_kind", ["gunicorn", "granian"])
def test_nothing_of_a_server_is_left_behind(
    site: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server_kind: str
) -> None:
    """Its counters are in a folder of its own, which outlasts its workers and not the server."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    with site.serving("--server", server_kind, grace_seconds=GRACE_SECONDS) as server:
        assert len(list(tmp_path.glob("oidc-metrics-*"))) == 1
        if server_kind == "gunicorn":
            psutil.Process(all_workers(server, 2)[0]).terminate()
            all_workers(server, 2)
            assert server.request("GET", "/health/live").status_code == 200
            assert any(tmp_path.glob("oidc-metrics-*/*"))
    assert list(tmp_path.glob("oidc-metrics-*")) == []
