"""Workers are killed while they exchange codes: a code gives its tokens once or not at all, and a retry tells which."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.faults.history import Attempt, Caller, History, load
from tests.faults.installation import Installation, all_workers, basic, installation
from tests.faults.postgresql import OwnPostgreSQL
from tests.faults.proxy import Proxy
from tests.faults.recovery import query
from tests.running import RunningServer

pytestmark = pytest.mark.slow

Figures = Callable[[str], None]
# When a worker dies: the statement that it sends, and whether the database still hears of it.
MARK, INSERT, COMMIT = b"UPDATE authorization_codes", b"EXECUTE insert_refresh_token", b"COMMIT"
CRASHES = {
    "before the code is marked as used": (MARK, False),
    "after the code is marked as used": (MARK, True),
    "before the refresh token is written": (INSERT, False),
    "after the refresh token is written": (INSERT, True),
    "before the commit": (COMMIT, False),
    "after the commit and before the answer": (COMMIT, True),
}


@pytest.fixture(params=["sqlite", "postgresql"])
def either_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """An installation on each kind of database."""
    if request.param == "postgresql":
        yield request.getfixturevalue("site")
        return
    with installation(tmp_path, f"sqlite:///{tmp_path}/test.sqlite3") as made:
        yield made


class Person:
    """Somebody who is signed in to an app; ``exchanges`` are the attempts at each of their codes."""

    def __init__(self, site: Installation) -> None:
        self.app: App = make_app(site.owner, first_party=True)
        self.browser, self._site = Browser(site.owner.app), site
        self.exchanges: list[list[Attempt]] = []
        self.app.code(self.app.log_in(self.browser, site.owner.user(), scope="openid offline_access"))

    def new_code(self) -> str:
        """A code of the running session."""
        return self.app.code(self.app.open(self.browser, scope="openid offline_access"))

    def redeem(self, caller: Caller, code: str) -> Attempt:
        """Exchange the code once."""
        data = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.app.redirect_uri,
            "code_verifier": self.app.verifier,
        }  # fmt: skip
        return caller.ask("exchange", "POST", "/oauth/token", data=data, auth=basic(self.app.client))

    def exchange(self, caller: Caller) -> None:
        """A job: exchange a new code, and send it again after each answer that was lost."""
        code, end = self.new_code(), time.monotonic() + 30
        attempts = [self.redeem(caller, code)]
        self.exchanges.append(attempts)
        while attempts[-1].status in {None, 503} and time.monotonic() < end:
            time.sleep(0.05)
            attempts.append(self.redeem(caller, code))

    def live_families(self) -> int:
        """How many grants of the app are alive and have a refresh token that can be used."""
        ((count,),) = query(
            self._site.settings.database_url,
            "SELECT count(*) FROM authorizations a JOIN refresh_tokens r ON r.authorization_id = a.id"
            f" WHERE a.client_id = '{self.app.client.client_id}' AND a.revoked_at IS NULL AND r.used_at IS NULL",
        )
        return int(count)

    def is_alive(self, attempt: Attempt) -> bool:
        """Whether the tokens that an exchange gave are good now."""
        ask, client = self.app.server.introspect, self.app.client
        states = {bool(ask(client, attempt.body[name])["active"]) for name in ("access_token", "refresh_token")}
        assert len(states) == 1
        return states.pop()


def test_killed_workers_give_no_code_s_tokens_twice_x01_x35(either_site: Installation, figures: Figures) -> None:
    history, people, dice = History(), [Person(either_site) for _ in range(4)], random.Random(31)
    jobs = [person.exchange for person in people]
    with either_site.serving(workers=2) as server, load(server.url, history, *jobs, pause=0.01):
        for _ in range(6):
            time.sleep(0.2 + dice.random() * 0.3)
            os.kill(dice.choice(all_workers(server, 2)), signal.SIGKILL)
        time.sleep(0.5)
    figures(history.describe())
    for person in people:
        assert person.exchanges
        for attempts in person.exchanges:
            *lost, last = [attempt.status for attempt in attempts]
            assert set(lost) <= {None, 503}, lost
            assert last == 200 or (last == 400 and None in lost), (lost, last)
        acknowledged = [attempts[-1] for attempts in person.exchanges if attempts[-1].status == 200]
        assert all(person.is_alive(attempt) for attempt in acknowledged)
        assert person.live_families() == len(acknowledged)
    assert history.statuses()[None] > 0, "no answer was lost"


@pytest.fixture(scope="module")
def network(postgresql: OwnPostgreSQL) -> Iterator[Proxy]:
    """The network between the server and its database."""
    with Proxy(lambda: ("127.0.0.1", postgresql.port)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def server(site: Installation, postgresql: OwnPostgreSQL, network: Proxy) -> Iterator[RunningServer]:
    """A server with one worker, which reaches its database by that network."""
    with site.serving(workers=1, database_url=postgresql.url(port=network.port)) as running:
        yield running


@contextmanager
def killing(server: RunningServer, network: Proxy, statement: bytes, *, let_through: bool) -> Iterator[list[int]]:
    """Kill the worker that sends this statement of an exchange, before the database hears of it or once it has."""
    (victim,) = all_workers(server, 1)
    killed, marking = list[int](), list[bytes]()

    def now(data: bytes) -> bool:
        if MARK in data:
            marking.append(data)
        if marking and statement in data and not killed:
            killed.append(victim)
            os.kill(victim, signal.SIGKILL)
            return True
        return False

    network.let_through, network.cut_when = let_through, now
    try:
        yield killed
    finally:
        network.cut_when = lambda _data: False


@pytest.mark.parametrize(("statement", "let_through"), CRASHES.values(), ids=CRASHES.keys())
def test_a_worker_that_dies_has_exchanged_the_code_or_not_x01(
    site: Installation, server: RunningServer, network: Proxy, statement: bytes, let_through: bool
) -> None:
    """What was committed and never answered looks like a theft to the retry, so it ends; all else is as if never
    begun."""
    person, committed = Person(site), statement == COMMIT and let_through
    code = person.new_code()
    with closing(Caller(server.url, History(), keep_alive=False)) as caller:
        with killing(server, network, statement, let_through=let_through) as killed:
            assert person.redeem(caller, code).status is None
        assert len(killed) == 1
        server.wait_until_ready()
        assert person.live_families() == (1 if committed else 0)
        retry = person.redeem(caller, code)
        assert retry.status == (400 if committed else 200), retry
        assert person.live_families() == (0 if committed else 1)
        assert committed or person.is_alive(retry)
        again = person.redeem(caller, code)
        assert (again.status, again.body["error"]) == (400, "invalid_grant")
        assert person.live_families() == 0
