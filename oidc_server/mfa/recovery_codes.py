"""Recovery codes: ten that stand in for whatever factor was lost, shown once, good once, stored like passwords.

Each is 80 bits in Base32 without characters that look alike: the first two find the row, so that one hash is computed
and not ten. Against 70 bits that are left to guess, bcrypt need not be slow (``docs/decisions``)."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from sqlalchemy import CursorResult, case, delete, func, select, update
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.core.database import Database
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue
from oidc_server.mfa.digits import LONGEST_TYPED
from oidc_server.mfa.models import RecoveryCode
from oidc_server.mfa.proof import FactorWrong
from oidc_server.users.models import User
from oidc_server.users.passwords import Passwords

COUNT = 10
_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"  # without 0, 1, l and o
_CHARACTERS, _SELECTOR, _GROUP = 16, 2, 4
_ROUNDS = 7
_TYPED_BETWEEN = str.maketrans("", "", " -")


@dataclass(frozen=True)
class NewCodes:
    """Recovery codes as they are shown, and the selector and hash of each, which are stored."""

    codes: tuple[str, ...]
    stored: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"NewCodes({len(self.codes)})"


def make_codes(passwords: Passwords) -> NewCodes:
    """Ten new codes, hashed: call it outside of any transaction. Raises ``Unavailable`` when too many wait to hash."""
    codes = tuple(_new_codes())
    with passwords.admission():
        hashes = [passwords.hash(code, rounds_at_most=_ROUNDS) for code in codes]
    shown = tuple(_in_groups(code) for code in codes)
    return NewCodes(shown, tuple((code[:_SELECTOR], hashed) for code, hashed in zip(codes, hashes, strict=True)))


def store_codes(session: Session, user: User, new: NewCodes, actor: Actor, *, tell: bool = True) -> None:
    """Put these in place of those that the user has; ``tell`` says whether they get a mail about it.

    The lock on the account closes the race of two who make new ones at once: those of one stay, and no others."""
    session.execute(select(User.id).where(User.id == user.id).with_for_update())
    void_codes(session, user.id)
    now = clock.now()
    session.add_all(
        RecoveryCode(user_id=user.id, selector=selector, code_hash=hashed, created_at=now)
        for selector, hashed in new.stored
    )
    session.flush()
    record(
        session, Event.MFA_RECOVERY_CODES_MADE, actor=actor, subject=str(user.id), user_id=user.id,
        detail={"count": len(new.stored)},
    )  # fmt: skip
    if tell:
        enqueue(session, kind=Kind.MFA_RECOVERY_CODES, user_id=user.id, recipient=user.email)


def void_codes(session: Session, user_id: uuid.UUID) -> None:
    """Void every recovery code of a user."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def count_left(session: Session, user_id: uuid.UUID) -> int:
    """How many recovery codes a user has not used."""
    unused = (RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return session.scalar(select(func.count()).select_from(RecoveryCode).where(*unused)) or 0


def find_code(database: Database, passwords: Passwords, user_id: uuid.UUID, typed: str) -> uuid.UUID | None:
    """The unused code of the user that was typed, or None when it is none; :func:`use_code` uses it up. Raises
    ``Unavailable`` when too many wait to hash: call it outside of any transaction.

    One hash is computed, whether the first two characters are those of a code or not."""
    code = normalise(typed)
    if code is None:
        return None
    selected = case((RecoveryCode.selector == code[:_SELECTOR], 0), else_=1)
    query = select(RecoveryCode.id, RecoveryCode.selector, RecoveryCode.code_hash)
    unused = query.where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    with database.glance() as connection:
        row = connection.execute(unused.order_by(selected).limit(1)).one_or_none()
    if row is None or not passwords.verify(code, row.code_hash) or row.selector != code[:_SELECTOR]:
        return None
    return cast("uuid.UUID", row.id)


def use_code(session: Session, code_id: uuid.UUID) -> None:
    """Use a code up. Raises :class:`FactorWrong`.

    The conditional write closes the race of many that give one code at once, or while new ones are made: one succeeds
    (attack M12)."""
    unused = update(RecoveryCode).where(RecoveryCode.id == code_id, RecoveryCode.used_at.is_(None))
    used = session.execute(unused.values(used_at=clock.now()).execution_options(synchronize_session=False))
    if cast("CursorResult[object]", used).rowcount != 1:
        raise FactorWrong("the recovery code was used already")


def normalise(typed: str) -> str | None:
    """The code that was typed, in lower case and without what is between its groups; None for what can be none."""
    if len(typed) > LONGEST_TYPED or not typed.isascii():
        return None
    code = typed.translate(_TYPED_BETWEEN).lower()
    return code if len(code) == _CHARACTERS and set(code) <= set(_ALPHABET) else None


def _new_codes() -> Iterable[str]:
    selectors: set[str] = set()
    while len(selectors) < COUNT:
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_CHARACTERS))
        if code[:_SELECTOR] not in selectors:
            selectors.add(code[:_SELECTOR])
            yield code


def _in_groups(code: str) -> str:
    return "-".join(code[at : at + _GROUP] for at in range(0, _CHARACTERS, _GROUP))
