"""``/auth/me``: a person's own account."""

from __future__ import annotations

from typing import Any

from oidc_server.accounts.api.account_schemas import AccountChangeSchema, AccountSchema
from oidc_server.accounts.api.blueprints import account
from oidc_server.accounts.editing import change_account
from oidc_server.accounts.view import account_by_id
from oidc_server.api.blueprint import refuses
from oidc_server.api.codes import Code
from oidc_server.audit.service import Actor
from oidc_server.core import clock
from oidc_server.core.database import current_database, transaction
from oidc_server.protocol.access_classes import current_caller, user, verified


@account.route("/auth/me", methods=["GET"])
@user
@account.response(200, AccountSchema)
def show_me() -> Any:
    """See one's own account"""
    return account_by_id(current_database(), current_caller().user_id, clock.now())


@account.route("/auth/me", methods=["PATCH"])
@verified
@refuses(Code.USERNAME_TAKEN)
@account.arguments(AccountChangeSchema, example={"full_name": "Ada Lovelace", "profile": {"locale": "en-GB"}})
@account.response(200, AccountSchema)
def change_me(body: dict[str, Any]) -> Any:
    """Change one's own account

    What is left out stays as it is; null removes it."""
    user_id = current_caller().user_id
    with transaction() as session:
        change_account(session, user_id, body, actor=Actor("user", str(user_id)))
    return account_by_id(current_database(), user_id, clock.now())
