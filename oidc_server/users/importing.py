"""Importing users of another system, batch by batch: who is new, who is not, and adding those who are.

Who was imported is known by their audit event, which names the file by its digest: an import that was interrupted goes
on where it stopped when it is run again with the same file, since both come into being in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.models import AuditEvent
from oidc_server.audit.service import Actor, record_of_users
from oidc_server.core import clock
from oidc_server.core.identity import new_id
from oidc_server.users.import_records import UserRecord
from oidc_server.users.models import Profile, User
from oidc_server.users.profile_values import TEXT_CHARACTERS


class Fate(StrEnum):
    """What becomes of a line."""

    NEW = "imported"
    IMPORTED_BEFORE = "imported_before"
    EXISTING = "existing"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a person, and why when they are refused."""

    user: UserRecord
    fate: Fate
    reason: str = ""


class SeenLines:
    """Which addresses and usernames stood in which line of the file; on disk, however many there are."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)  # a file without a name, gone with the connection
        self._database.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """What is added in the block is forgotten again when it raises, as what the database was told is."""
        self._database.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def add(self, user: UserRecord) -> None:
        """Remember what others may not have after this line."""
        keys = [(f"email {user.email_key}", user.line)]
        if user.username_key is not None:
            keys.append((f"username {user.username_key}", user.line))
        self._database.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", keys)

    def line_of(self, kind: str, key: str | None) -> int | None:
        """The line that the ``email`` or ``username`` stood in."""
        row = self._database.execute("SELECT line FROM seen WHERE key = ?", (f"{kind} {key}",)).fetchone()
        return None if row is None else row[0]


def decide(session: Session, users: Sequence[UserRecord], seen: SeenLines, file: str) -> list[Verdict]:
    """What is to become of these lines; ``file`` is the digest of the file. Those that are or were imported are added
    to ``seen``."""
    emails = _holders(session, User.email_key, {user.email_key for user in users})
    names = _holders(session, User.username_key, {user.username_key for user in users if user.username_key})
    ours = _imported_from(session, file, emails.values())
    verdicts = []
    for user in users:
        verdict = _decide_one(user, seen, emails.get(user.email_key), names, ours)
        if verdict.fate in {Fate.NEW, Fate.IMPORTED_BEFORE}:
            seen.add(user)
        verdicts.append(verdict)
    return verdicts


def _decide_one(
    user: UserRecord, seen: SeenLines, holder: str | None, names: dict[str, str], ours: set[str]
) -> Verdict:
    if (line := seen.line_of("email", user.email_key)) is not None:
        return Verdict(user, Fate.REFUSED, f"email: Line {line} has this address, too.")
    if holder is not None:
        if holder in ours:
            return Verdict(user, Fate.IMPORTED_BEFORE)
        return Verdict(user, Fate.EXISTING, "email: An account has this address; it was left as it is.")
    if user.username_key is not None and (line := seen.line_of("username", user.username_key)) is not None:
        return Verdict(user, Fate.REFUSED, f"username: Line {line} has this username, too.")
    if user.username_key in names:
        return Verdict(user, Fate.REFUSED, "username: Another account has this username.")
    return Verdict(user, Fate.NEW)


def _holders(session: Session, column: Any, keys: Iterable[str]) -> dict[str, str]:
    """The ids of the accounts that hold these keys, by key."""
    rows = session.execute(select(column, User.id).where(column.in_(sorted(keys))))
    return {key: str(user_id) for key, user_id in rows}


def _imported_from(session: Session, file: str, user_ids: Iterable[str]) -> set[str]:
    """Those of the users who were imported from this file."""
    ids = list(user_ids)
    if not ids:
        return set()
    query = select(AuditEvent.subject_id, AuditEvent.detail).where(
        AuditEvent.subject_kind == Event.USER_IMPORTED.subject,
        AuditEvent.subject_id.in_(ids),
        AuditEvent.event == Event.USER_IMPORTED.value,
    )
    return {user_id for user_id, detail in session.execute(query) if detail.get("file") == file}


def add_users(session: Session, users: Sequence[UserRecord], *, actor: Actor, file: str) -> None:
    """Add accounts with their profiles, each with its event. Raises ``IntegrityError`` when somebody has taken one of
    the addresses or usernames meanwhile; then none is added."""
    if not users:
        return
    now = clock.now()
    ids = [new_id() for _ in users]
    accounts = [
        {
            "id": user_id,
            "email": user.email,
            "email_key": user.email_key,
            "email_verified_at": now if user.email_verified else None,
            "username": user.username,
            "username_key": user.username_key,
            "password_hash": user.password_hash,
            "password_changed_at": now if user.password_hash else None,
            "suspended_at": now if user.suspended else None,
            "created_at": user.created_at or now,
            "updated_at": now,
        }
        for user_id, user in zip(ids, users, strict=True)
    ]
    session.execute(insert(User), accounts)
    profiles = [
        _profile(user) | {"user_id": i, "updated_at": now} for i, user in zip(ids, users, strict=True) if user.profile
    ]
    if profiles:
        session.execute(insert(Profile), profiles)
    details = {user_id: _detail(user, file) for user_id, user in zip(ids, users, strict=True)}
    record_of_users(session, Event.USER_IMPORTED, actor=actor, details=details)


def _detail(user: UserRecord, file: str) -> dict[str, Any]:
    scheme = user.password_hash.partition("$")[0] if user.password_hash else None
    told = {"scheme": scheme, "verified": user.email_verified, "suspended": user.suspended}
    return {"file": file, "line": user.line} | told


def _profile(user: UserRecord) -> dict[str, Any]:
    told = user.profile
    verified = told.get("phone_number_verified") and told.get("phone_number")
    return {name: told.get(name) for name in TEXT_CHARACTERS} | {
        "address": told.get("address", {}),
        "phone_number_verified_at": clock.now() if verified else None,
    }
