"""Key stores for tests: a directory, and a table on each database; each is opened as often as there are processes."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from oidc_server.core import clock
from oidc_server.core.crypto import Sealer
from oidc_server.core.database import Database, make_engine
from oidc_server.keys import service
from oidc_server.keys.database_store import DatabaseStore
from oidc_server.keys.directory_store import DirectoryStore
from oidc_server.keys.lifecycle import Policy
from oidc_server.keys.models import SigningKeyRow
from oidc_server.keys.ring import KeyRing
from oidc_server.keys.store import KeyStore
from tests.databases import migrated_databases
from tests.keys.frozen_time import FrozenTime

MASTER_KEY = "a master key for tests only, 0123456789"
STORES = ("directory", "sqlite", "postgresql")


@pytest.fixture(scope="session")
def keys_database_url(make_database: Callable[[str], str]) -> Callable[[str], str]:
    """The URL of a migrated database of a kind that only the tests of this folder use."""
    return migrated_databases(make_database)


@pytest.fixture
def policy() -> Policy:
    """What the settings say by default."""
    return Policy(
        jwks_max_age=timedelta(minutes=5), token_lifetime=timedelta(minutes=15), rotation_period=timedelta(days=90)
    )


@pytest.fixture(params=STORES)
def store_kind(request: pytest.FixtureRequest) -> str:
    """The test runs once on each store."""
    kind: str = request.param
    return kind


@pytest.fixture
def open_store(store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], KeyStore]]:
    """Opens one empty store, as each of several processes would."""
    opened: list[KeyStore] = []
    databases: list[Database] = []

    def open_one() -> KeyStore:
        store: KeyStore
        if store_kind == "directory":
            store = DirectoryStore(tmp_path / "keys")
        else:
            if not databases:
                url = request.getfixturevalue("keys_database_url")(store_kind)
                databases.append(empty_database(url))
            store = DatabaseStore(databases[0], Sealer(MASTER_KEY))
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        store.close()
    for database in databases:
        database.engine.dispose()


def empty_database(url: str) -> Database:
    """The database at ``url`` without any key."""
    database = Database(make_engine(url, pool_size=4, statement_timeout_ms=3000))
    with database.transaction() as session:
        session.query(SigningKeyRow).delete()
    return database


@pytest.fixture
def store(open_store: Callable[[], KeyStore]) -> KeyStore:
    """One store."""
    return open_store()


@pytest.fixture
def open_ring(open_store: Callable[[], KeyStore], policy: Policy) -> Callable[[], KeyRing]:
    """Opens a ring on the one store, as each of several processes would; EC keys, because they are made quickly."""
    return lambda: KeyRing(open_store(), policy, "ES256")


@pytest.fixture
def ring(open_ring: Callable[[], KeyRing]) -> KeyRing:
    """A ring with its first key."""
    made = open_ring()
    made.ensure_first_key()
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place for key files; nothing is there yet."""
    return tmp_path / "keys"


@pytest.fixture
def file_store(folder: Path, policy: Policy) -> DirectoryStore:
    """A directory store with one key."""
    store = DirectoryStore(folder)
    service.ensure_first_key(store, policy, "ES256")
    return store


@pytest.fixture
def key_file(file_store: DirectoryStore) -> Path:
    """The file of that key."""
    return next(file_store.folder.glob("*.pem"))


@pytest.fixture
def _clock() -> Iterator[None]:
    """Here time stands still unless a test moves it, so that what happens at an instant can be told exactly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "time", FrozenTime())
        yield
    clock.reset()


@pytest.fixture(autouse=True)
def _frozen(_clock: None) -> None:
    """Time stands still in every test of this folder."""
