"""The ``database`` key store: rows sealed under the master key; for one host or many.

Looks run on a connection of their own, so that neither a busy pool nor a request's transaction can hide a change."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from oidc_server.core.crypto import Sealer, UnsealError
from oidc_server.core.database import Database, make_engine
from oidc_server.core.identity import new_id
from oidc_server.keys.lifecycle import INSTANTS, KeyRecord
from oidc_server.keys.material import KeyMaterial, MaterialError, read_key
from oidc_server.keys.models import SigningKeyRow
from oidc_server.keys.store import KeyStoreError, StoredKey

_LOOK_TIMEOUT_MS = 1000
_LOCK_ID = 0x6F6964636B657973  # "oidckeys": the advisory lock of PostgreSQL under which keys are changed
_TABLE = SigningKeyRow.__table__


class DatabaseStore:
    """Keys as sealed rows."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._reader: Engine | None = None
        self._opened: dict[str, KeyMaterial] = {}

    def fingerprint(self) -> Hashable:
        """Every ``kid`` with its revision."""
        rows = self._look(select(SigningKeyRow.kid, SigningKeyRow.revision))
        return frozenset((row["kid"], row["revision"]) for row in rows)

    def load(self) -> tuple[StoredKey, ...]:
        return self._open(self._look(select(_TABLE)))

    def _look(self, query: Any) -> list[RowMapping]:
        with _failures():
            if self._reader is None:
                url = self._database.engine.url.render_as_string(hide_password=False)
                self._reader = make_engine(url, pool_size=1, statement_timeout_ms=_LOOK_TIMEOUT_MS)
            with self._reader.connect() as connection:
                return list(connection.execute(query).mappings())

    def _open(self, rows: list[RowMapping]) -> tuple[StoredKey, ...]:
        keys = tuple(self._open_row(row) for row in rows)
        boxes = {row["sealed_private_key"] for row in rows}
        self._opened = {box: material for box, material in dict(self._opened).items() if box in boxes}
        return keys

    def _open_row(self, row: RowMapping) -> StoredKey:
        kid, box = row["kid"], row["sealed_private_key"]
        try:
            material = self._opened.get(box) or read_key(self._sealer.unseal(box, kid), row["alg"])
            record = KeyRecord(kid=material.kid, alg=material.alg, **{name: row[name] for name in INSTANTS})
        except UnsealError as error:
            raise KeyStoreError(
                f"The key {kid} in the database cannot be opened: {error}. Set OIDC_MASTER_KEY to the key under which "
                "it was sealed, or name that one in OIDC_MASTER_KEY_PREVIOUS."
            ) from error
        except (MaterialError, ValueError) as error:
            raise KeyStoreError(f"The key {kid} in the database is damaged: {error}. Restore its row.") from error
        if (record.kid, record.alg) != (kid, row["alg"]):
            raise KeyStoreError(f"The key {kid} in the database is not the key that its row names. Restore its row.")
        self._opened[box] = material
        return StoredKey(record, material, self._sealer.is_current(box))

    @contextmanager
    def changing(self) -> Iterator["_DatabaseChanges"]:
        """One transaction that holds the lock: ``BEGIN IMMEDIATE`` on SQLite, an advisory lock on PostgreSQL."""
        with _failures(), self._database.transaction() as session:
            if session.get_bind().dialect.name == "postgresql":
                session.execute(select(func.pg_advisory_xact_lock(_LOCK_ID)))
            yield _DatabaseChanges(self, session)

    def read(self, session: Session) -> tuple[StoredKey, ...]:
        """Every key, as the session's transaction sees them."""
        return self._open(list(session.execute(select(_TABLE)).mappings()))

    def write(self, session: Session, key: StoredKey) -> None:
        """Insert or update one row, sealed under the current master key."""
        record = key.record
        box = self._sealer.seal(key.material.pem(), record.kid)
        row = SigningKeyRow(
            kid=record.kid, alg=record.alg, sealed_private_key=box, revision=new_id(),
            **{name: getattr(record, name) for name in INSTANTS},
        )  # fmt: skip
        session.merge(row)
        session.flush()

    def after_fork(self) -> None:
        """The parent's connection stays the parent's."""
        if self._reader is not None:
            self._reader.dispose(close=False)

    def close(self) -> None:
        """Close the connection of the looks."""
        if self._reader is not None:
            self._reader.dispose()


class _DatabaseChanges:
    """The store while its lock is held."""

    def __init__(self, store: DatabaseStore, session: Session) -> None:
        self._store = store
        self._session = session

    def load(self) -> tuple[StoredKey, ...]:
        return self._store.read(self._session)

    def save(self, key: StoredKey) -> None:
        self._store.write(self._session, key)

    def delete(self, kid: str) -> None:
        self._session.execute(delete(SigningKeyRow).where(SigningKeyRow.kid == kid))

    def sweep(self) -> int:
        return 0


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        # The driver's own words: they name host and cause, and unlike SQLAlchemy's, never the statement's values.
        cause = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        line = (cause.strip().splitlines() or [type(error).__name__])[0]
        raise KeyStoreError(
            f"The signing keys in the database cannot be used: {line}. See that the database runs, and that "
            "`oidc-server db upgrade` was run."
        ) from error
