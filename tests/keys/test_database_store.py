"""The database store: only sealed keys in the table, the master key's rotation, and what it refuses."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from oidc_server.core import clock
from oidc_server.core.crypto import Sealer
from oidc_server.core.database import Database, make_engine
from oidc_server.keys import service
from oidc_server.keys.database_store import DatabaseStore
from oidc_server.keys.lifecycle import NOTICE_BOUND, Policy
from oidc_server.keys.models import SigningKeyRow
from oidc_server.keys.ring import KeyRing
from oidc_server.keys.store import KeyStoreError, StoredKey
from tests.keys.conftest import MASTER_KEY, empty_database

NEW_MASTER_KEY = "another master key for tests, 9876543210"
Opener = Callable[..., DatabaseStore]


@pytest.fixture
def database(database_kind: str, keys_database_url: Callable[[str], str]) -> Iterator[Database]:
    database = empty_database(keys_database_url(database_kind))
    yield database
    database.engine.dispose()


@pytest.fixture
def open_with(database: Database) -> Iterator[Opener]:
    opened: list[DatabaseStore] = []

    def open_one(*master_keys: str) -> DatabaseStore:
        current, *previous = master_keys or (MASTER_KEY,)
        opened.append(DatabaseStore(database, Sealer(current, tuple(previous))))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_with: Opener, policy: Policy) -> DatabaseStore:
    """A store with one key."""
    store = open_with()
    service.ensure_first_key(store, policy, "ES256")
    return store


def boxes(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(SigningKeyRow.sealed_private_key)))


def refusal(store: DatabaseStore, database: Database, policy: Policy) -> str:
    """What a server says that starts beside this store; it makes no key."""
    before = boxes(database)
    with pytest.raises(KeyStoreError) as error:
        KeyRing(store, policy, "ES256").ensure_first_key()
    assert boxes(database) == before
    return str(error.value)


def test_the_table_holds_only_the_sealed_form(store: DatabaseStore, database: Database) -> None:
    """E20"""
    (box,) = boxes(database)
    (key,) = store.load()
    secret = key.material.pem().split(b"\n")[1].decode()
    assert box.startswith("v1.")
    assert secret not in box
    if database.engine.dialect.name == "sqlite":
        dump = "\n".join(sqlite3.connect(str(database.engine.url.database)).iterdump())
        assert "PRIVATE KEY" not in dump
        assert secret not in dump


def test_what_is_written_is_read_again(store: DatabaseStore, open_with: Opener, policy: Policy) -> None:
    service.rotate(store, policy, "ES256", immediately=True)
    clock.travel(timedelta(minutes=1))
    retired = next(key.record for key in store.load() if key.record.retires_at)
    service.activate(store, policy, retired.kid)
    service.revoke(store, policy, retired.kid)
    assert {key.record for key in open_with().load()} == {key.record for key in store.load()}


def test_a_wrong_master_key_is_refused_with_the_mend(
    store: DatabaseStore, open_with: Opener, database: Database, policy: Policy
) -> None:
    (key,) = store.load()
    said = refusal(open_with(NEW_MASTER_KEY), database, policy)
    assert key.record.kid in said
    assert "OIDC_MASTER_KEY_PREVIOUS" in said


def test_the_master_key_is_rotated_without_a_moment_in_which_keys_cannot_be_read(
    store: DatabaseStore, open_with: Opener, policy: Policy
) -> None:
    running = KeyRing(open_with(MASTER_KEY, NEW_MASTER_KEY), policy, "ES256")
    both = open_with(NEW_MASTER_KEY, MASTER_KEY)
    restarted = KeyRing(both, policy, "ES256")
    for ring in (running, restarted):
        ring.ensure_first_key()
    assert [key.sealed_currently for key in both.load()] == [False]
    outcome = service.reseal(both)
    assert len(outcome.touched) == 1
    assert service.reseal(both).touched == ()
    clock.travel(NOTICE_BOUND)
    assert restarted.sign({}, typ="JWT")
    assert running.sign({}, typ="JWT")  # it knows the new master key as an earlier one, and reads what was resealed
    assert KeyRing(open_with(NEW_MASTER_KEY), policy, "ES256").jwks().body == restarted.jwks().body
    with pytest.raises(KeyStoreError):
        open_with(MASTER_KEY).load()


def test_a_key_that_is_written_anew_is_sealed_under_the_current_master_key(
    store: DatabaseStore, open_with: Opener, policy: Policy
) -> None:
    both = open_with(NEW_MASTER_KEY, MASTER_KEY)
    service.rotate(both, policy, "ES256")
    assert all(key.sealed_currently for key in both.load())


def test_a_box_in_another_row_is_refused(store: DatabaseStore, database: Database, policy: Policy) -> None:
    """E20: a sealed key is bound to its row."""
    service.generate(store, policy, "ES256")
    first, second = [key.record.kid for key in store.load()]
    with database.transaction() as session:
        box = session.scalar(select(SigningKeyRow.sealed_private_key).where(SigningKeyRow.kid == first))
        session.execute(update(SigningKeyRow).where(SigningKeyRow.kid == second).values(sealed_private_key=box))
    fresh = DatabaseStore(database, Sealer(MASTER_KEY))
    assert second in refusal(fresh, database, policy)
    fresh.close()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sealed_private_key": "v1.x.AAAA"}, "cannot be opened"),
        ({"sealed_private_key": ""}, "cannot be opened"),
        ({"alg": "RS256"}, "damaged"),
        ({"kid": "other"}, "cannot be opened"),
    ],
)
def test_a_damaged_row_is_refused_by_its_kid(
    store: DatabaseStore, open_with: Opener, database: Database, policy: Policy, values: dict[str, str], words: str
) -> None:
    (key,) = store.load()
    with database.transaction() as session:
        session.execute(update(SigningKeyRow).values(**values))
    said = refusal(open_with(), database, policy)
    assert words in said
    assert values.get("kid", key.record.kid) in said


def test_a_row_that_names_another_key_than_it_holds_is_refused(
    store: DatabaseStore, open_with: Opener, database: Database, policy: Policy
) -> None:
    (key,) = store.load()
    box = Sealer(MASTER_KEY).seal(key.material.pem(), "other")
    with database.transaction() as session:
        session.execute(update(SigningKeyRow).values(kid="other", sealed_private_key=box))
    assert "not the key that its row names" in refusal(open_with(), database, policy)


def test_a_database_without_the_schema_is_refused_with_the_mend(
    make_database: Callable[[str], str], database_kind: str, policy: Policy
) -> None:
    bare = Database(make_engine(make_database(database_kind), pool_size=1, statement_timeout_ms=3000))
    store = DatabaseStore(bare, Sealer(MASTER_KEY))
    with pytest.raises(KeyStoreError, match="oidc-server db upgrade"):
        KeyRing(store, policy, "ES256").ensure_first_key()
    store.close()
    bare.engine.dispose()


def test_a_failure_says_what_the_driver_says_and_never_a_password_or_a_row(policy: Policy) -> None:
    nowhere = Database(
        make_engine("postgresql://user:hunter2secret@127.0.0.1:1/none", pool_size=1, statement_timeout_ms=1000)
    )
    store = DatabaseStore(nowhere, Sealer(MASTER_KEY))
    with pytest.raises(KeyStoreError) as error:
        store.load()
    assert "127.0.0.1" in str(error.value)
    assert "hunter2secret" not in str(error.value)
    store.close()


def test_a_failed_change_changes_nothing(store: DatabaseStore, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """I5: the rotation writes two rows, or none."""
    before = store.fingerprint()
    write = store.write
    written: list[StoredKey] = []

    def fail_on_the_second(session: Session, key: StoredKey) -> None:
        if written:
            raise OperationalError("UPDATE", {}, Exception("connection lost"))
        written.append(key)
        write(session, key)

    monkeypatch.setattr(store, "write", fail_on_the_second)
    with pytest.raises(KeyStoreError, match="connection lost"):
        service.rotate(store, policy, "ES256")
    assert len(written) == 1
    assert store.fingerprint() == before


def test_looking_works_while_every_pooled_connection_is_taken(
    database_kind: str, keys_database_url: Callable[[str], str], store: DatabaseStore, policy: Policy
) -> None:
    """X12: looks have a connection of their own."""
    small = Database(make_engine(keys_database_url(database_kind), pool_size=1, statement_timeout_ms=200))
    own = DatabaseStore(small, Sealer(MASTER_KEY))
    with small.transaction() as session:
        session.execute(text("SELECT 1"))
        assert [key.record for key in own.load()] == [key.record for key in store.load()]
    own.close()
    small.engine.dispose()


def test_two_changes_never_hold_the_lock_together(store: DatabaseStore, database: Database) -> None:
    """E19"""
    url = database.engine.url.render_as_string(hide_password=False)
    impatient = Database(make_engine(url, pool_size=1, statement_timeout_ms=50))
    if database.engine.dialect.name == "sqlite":
        event.listen(impatient.engine, "connect", lambda dbapi, _record: dbapi.execute("PRAGMA busy_timeout=50"))
    other = DatabaseStore(impatient, Sealer(MASTER_KEY))
    with store.changing(), pytest.raises(KeyStoreError), other.changing():
        pytest.fail("both hold the lock")
    with other.changing():
        assert len(store.load()) == 1
    other.close()
    impatient.engine.dispose()
