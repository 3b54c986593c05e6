"""Processes and connections die in the middle of things: what was acknowledged stays, what is unknown is either."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy.exc import SQLAlchemyError

from tests.faults.history import Attempt, Caller, History, load
from tests.faults.installation import DOCUMENTS, Chain, Installation, all_workers, basic, documents, installation
from tests.faults.postgresql import OwnPostgreSQL
from tests.faults.proxy import Proxy
from tests.faults.recovery import assert_one_live_family_each, query
from tests.relying_party import TestClient, TestUser
from tests.running import RunningServer

pytestmark = pytest.mark.slow

Figures = Callable[[str], None]
WORKERS = 2


@pytest.fixture(params=["sqlite", "postgresql"])
def either_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """An installation on each kind of database."""
    if request.param == "postgresql":
        yield request.getfixturevalue("site")
        return
    with installation(tmp_path, f"sqlite:///{tmp_path}/test.sqlite3") as made:
        yield made


def test_killed_workers_are_replaced_and_nobody_loses_their_grant_x01_x35(
    either_site: Installation, figures: Figures
) -> None:
    """Eight clients refresh; whoever gets no answer sends the same token again, which the grace window allows."""
    site, history = either_site, History()
    web = site.owner.first_party()
    chains = [Chain(web, site.owner.sign_in(web, site.owner.user())["refresh_token"]) for _ in range(8)]
    dice, killed = random.Random(20), []
    with site.serving(workers=WORKERS) as server:
        with load(server.url, history, *(chain.keep_on for chain in chains), *documents(), pause=0.02):
            time.sleep(0.3)
            for _ in range(6):
                victim = dice.choice(all_workers(server, WORKERS))
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)
                time.sleep(0.2 + dice.random() * 0.3)
            time.sleep(0.5)
        assert not set(all_workers(server, WORKERS)) & set(killed)
        with closing(Caller(server.url, history)) as caller:
            assert [chain.refresh(caller).status for chain in chains] == [200] * len(chains)
    figures(history.describe())
    assert set(history.statuses()) <= {200, None}, history.describe()
    assert [chain.lost for chain in chains if chain.lost] == []
    assert min(len(chain.spent) for chain in chains) > len(killed)
    assert_one_live_family_each(site, chains, web)


class Registrar:
    """Registers clients and people without pause, and remembers whom the database acknowledged."""

    def __init__(self, site: Installation) -> None:
        self._site = site
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._register, daemon=True)
        self.clients: list[TestClient] = []
        self.people: list[TestUser] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._stop.set()
        self._thread.join(timeout=30)

    def _register(self) -> None:
        while not self._stop.is_set():
            try:
                self.clients.append(self._site.owner.client())
                self.people.append(self._site.owner.user())
            except SQLAlchemyError:
                time.sleep(0.05)  # unknown: done or not


def test_what_was_acknowledged_survives_a_crash_of_the_database_x03(
    site: Installation, postgresql: OwnPostgreSQL, figures: Figures
) -> None:
    """The database is killed while people refresh and the owner registers clients and people."""
    history, web = History(), site.owner.first_party()
    chains = [Chain(web, site.owner.sign_in(web, site.owner.user())["refresh_token"]) for _ in range(8)]
    with site.serving(workers=WORKERS) as server:
        jobs = [*documents(), *(chain.keep_on for chain in chains)]
        with Registrar(site) as registered, load(server.url, history, *jobs, pause=0.01):
            while len(registered.people) < 3:
                time.sleep(0.1)
            postgresql.kill()
            before = len(registered.people)
            time.sleep(0.3)
            postgresql.start()
            server.wait_until_ready()
            time.sleep(1)
        assert before < len(registered.people)
        history.assert_failures_are_clean()
        assert set(history.statuses(*DOCUMENTS)) == {200}, history.describe()
        with closing(Caller(server.url, history)) as caller:
            assert [chain.refresh(caller).status for chain in chains] == [200] * len(chains)
            data = {"grant_type": "client_credentials"}
            for client in registered.clients:
                answer = caller.ask("registered", "POST", "/oauth/token", data=data, auth=basic(client))
                assert answer.status == 200, client
    figures(f"{len(registered.clients)} clients, {len(registered.people)} people\n{history.describe()}")
    ids = ", ".join(f"'{person.id}'" for person in registered.people)
    found = query(site.settings.database_url, f"SELECT count(*) FROM users WHERE id IN ({ids})")
    assert found == [(len(registered.people),)]
    assert [chain.lost for chain in chains if chain.lost] == []
    assert_one_live_family_each(site, chains, web)


@contextmanager
def cutting(network: Proxy, *, answer_only: bool) -> Iterator[list[bytes]]:
    """Cut the first connection that commits a refresh token: before the database hears of it, or when it answers."""
    seen, cut = threading.Event(), list[bytes]()

    def now(data: bytes) -> bool:
        if b"EXECUTE insert_refresh_token" in data:
            seen.set()
        if seen.is_set() and not cut and b"COMMIT" in data:
            cut.append(data)
            return True
        return False

    network.let_through, network.cut_when = answer_only, now
    try:
        yield cut
    finally:
        network.cut_when = lambda _data: False


@pytest.fixture(scope="module")
def network(postgresql: OwnPostgreSQL) -> Iterator[Proxy]:
    """The network between the server and its database."""
    with Proxy(lambda: ("127.0.0.1", postgresql.port)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def server(site: Installation, postgresql: OwnPostgreSQL, network: Proxy) -> Iterator[RunningServer]:
    """A server that reaches its database by that network."""
    with site.serving(workers=1, database_url=postgresql.url(port=network.port)) as running:
        yield running


def test_a_refresh_whose_commit_is_cut_off_is_done_or_not_and_a_retry_gives_the_same_x04(
    site: Installation, server: RunningServer, network: Proxy
) -> None:
    web = site.owner.first_party()
    chain = Chain(web, site.owner.sign_in(web, site.owner.user())["refresh_token"])
    with closing(Caller(server.url, History())) as caller:
        for number, answer_only in enumerate([False, True, True, False, True], start=1):
            with cutting(network, answer_only=answer_only) as cut:
                refused = chain.refresh(caller)
            assert len(cut) == 1
            assert_unavailable(refused)
            done = query(
                site.settings.database_url,
                "SELECT count(*) FROM refresh_tokens WHERE authorization_id IN"
                f" (SELECT id FROM authorizations WHERE client_id = '{web.client_id}')",
            )
            assert done == [(number + 1 if answer_only else number,)]
            assert chain.refresh(caller).status == 200
            assert_one_live_family_each(site, [chain], web)


def test_a_sign_in_whose_commit_is_cut_off_is_never_half_done_x04(
    site: Installation, server: RunningServer, network: Proxy
) -> None:
    web, user = site.owner.first_party(), site.owner.user()
    data = {"grant_type": "password", "username": user.email, "password": user.password, "scope": "openid"}
    counted = [
        f"SELECT count(*) FROM sessions WHERE user_id = '{user.id.hex}'",
        f"SELECT count(*) FROM authorizations WHERE client_id = '{web.client_id}'",
        "SELECT count(*) FROM refresh_tokens JOIN authorizations a ON a.id = authorization_id"
        f" WHERE a.client_id = '{web.client_id}'",
        f"SELECT count(*) FROM audit_events WHERE event = 'user.signed_in' AND subject_id = '{user.id}'",
    ]
    expected = itertools.accumulate([0, 1, 1, 1])
    with closing(Caller(server.url, History())) as caller:
        for answer_only in (False, True):
            with cutting(network, answer_only=answer_only) as cut:
                refused = caller.ask("sign_in", "POST", "/oauth/token", data=data, auth=basic(web))
            assert len(cut) == 1
            assert_unavailable(refused)
            rows = [query(site.settings.database_url, statement)[0][0] for statement in counted]
            assert rows == [next(expected)] * len(counted)
            answer = caller.ask("sign_in", "POST", "/oauth/token", data=data, auth=basic(web))
            assert answer.status == 200, answer
            rows = [query(site.settings.database_url, statement)[0][0] for statement in counted]
            assert rows == [next(expected)] * len(counted)


def assert_unavailable(answer: Attempt) -> None:
    """The caller is told that nothing is certain, and to try again."""
    assert answer.status == 503, answer
    assert answer.body["error"] == "temporarily_unavailable"
    assert int(answer.headers["Retry-After"]) >= 1
