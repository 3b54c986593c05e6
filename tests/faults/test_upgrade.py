"""The schema changes while servers of the version before and of this one serve: nobody notices, and nothing is lost.

The old version is the code as it was before the newest migration. An ordinary run has both versions side by side for
some seconds; ``OIDC_TEST_SIDE_BY_SIDE_SECONDS=60`` makes that as long as a rolling upgrade may take."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.faults.balancer import Balancer
from tests.faults.history import load
from tests.faults.postgresql import ROLE, OwnPostgreSQL
from tests.faults.previous_version import Version, previous_version, this_version
from tests.faults.recovery import READY
from tests.faults.shape import shape_of
from tests.faults.traffic import LONGEST_SECONDS, Traffic
from tests.relying_party import TestClient, TestUser
from tests.running import RunningServer, environment

pytestmark = pytest.mark.slow

Figures = Callable[[str], None]
SIDE_BY_SIDE_SECONDS = float(os.environ.get("OIDC_TEST_SIDE_BY_SIDE_SECONDS", "3"))
READER_SECONDS = LONGEST_SECONDS + 1  # for which somebody reads on while a migration waits for a table
MIGRATION_SECONDS = 60
PATTERN, COPY, FRESH = "upgrade_pattern", "upgrade_copy", "upgrade_fresh"
# What has to happen before a migration must not be undone any more, for each that declares that this can be.
FORBIDDING = {
    "0002": ("db", "begin-epoch", "--yes"),
    "0003": (
        "clients", "create", "--name", "Diary", "--type", "confidential", "--subject-type", "pairwise",
        "--redirect-uri", "https://diary.example.com/cb",
    ),
    "0004": ("api-keys", "create", "--name", "Orders", "--scope", "users:read"),
    "0005": (
        "clients", "create", "--name", "Bank", "--type", "confidential", "--mfa", "required",
        "--redirect-uri", "https://bank.example.com/cb",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Ground:
    """An installation that the old version made; ``new`` is the version that takes over."""

    old: Version
    new: Version
    folder: Path
    url: str
    env: dict[str, str]
    database_log: Callable[[], str] = str

    def on(self, url: str) -> Ground:
        """The same on another database."""
        return replace(self, url=url, env=self.env | {"OIDC_DATABASE_URL": url})

    def serving(self, version: Version) -> AbstractContextManager[RunningServer]:
        return version.serving(self.env, self.folder / f"server-{secrets.token_hex(4)}.log")

    def register(self) -> TestUser:
        """Register a person by the old version's own command."""
        email, password = new_person()
        return TestUser(self.old.json(self.env, *create_user(email), given=password)["id"], email, password)

    def migrate(self, direction: str) -> tuple[int, str]:
        """Run the new version's ``db upgrade`` or ``db downgrade`` while a long transaction reads every table.

        The exit code, and what the command said. The reader ends when the migration has waited for it for a while."""
        with closing(psycopg2.connect(self.url)) as reader, reader.cursor() as cursor:
            cursor.execute("SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = 'public'")
            (tables,) = cursor.fetchone() or ("",)
            cursor.execute(f"LOCK TABLE {tables} IN ACCESS SHARE MODE")
            process, waits_since = self.new.start(self.env, "db", direction, "--json"), None
            end = time.monotonic() + MIGRATION_SECONDS / 2
            while process.poll() is None and time.monotonic() < end:
                cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND NOT granted")
                if waits_since is None and cursor.fetchone() != (0,):
                    waits_since = time.monotonic()
                    end = waits_since + READER_SECONDS
                time.sleep(0.05)
            reader.rollback()
        said, problem = process.communicate(timeout=MIGRATION_SECONDS)
        return process.returncode, said or f"{problem}{self.database_log()}"

    def shape(self) -> dict[str, Any]:
        """All that makes the schema."""
        return shape_of(self.url)


class Fleet(ExitStack):
    """Servers of the old version behind a balancer, replaced one by one."""

    def __init__(self, ground: Ground, count: int = 2) -> None:
        super().__init__()
        self._ground = ground
        self.servers = [self._started(ground.old) for _ in range(count)]
        self._balancer = self.enter_context(Balancer(*self.servers))
        self.url = self._balancer.url

    def _started(self, version: Version) -> RunningServer:
        """A server that does not drain when all is over."""
        server = self.enter_context(self._ground.serving(version))
        self.callback(server.stop, signal.SIGINT)
        return server

    def replace(self, number: int, version: Version) -> None:
        """Stop a server, and start one of ``version`` in its place."""
        stopped = self.servers[number]
        assert stopped.stop() == 0
        self.servers[number] = self._started(version)
        self._balancer.replace(stopped, self.servers[number])

    def migrate(self, direction: str, traffic: Traffic) -> tuple[int, str]:
        """:meth:`Ground.migrate` while each server is asked whether it is ready."""
        with ExitStack() as stack:
            for server in self.servers:
                stack.enter_context(load(server.url, traffic.history, READY, pause=0.1))
            return self._ground.migrate(direction)


def new_person() -> tuple[str, str]:
    """An address and a password that nobody has yet."""
    return f"{secrets.token_hex(6)}@example.com", secrets.token_urlsafe()


def create_user(email: str) -> tuple[str, ...]:
    """The command that registers a person, whose password it reads."""
    return ("users", "create", "--email", email, "--verified", "--password-stdin")


def set_up(ground: Ground, count: int) -> Traffic:
    """Make the schema, two clients and so many people, all by the old version's own commands."""
    client = ("clients", "create", "--name", "Test client", "--type")
    web = (*client, "confidential", "--first-party", "--grant", "password", "--grant", "refresh_token")
    known = [new_person() for _ in range(count)]
    _schema, *made = ground.old.several(
        ground.env,
        (("db", "upgrade"), ""),
        ((*web, "--scope", "openid profile email orders:read"), ""),
        ((*client, "service", "--scope", "orders:read tokens:read"), ""),
        *((create_user(email), password) for email, password in known),
    )
    clients = [TestClient(one["client_id"], one["client_secret"]) for one in made[:2]]
    people = [TestUser(one["id"], *person) for one, person in zip(made[2:], known, strict=True)]
    return Traffic(clients[0], clients[1], people)


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Version, Version]:
    """The old one and the new one."""
    return previous_version(tmp_path_factory.mktemp("old")), this_version()


def ground_on(url: str, versions: tuple[Version, Version], folder: Path, **settings: Any) -> Ground:
    """An installation with its keys in ``folder``."""
    return Ground(*versions, folder, url, environment(url, folder / "keys", **settings))


def refuse_to_rewrite(postgresql: OwnPostgreSQL, database: str) -> None:
    """Let a migration fail that makes PostgreSQL write a table anew.

    To a statement that waited for that, the table is empty (PostgreSQL's manual, 13.6: a rewrite is not MVCC-safe): a
    good token would not be found. That is a matter of milliseconds, which callers meet only now and then."""
    administrator = f"host=127.0.0.1 port={postgresql.port} user=postgres dbname={database}"
    with closing(psycopg2.connect(administrator)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse_rewrite() RETURNS event_trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE 'this migration writes % anew', pg_event_trigger_table_rewrite_oid()::regclass; END$$;"
            "CREATE EVENT TRIGGER no_rewrite ON table_rewrite EXECUTE FUNCTION refuse_rewrite()"
        )


@pytest.fixture(scope="module")
def made(
    versions: tuple[Version, Version], postgresql: OwnPostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Ground, Traffic]:
    """An installation that nobody uses: the pattern for those of the tests."""
    ground = ground_on(postgresql.url(PATTERN), versions, tmp_path_factory.mktemp("upgrade"), drain_seconds=2)
    postgresql.run(f"CREATE DATABASE {PATTERN} OWNER {ROLE}")
    refuse_to_rewrite(postgresql, PATTERN)
    ground = replace(ground, database_log=lambda: (postgresql.data / "log").read_text()[-1000:])
    return ground, set_up(ground, 2)


@pytest.fixture
def ground(made: tuple[Ground, Traffic], postgresql: OwnPostgreSQL) -> Iterator[Ground]:
    """An installation on PostgreSQL with the schema of the old version."""
    postgresql.run(f"CREATE DATABASE {COPY} TEMPLATE {PATTERN} OWNER {ROLE}")
    yield made[0].on(postgresql.url(COPY))
    postgresql.run(f"DROP DATABASE {COPY} WITH (FORCE)")


@pytest.fixture
def traffic(made: tuple[Ground, Traffic]) -> Traffic:
    """Those who use it."""
    return Traffic(made[1].web, made[1].service, list(made[1].people))


@pytest.fixture(scope="module")
def shapes(made: tuple[Ground, Traffic], postgresql: OwnPostgreSQL) -> dict[str, Any]:
    """The schema of each of the two revisions, made on an empty database."""
    postgresql.run(f"CREATE DATABASE {FRESH} OWNER {ROLE}")
    fresh = made[0].on(postgresql.url(FRESH))
    fresh.new.json(fresh.env, "db", "upgrade")
    return {fresh.old.revision: made[0].shape(), fresh.new.revision: fresh.shape()}


def test_versions_take_turns_and_nobody_notices_x31_x32(
    ground: Ground, traffic: Traffic, shapes: dict[str, Any], figures: Figures
) -> None:
    """Upgrade the schema; restart an old server on it; replace each; both are live for a while."""
    with Fleet(ground) as fleet:
        with traffic.under_way(fleet.url):
            code, words = fleet.migrate("upgrade", traffic)
            assert code == 0, words
            assert ground.shape() == shapes[ground.new.revision]
            fleet.replace(0, ground.old)
            fleet.replace(1, ground.new)
            old, new = fleet.servers
            until = time.monotonic() + SIDE_BY_SIDE_SECONDS
            traffic.assert_good_at_the_other(old, new)
            traffic.assert_good_at_the_other(new, old)
            time.sleep(max(0.0, until - time.monotonic()))
            fleet.replace(0, ground.new)
            time.sleep(0.5)
        figures(traffic.history.describe())
        traffic.assert_undisturbed()
        traffic.assert_kept(*fleet.servers)


def test_a_step_back_and_forward_under_load_loses_nothing_x34_x32(
    ground: Ground, traffic: Traffic, shapes: dict[str, Any], figures: Figures
) -> None:
    """Servers of the old version run on; somebody registers during each migration."""
    ground.new.json(ground.env, "db", "upgrade")
    with Fleet(ground) as fleet:
        with traffic.under_way(fleet.url), ThreadPoolExecutor(1) as registrar:
            for direction, revision in (("downgrade", ground.old.revision), ("upgrade", ground.new.revision)):
                registration = registrar.submit(ground.register)
                code, words = fleet.migrate(direction, traffic)
                assert code == 0, words
                traffic.people.append(registration.result())
                assert ground.shape() == shapes[revision]
        figures(traffic.history.describe())
        traffic.assert_undisturbed()
        traffic.assert_kept(*fleet.servers)


def test_a_forbidden_step_back_is_refused_and_disturbs_nobody_x34(ground: Ground, traffic: Traffic) -> None:
    (newest,) = (ground.new.folder / "migrations" / "versions").glob(f"{ground.new.revision}_*.py")
    if "def what_forbids_downgrade(" not in newest.read_text(encoding="utf-8"):
        pytest.skip(f"{newest.name} may always be taken back")
    ground.new.several(ground.env, (("db", "upgrade"), ""), (FORBIDDING[ground.new.revision], ""))
    before = ground.shape()
    with Fleet(ground, 1) as fleet:
        with traffic.under_way(fleet.url):
            code, words = fleet.migrate("downgrade", traffic)
        assert (code, f"The schema stays at {ground.new.revision}: " in words) == (1, True), words
        traffic.assert_undisturbed()
        traffic.assert_kept(*fleet.servers)
    assert ground.shape() == before


def test_versions_follow_each_other_on_sqlite_x31(versions: tuple[Version, Version], tmp_path: Path) -> None:
    """There is one server: the schema is upgraded under the old one, which restarts, and is replaced."""
    ground = ground_on(f"sqlite:///{tmp_path}/test.sqlite3", versions, tmp_path)
    traffic = set_up(ground, 1)
    with ground.serving(ground.old) as server:
        with traffic.under_way(server.url):
            assert ground.new.json(ground.env, "db", "upgrade")["after"] == ground.new.revision
        traffic.assert_kept(server)
    for version in versions:
        with ground.serving(version) as server:
            traffic.assert_kept(server)
    traffic.assert_undisturbed()
