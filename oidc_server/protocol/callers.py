"""The person behind an access token of the JSON API."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from oidc_server.core.database import Database
from oidc_server.core.statements import HotStatement
from oidc_server.users.models import User


@dataclass(frozen=True, slots=True)
class Caller:
    """What the token says."""

    user_id: uuid.UUID
    session_id: uuid.UUID | None
    authorization_id: uuid.UUID | None
    auth_time: datetime | None
    client_id: str
    scope: str
    amr: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()

    @property
    def bound_to(self) -> str:
        """What codes and challenges that are asked for with the token are bound to: the session, or what outlived
        it."""
        if self.session_id is not None:
            return f"session {self.session_id}"
        return f"authorization {self.authorization_id}"


@dataclass(frozen=True, slots=True)
class Person:
    """What decides about access beyond the token, as the database has it now."""

    id: uuid.UUID
    verified: bool
    superuser: bool
    second_factors: list[str] | None
    second_factor_due_at: datetime | None
    second_factor_forced_at: datetime | None
    password_set_by_mail_at: datetime | None
    mfa_policy: dict[str, Any] | None


_ENROLLED = (
    User.second_factors, User.second_factor_due_at, User.second_factor_forced_at, User.password_set_by_mail_at,
    User.mfa_policy,
)  # fmt: skip
_PERSON = HotStatement(
    "person_who_calls",
    select(User.id, User.email_verified_at, User.superuser_since, *_ENROLLED).where(User.id == bindparam("user_id")),
)


def person_behind(database: Database, user_id: uuid.UUID) -> Person | None:
    """The person with this id."""
    row = database.ask(_PERSON, user_id=user_id)
    if row is None:
        return None
    return Person(row.id, row.email_verified_at is not None, row.superuser_since is not None, *row[3:])
