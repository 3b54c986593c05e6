"""Permissions, and the built-in roles that hold them: the one place that decides who may administer what."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Permission(StrEnum):
    """What somebody may do beyond their own account; ``words`` say it for the documentation."""

    words: str

    def __new__(cls, name: str, words: str) -> Permission:
        member = str.__new__(cls, name)
        member._value_ = name
        member.words = words
        return member

    USERS_READ = ("users:read", "See every account.")
    USERS_WRITE = ("users:write", "Make and change accounts, suspend and activate them.")
    USERS_DELETE = ("users:delete", "Erase accounts.")
    AUDIT_READ = ("audit:read", "See what happened to every account.")
    API_KEYS_WRITE = ("api_keys:write", "Make, rotate and revoke API keys.")


class Role(StrEnum):
    """The built-in roles."""

    ADMIN = "admin"
    USER = "user"


_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.USER: frozenset(),
}


def roles_of(*, superuser: bool) -> tuple[Role, ...]:
    """The roles of a person."""
    return (Role.USER, Role.ADMIN) if superuser else (Role.USER,)


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Everything that somebody with these roles may do."""
    return frozenset[Permission]().union(*(_PERMISSIONS[role] for role in roles))
