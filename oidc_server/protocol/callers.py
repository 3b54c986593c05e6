"""The person behind an access token of the JSON API."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

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


@dataclass(frozen=True, slots=True)
class Person:
    """What decides about access beyond the token, as the database has it now."""

    id: uuid.UUID
    verified: bool
    superuser: bool


_PERSON = HotStatement(
    "person_who_calls",
    select(User.id, User.email_verified_at, User.superuser_since).where(User.id == bindparam("user_id")),
)


def person_behind(database: Database, user_id: uuid.UUID) -> Person | None:
    """The person with this id."""
    row = database.ask(_PERSON, user_id=user_id)
    return None if row is None else Person(row.id, row.email_verified_at is not None, row.superuser_since is not None)
