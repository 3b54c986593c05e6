"""Changing what an account says of a person: the username, the name, the profile. Nothing here grants anything."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from oidc_server.accounts.refusals import AccountGone, MembersWrong, NameTaken
from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.core.identity import NotAUsername, username_key
from oidc_server.users.models import User
from oidc_server.users.profile import set_profile
from oidc_server.users.profile_values import ADDRESS_CHARACTERS, PROFILE_MEMBERS, ProfileInvalid

# The name has a member of its own, and whether a number is theirs is for nobody to say.
_REPLACEABLE = frozenset(PROFILE_MEMBERS) - {"name", "phone_number_verified"}


def change_account(session: Session, user_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor) -> None:
    """Change what ``changes`` names: ``username``, ``full_name``, and members of ``profile``; None removes.

    Raises :class:`AccountGone`, :class:`NameTaken`, :class:`MembersWrong`."""
    user = session.get(User, user_id, with_for_update=True)
    if user is None:
        raise AccountGone
    if "username" in changes:
        _change_username(session, user, changes["username"], actor)
    values = dict(changes.get("profile", {}))
    if "full_name" in changes:
        values["name"] = changes["full_name"]
    try:
        set_profile(session, user, values, actor)
    except ProfileInvalid as error:
        raise MembersWrong(profile_errors(error.problems)) from error


def whole_account(body: Mapping[str, Any]) -> dict[str, Any]:
    """Changes that leave nothing but what ``body`` says of a person."""
    given = body.get("profile", {})
    profile: dict[str, Any] = {name: given.get(name) for name in _REPLACEABLE}
    if given.get("address") is not None:
        profile["address"] = {**dict.fromkeys(ADDRESS_CHARACTERS), **given["address"]}
    return {"username": body.get("username"), "full_name": body.get("full_name"), "profile": profile}


def profile_errors(problems: Mapping[str, str]) -> dict[str, Any]:
    """Where each problem with a profile is in the body that was sent."""
    profile: dict[str, Any] = {}
    for name, words in problems.items():
        outer, _, inner = name.partition(".")
        if inner:
            profile.setdefault(outer, {})[inner] = [words]
        else:
            profile[outer] = [words]
    name_problem = profile.pop("name", None)
    errors: dict[str, Any] = {"profile": profile} if profile else {}
    return errors | ({"full_name": name_problem} if name_problem else {})


def _change_username(session: Session, user: User, username: str | None, actor: Actor) -> None:
    try:
        key = None if username is None else username_key(username)
    except NotAUsername as error:
        raise MembersWrong({"username": [str(error)]}) from error
    if (user.username, user.username_key) == (username, key):
        return
    taken = select(User.id).where(User.username_key == key, User.id != user.id)
    if key is not None and session.scalar(taken) is not None:
        raise NameTaken
    user.username, user.username_key, user.updated_at = username, key, clock.now()
    try:
        session.flush()
    except IntegrityError as error:  # somebody took it at the same moment
        raise NameTaken from error
    record(
        session, Event.USER_UPDATED, actor=actor, subject=str(user.id), user_id=user.id,
        detail={"changed": ["username"]},
    )  # fmt: skip
