"""Adding an account where whoever asks must not learn whether the address has one: the same statements either way."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from oidc_server.users.models import Profile, User
from oidc_server.users.service import UsernameTaken


def add_unless_email_taken(session: Session, user: Mapping[str, Any], profile: Mapping[str, Any]) -> uuid.UUID | None:
    """Add an account with the columns of ``user`` and, if there is anything in it, of ``profile``, unless its
    ``email_key`` is another's; the id of the account that has the address now, which is None only when the other
    account was erased at this very moment.

    Of many at once one adds it; the unique index decides. Raises :class:`UsernameTaken`; the transaction is over then.
    """
    adding = postgresql.insert(User) if session.get_bind().dialect.name == "postgresql" else sqlite.insert(User)
    try:
        session.execute(adding.values(dict(user)).on_conflict_do_nothing(index_elements=["email_key"]))
    except IntegrityError as error:  # of the unique columns, only the other one is left
        raise UsernameTaken(user["username"]) from error
    if profile:
        columns = {"user_id": User.id, "address": {}, "updated_at": user["updated_at"], **profile}
        values = [
            value if value is User.id else literal(value, Profile.__table__.c[name].type)
            for name, value in columns.items()
        ]
        added = select(*values).where(User.id == user["id"])  # none, when the account was not added
        session.execute(insert(Profile).from_select(list(columns), added))
    # Locked as a foreign key does it: until the end of the transaction it is there to be referred to.
    owner = select(User.id).where(User.email_key == user["email_key"]).with_for_update(read=True, key_share=True)
    return session.scalar(owner)
