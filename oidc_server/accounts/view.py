"""An account as it is shown to its owner and to admins: one row of the database, one dictionary."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, select

from oidc_server.access.permissions import permissions_of, roles_of
from oidc_server.core.database import Database
from oidc_server.core.statements import HotStatement
from oidc_server.users.models import Closure, Profile, User
from oidc_server.users.service import refusal_of

_USER = (
    "id", "email", "username", "email_verified_at", "superuser_since", "suspended_at", "suspension_note",
    "locked_until", "last_login_at", "created_at", "updated_at", "second_factors", "second_factors_changed_at",
    "second_factor_due_at", "second_factor_forced_at",
)  # fmt: skip
_PROFILE = (
    "name", "given_name", "family_name", "middle_name", "nickname", "profile", "picture", "website", "gender",
    "birthdate", "zoneinfo", "locale", "phone_number", "phone_number_verified_at", "address", "bio",
)  # fmt: skip


def accounts_query() -> Select[Any]:
    """Everything that is shown of accounts, a row for each."""
    return (
        select(
            *(getattr(User, name) for name in _USER),
            *(getattr(Profile, name) for name in _PROFILE),
            Closure.erase_at,
        )
        .select_from(User)
        .outerjoin(Profile, Profile.user_id == User.id)
        .outerjoin(Closure, Closure.user_id == User.id)
    )


_BY_ID = HotStatement("account_by_id", accounts_query().where(User.id == bindparam("user_id")))


def account_by_id(database: Database, user_id: uuid.UUID, now: datetime) -> dict[str, Any] | None:
    """The account with this id, or None."""
    row = database.ask(_BY_ID, user_id=user_id)
    return None if row is None else account_of(row, now)


def account_of(row: Any, now: datetime) -> dict[str, Any]:
    """What is shown of a row of :func:`accounts_query`."""
    roles = roles_of(superuser=row.superuser_since is not None)
    profile = {name: getattr(row, name) for name in _PROFILE if name not in {"name", "phone_number_verified_at"}}
    if row.phone_number is not None:
        profile["phone_number_verified"] = row.phone_number_verified_at is not None
    profile["address"] = row.address or None
    is_active = refusal_of(row.suspended_at, row.locked_until, now) is None
    return {
        "id": row.id,
        "email": row.email,
        "username": row.username,
        "full_name": row.name,
        "is_active": is_active,
        "is_verified": row.email_verified_at is not None,
        "suspended_at": row.suspended_at,
        "suspension_reason": None if is_active else row.suspension_note,
        "locked_until": row.locked_until,
        "erase_at": row.erase_at,
        "last_login": row.last_login_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "profile": {name: value for name, value in profile.items() if value is not None},
        "roles": list(roles),
        "permissions": sorted(permissions_of(roles)),
        "mfa": _mfa_of(row),
    }


def _mfa_of(row: Any) -> dict[str, Any]:
    """What is shown of the second factors of an account."""
    enabled = bool(row.second_factors)
    return {
        "enabled": enabled,
        "types": row.second_factors or [],
        "changed_at": row.second_factors_changed_at,
        "enrol_by": None if enabled else row.second_factor_forced_at or row.second_factor_due_at,
    }
