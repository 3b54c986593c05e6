"""The disk of the database is full: what has to be written is refused as a whole, everything else goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from tests.faults.disk import MountForbidden, SmallDisk, small_disk
from tests.faults.history import Caller, History, load
from tests.faults.installation import (
    Chain,
    Installation,
    all_workers,
    client_credentials,
    documents,
    installation,
    introspection,
)
from tests.faults.people import People
from tests.faults.postgresql import OwnPostgreSQL, own_postgresql
from tests.faults.recovery import (
    NO_DATABASE,
    READY,
    UNREADY_WITHIN,
    assert_one_live_family_each,
    assert_recovered,
    assert_went_on,
    first_unready,
)
from tests.relying_party import TestUser
from tests.running import RunningServer

pytestmark = pytest.mark.slow

Figures = Callable[[str], None]
MEGABYTES = 160
FULL_WITHIN = 20.0
LOCAL_LIMITS = 6.0  # a process whose counters could not be written counts for itself, and stricter, for five seconds
SESSIONS = "SELECT count(*) FROM sessions WHERE user_id = ANY(%(ids)s::uuid[])"
SIGN_INS = "SELECT count(*) FROM audit_events WHERE event = 'user.signed_in' AND user_id = ANY(%(ids)s::uuid[])"
USERS = "SELECT count(*) FROM users WHERE id = ANY(%(ids)s::uuid[])"
CREATED = "SELECT count(*) FROM audit_events WHERE event = 'user.created' AND subject_id = ANY(%(ids)s)"
UNRECORDED = "SELECT (SELECT count(*) FROM users) - count(*) FROM audit_events WHERE event = 'user.created'"


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with ExitStack() as mounted:
        try:
            made = mounted.enter_context(small_disk(MEGABYTES))
        except MountForbidden as forbidden:
            pytest.skip(f"nothing can be mounted here: {forbidden}")
        yield made


class Visitors(People):
    """People who sign in once each, and clients who refresh, and what of it was acknowledged."""

    def __init__(self, site: Installation, server: RunningServer, postgresql: OwnPostgreSQL) -> None:
        super().__init__(site)
        self._site, self._server, self._postgresql = site, server, postgresql
        self._web, self._service = self.owner.first_party(), self.owner.client()
        grants = [self.owner.sign_in(self._web, self.owner.user()) for _ in range(6)]
        self.chains = [Chain(self._web, grant["refresh_token"]) for grant in grants]
        self.waiting = [self.owner.user() for _ in range(80)]
        self.signed_in: list[TestUser] = []
        self.refused: list[TestUser] = []

    def enter(self, caller: Caller) -> None:
        """The next who waits signs in, or is refused."""
        person = self.waiting.pop()
        (self.signed_in if self.sign_in(caller, person).acknowledged else self.refused).append(person)

    @contextmanager
    def come(self, history: History) -> Iterator[None]:
        """Within the block everything is asked for that needs the database, and what does not."""
        token = self.owner.token(self._service).get_json()["access_token"]
        reading, url = [client_credentials(self._service), introspection(self._service, token)], self._server.url
        with load(url, History(), *reading * 4, keep_alive=False):  # every worker gets to know the client
            time.sleep(0.5)
        with (
            load(url, history, *documents(), *reading, READY, pause=0.1),
            load(url, history, *(chain.keep_on for chain in self.chains), self.register, pause=0.02),
            load(url, history, self.enter, pause=0.3),
        ):
            time.sleep(1.5)
            yield

    def count(self, statement: str, people: list[TestUser]) -> int:
        """How many rows there are of these people."""
        with closing(psycopg2.connect(self._postgresql.url())) as connection, connection.cursor() as cursor:
            cursor.execute(statement, {"ids": [str(person.id) for person in people]})
            ((count,),) = cursor.fetchall()
        return int(count)

    def assert_every_fact_is_whole(self) -> None:
        """What was acknowledged is there with its record in the audit, and of the rest nothing is there by half."""
        for statement in (SESSIONS, SIGN_INS):
            assert self.count(statement, self.signed_in) == len(self.signed_in)
        for statement in (USERS, CREATED):
            assert self.count(statement, self.registered) == len(self.registered)
        assert self.count(UNRECORDED, []) == 0
        assert self.count(SESSIONS, self.refused) == self.count(SIGN_INS, self.refused)
        assert_one_live_family_each(self._site, self.chains, self._web)

    def assert_nothing_was_lost(self, history: History, ended: float) -> None:
        """What was acknowledged before, meanwhile and after is there, and whoever was refused gets what they want."""
        history.assert_failures_are_clean()
        assert_went_on(history, *NO_DATABASE, since=0)
        self.assert_every_fact_is_whole()
        assert_recovered(history, self._server, ended, self.chains)
        assert self.signed_in
        assert self.refused
        time.sleep(max(0.0, ended + LOCAL_LIMITS - time.monotonic()))
        with closing(Caller(self._server.url, history)) as caller:
            for person in self.refused[:3]:
                assert self.sign_in(caller, person).status == 200
        self.assert_every_fact_is_whole()


@contextmanager
def visitors(postgresql: OwnPostgreSQL, folder: Path) -> Iterator[Visitors]:
    """A server for them on that database, which loses no worker."""
    with installation(folder, postgresql.url()) as site, site.serving(client_cache_seconds=60) as server:
        workers = all_workers(server, 2)
        yield Visitors(site, server, postgresql)
        assert all_workers(server, 2) == workers, "a worker was lost"


def wait_until_refused(history: History, since: float) -> None:
    """Wait until the last free places within the pages of the tables are taken, and nothing can be written any more."""
    while True:
        latest = [history.of(name, since=since)[-count:] for name, count in (("refresh", 20), ("sign_in", 2))]
        if all(len(some) > 1 and {one.status for one in some} == {503} for some in latest):
            return
        assert time.monotonic() - since < FULL_WITHIN, history.describe(since=since)
        time.sleep(0.1)


def test_a_full_disk_refuses_what_has_to_be_written_x10(disk: SmallDisk, tmp_path: Path, figures: Figures) -> None:
    """All files of the database are on one small file system, of which somebody else takes the last free page.

    PostgreSQL has made the next file of its write-ahead log already, so it lives on, and says of every table that would
    have to grow: no space left on device."""
    history = History()
    with own_postgresql(disk.data) as postgresql, visitors(postgresql, tmp_path) as people:
        with people.come(history):
            postgresql.run("SELECT pg_switch_wal()", "CHECKPOINT")
            disk.fill()
            filled = time.monotonic()
            try:
                wait_until_refused(history, filled)
                full = time.monotonic()
                time.sleep(2)
            finally:
                freed = time.monotonic()
                disk.free()
            time.sleep(2)
        figures(f"full after {full - filled:.1f} s\n{history.describe(since=full, until=freed)}")
        assert "No space left on device" in (postgresql.data / "log").read_text()
        assert_went_on(history, "introspection", since=0)
        assert (people.count(SESSIONS, people.refused), people.count(SIGN_INS, people.refused)) == (0, 0)
        people.assert_nothing_was_lost(history, freed)


def test_a_database_that_cannot_write_its_log_loses_nothing_acknowledged_x10(tmp_path: Path, figures: Figures) -> None:
    """No file of the database takes another byte, not even its write-ahead log, so it has to stop.

    What makes the writes fail is a limit on the size of files, which needs no privileges: the error is EFBIG where a
    full disk gives ENOSPC, and PostgreSQL does the same. Its operator starts it again when there is space."""
    history = History()
    with own_postgresql() as postgresql, visitors(postgresql, tmp_path) as people:
        with people.come(history):
            full = time.monotonic()
            postgresql.limit_files(1)
            assert postgresql.gives_up() != 0
            time.sleep(2)
            began = time.monotonic()
            postgresql.start()
            freed = time.monotonic()
            time.sleep(3)
        figures(f"started within {freed - began:.1f} s\n{history.describe(since=full, until=freed)}")
        assert first_unready(history, full) - full < UNREADY_WITHIN
        people.assert_nothing_was_lost(history, freed)
