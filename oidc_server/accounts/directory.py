"""Finding accounts: by pages in the order of their ids, narrowed by the beginning of a name and by their state."""

from __future__ import annotations

import unicodedata
import uuid
from collections import namedtuple
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select, union_all

from oidc_server.accounts.view import accounts_query
from oidc_server.core.database import Database, UtcDateTime
from oidc_server.core.identity import NotAnEmail, NotAUsername, email_key, username_key
from oidc_server.users.models import User

_ESCAPE = "/"
_FEW = 10_000
_COLUMNS = {"email": User.email_key, "username": User.username_key}
# SQLAlchemy's rows look each column up by its name, which for a page costs more than all the rest that is done with it.
_Row: Any = namedtuple("_Row", [column.name for column in accounts_query().selected_columns])  # type: ignore[misc]


@dataclass(frozen=True)
class Wanted:
    """Which accounts: those whose email address or username begins with ``beginning``, and that are in a state."""

    beginning: str | None = None
    is_active: bool | None = None
    is_verified: bool | None = None


@dataclass(frozen=True)
class _Shape:
    """What decides about the text of the statement: which names are looked at, and whether they are looked at first."""

    is_active: bool | None
    is_verified: bool | None
    goes_on: bool
    names: tuple[str, ...] = ()
    names_first: bool = False


def find_accounts(
    database: Database, wanted: Wanted, *, limit: int, after: uuid.UUID | None, now: datetime
) -> Sequence[Any]:
    """Rows of ``accounts_query``, ``limit`` at most, the oldest first, those made after the one with the id ``after``.

    The statement is not a prepared one: how best to find the rows depends on the values, which a plan that is kept does
    not know."""
    names = {} if wanted.beginning is None else _patterns(wanted.beginning)
    values = {"limit": limit, "now": now, "after": after, **names}
    with database.glance() as connection:
        few = bool(names) and connection.execute(_count(tuple(names)), names | {"most": _FEW + 1}).scalar_one() <= _FEW
        shape = _Shape(wanted.is_active, wanted.is_verified, after is not None, tuple(names), names_first=few)
        return [_Row._make(row) for row in connection.execute(_page(shape), values)]


@cache
def _page(shape: _Shape) -> Select[Any]:
    """The ids come first and the rest is joined to them, so that no plan joins a million rows to show fifty."""
    ids = select(User.id).where(*_conditions(shape)).order_by(User.id).limit(bindparam("limit"))
    return accounts_query().where(User.id.in_(ids.scalar_subquery())).order_by(User.id)


@cache
def _count(names: tuple[str, ...]) -> Select[Any]:
    """How many names begin so, up to ``most`` of each kind. When there are few, it is quicker to find and sort them all
    than to go through the accounts from the oldest on; the planner only guesses, and would go through a million for a
    thousand that were made together at the end."""
    each = [select(User.id).where(_begins(name)).limit(bindparam("most")).subquery() for name in names]
    found = union_all(*(select(one.c.id) for one in each)).subquery()
    return select(func.count()).select_from(found)


def _conditions(shape: _Shape) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    now = bindparam("now", type_=UtcDateTime())
    if shape.is_active is True:
        conditions.append(and_(User.suspended_at.is_(None), or_(User.locked_until.is_(None), User.locked_until <= now)))
    elif shape.is_active is False:
        conditions.append(or_(User.suspended_at.is_not(None), User.locked_until > now))
    if shape.is_verified is not None:
        verified_at = User.email_verified_at
        conditions.append(verified_at.is_not(None) if shape.is_verified else verified_at.is_(None))
    if shape.goes_on:
        conditions.append(User.id > bindparam("after"))
    if shape.names:
        named = or_(*map(_begins, shape.names))
        conditions.append(_among(named) if shape.names_first else named)
    return conditions


def _begins(name: str) -> ColumnElement[bool]:
    return _COLUMNS[name].like(bindparam(name), escape=_ESCAPE)


def _among(named: ColumnElement[bool]) -> ColumnElement[bool]:
    """Found first, all of them, whatever the planner thinks of it."""
    found = select(User.id).where(named).cte("found").prefix_with("MATERIALIZED", dialect="postgresql")
    return User.id.in_(select(found.c.id))


def _patterns(beginning: str) -> dict[str, str]:
    """Compared in the normal forms in which names are kept, so that case and spelling do not matter; what cannot be the
    beginning of a username is none."""
    patterns = {"email": _pattern(_beginning_of_email(beginning))}
    if "@" not in beginning:
        with suppress(NotAUsername):
            patterns["username"] = _pattern(username_key(beginning))
    return patterns


def _beginning_of_email(beginning: str) -> str:
    """A whole address has its domain in A-labels; half of one cannot be told to be half of anything else."""
    try:
        return email_key(beginning)
    except NotAnEmail:
        return unicodedata.normalize("NFC", beginning.lower())


def _pattern(beginning: str) -> str:
    for character in (_ESCAPE, "%", "_"):
        beginning = beginning.replace(character, _ESCAPE + character)
    return f"{beginning}%"
