"""``/users``: finding, making, showing, changing and deleting accounts. No member of any body grants a privilege."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from flask import Response

from oidc_server.access.permissions import Permission
from oidc_server.accounts.administration import change_as_admin, check_names, close_another, make_account
from oidc_server.accounts.api.account_schemas import AccountChangeSchema, AccountSchema
from oidc_server.accounts.api.answering import caller_as_actor, shown_account
from oidc_server.accounts.api.blueprints import users
from oidc_server.accounts.api.own_account import ClosedSchema
from oidc_server.accounts.api.user_schemas import (
    NewUserSchema,
    UserChangeSchema,
    UsersQuery,
    UsersSchema,
)
from oidc_server.accounts.directory import Wanted, find_accounts
from oidc_server.accounts.editing import change_account, whole_account
from oidc_server.accounts.password_setting import accept_password
from oidc_server.accounts.refusals import MembersWrong
from oidc_server.accounts.view import account_of
from oidc_server.api.answers import json_answer
from oidc_server.api.blueprint import refuses
from oidc_server.api.codes import Code
from oidc_server.api.pagination import page_of
from oidc_server.api.problems import Problem
from oidc_server.core import clock
from oidc_server.core.database import current_database, reading, transaction
from oidc_server.core.errors import Reason
from oidc_server.pages.addresses import address
from oidc_server.protocol.access_classes import (
    current_caller,
    current_person,
    demand_recent,
    holds,
    permission,
    self_or,
)
from oidc_server.protocol.server import current_server

_FOR_ADMINS = ("email", "is_verified")
_ADA = {"email": "ada@example.com", "username": "ada", "full_name": "Ada Lovelace", "profile": {"locale": "en-GB"}}


@users.route("/users", methods=["GET"])
@permission(Permission.USERS_READ)
@users.arguments(UsersQuery, location="query")
@users.response(200, UsersSchema)
def list_users(query: dict[str, Any]) -> Response:
    """Find accounts

    The oldest first, by pages; narrowed by the beginning of a name and by state."""
    now, limit = clock.now(), query["limit"]
    wanted = Wanted(query["query"], query["is_active"], query["is_verified"])
    rows = find_accounts(current_database(), wanted, limit=limit + 1, after=query["cursor"], now=now)
    page = page_of(rows, limit, lambda row: row.id, lambda row: account_of(row, now))
    return json_answer({"items": page.items, "next": page.next}, headers=page.headers())


@users.route("/users", methods=["POST"])
@permission(Permission.USERS_WRITE)
@refuses(Code.EMAIL_TAKEN, Code.USERNAME_TAKEN, Code.PASSWORD_REFUSED)
@users.arguments(NewUserSchema, example=_ADA)
@users.response(201, AccountSchema)
def create_user(body: dict[str, Any]) -> Response:
    """Make an account

    Without a password the person gets a mail with a link, good for seven days, to set one. With a password, and unless
    the address is known to be theirs, they get one to confirm it."""
    with reading() as session:
        check_names(session, body["email"], body.get("username"))
    password_hash = None
    if (password := body.get("password")) is not None:
        names = [body["email"], body.get("username") or "", body.get("full_name") or ""]
        accept_password(password, names, member="password")
        password_hash = current_server().passwords.hash(password)
    with transaction() as session:
        user_id = make_account(session, body, password_hash=password_hash, admin=caller_as_actor())
    return shown_account(user_id, 201, {"Location": address(f"/users/{user_id}")})


@users.route("/users/<uuid:user_id>", methods=["GET"])
@self_or(Permission.USERS_READ)
@users.response(200, AccountSchema)
def show_user(user_id: uuid.UUID) -> Response:
    """See an account"""
    return shown_account(user_id)


@users.route("/users/<uuid:user_id>", methods=["PATCH"])
@self_or(Permission.USERS_WRITE)
@refuses(
    Code.EMAIL_TAKEN, Code.USERNAME_TAKEN, Code.EMAIL_NOT_VERIFIED, Code.INSUFFICIENT_USER_AUTHENTICATION
)  # fmt: skip
@users.arguments(UserChangeSchema, example={"full_name": "Ada Lovelace"})
@users.response(200, AccountSchema)
def change_user(body: dict[str, Any], user_id: uuid.UUID) -> Response:
    """Change an account

    What is left out stays as it is; null removes it. For `email` and `is_verified` an admin has to have signed in
    within the last ten minutes."""
    is_admin = _may_write()
    of_admins = [name for name in _FOR_ADMINS if name in body]
    if of_admins:
        if not is_admin:
            raise MembersWrong({name: ["Only an admin may set this."] for name in of_admins})
        demand_recent()
    change = change_as_admin if is_admin else change_account
    with transaction() as session:
        change(session, user_id, body, actor=caller_as_actor())
    return shown_account(user_id)


@users.route("/users/<uuid:user_id>", methods=["PUT"])
@self_or(Permission.USERS_WRITE)
@refuses(Code.USERNAME_TAKEN, Code.EMAIL_NOT_VERIFIED)
@users.arguments(AccountChangeSchema, example={name: _ADA[name] for name in ("username", "full_name", "profile")})
@users.response(200, AccountSchema)
def replace_user(body: dict[str, Any], user_id: uuid.UUID) -> Response:
    """Replace what an account says of a person

    The username, the name and the profile: what is left out is removed. Everything else of the account stays."""
    _may_write()
    with transaction() as session:
        change_account(session, user_id, whole_account(body), actor=caller_as_actor())
    return shown_account(user_id)


@users.route("/users/<uuid:user_id>", methods=["DELETE"])
@permission(Permission.USERS_DELETE, lately=True)
@refuses(Code.OWN_ACCOUNT, Code.LAST_ADMIN)
@users.response(202, ClosedSchema)
def delete_user(user_id: uuid.UUID) -> Any:
    """Delete an account

    It is closed as its owner would close it: all sessions and grants end, and it is erased after the days of
    `OIDC_CLOSING_GRACE_DAYS`, unless the person signs in before. Suspend it first if they are not to."""
    grace = timedelta(days=current_server().settings.closing_grace_days)
    with transaction() as session:
        return {"erase_at": close_another(session, user_id, admin_id=current_caller().user_id, grace=grace)}


def _may_write() -> bool:
    """Whether the caller is an admin; who is not changes their own account, for which their address is confirmed."""
    if holds(Permission.USERS_WRITE):
        return True
    if not current_person().verified:
        raise Problem(Code.EMAIL_NOT_VERIFIED, Reason.EMAIL_NOT_VERIFIED)
    return False
