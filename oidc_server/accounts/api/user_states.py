"""``/users/{id}/suspend``, ``/activate``, ``/unlock``, ``/logout``, ``/mfa/reset``: what admins do about accounts, each
with a reason that the audit log keeps."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response

from oidc_server.access.permissions import Permission
from oidc_server.accounts.administration import account_to_change, suspend_another
from oidc_server.accounts.api.account_schemas import AccountSchema
from oidc_server.accounts.api.answering import caller_as_actor, shown_account
from oidc_server.accounts.api.blueprints import users
from oidc_server.accounts.api.user_schemas import ReasonSchema, SignedOutSchema, SuspensionSchema
from oidc_server.accounts.refusals import OwnAccount
from oidc_server.accounts.suspension import activate_account, sign_out_everywhere, unlock_account
from oidc_server.api.blueprint import refuses
from oidc_server.api.codes import Code
from oidc_server.core.database import transaction
from oidc_server.mfa.reset import reset_factors
from oidc_server.protocol.access_classes import current_caller, permission
from oidc_server.users.closing import reopen

_WHY = {"reason": "Asked for it by phone"}


@users.route("/users/<uuid:user_id>/suspend", methods=["POST"])
@permission(Permission.USERS_WRITE)
@refuses(Code.OWN_ACCOUNT, Code.LAST_ADMIN)
@users.arguments(SuspensionSchema, example={"reason": "Sends advertisements"})
@users.response(200, AccountSchema)
def suspend(body: dict[str, Any], user_id: uuid.UUID) -> Response:
    """Suspend an account

    Or lock it until an instant. All sessions end, and whatever was granted to any app: refresh tokens and codes are
    dead at once, and access tokens wherever this server is asked. A resource server that only verifies their signature
    takes them until they expire, `OIDC_ACCESS_TOKEN_LIFETIME` at most."""
    with transaction() as session:
        suspend_another(
            session, user_id, admin_id=current_caller().user_id, until=body["until"], note=body["reason"]
        )  # fmt: skip
    return shown_account(user_id)


@users.route("/users/<uuid:user_id>/activate", methods=["POST"])
@permission(Permission.USERS_WRITE)
@users.arguments(ReasonSchema, example=_WHY)
@users.response(200, AccountSchema)
def activate(body: dict[str, Any], user_id: uuid.UUID) -> Response:
    """Activate an account

    Ends a suspension and a lock, and opens a closed account again. Sessions and grants that ended stay ended."""
    with transaction() as session:
        user = account_to_change(session, user_id)
        activate_account(session, user, actor=caller_as_actor(), note=body.get("reason", ""))
        reopen(session, user, actor=caller_as_actor())
    return shown_account(user_id)


@users.route("/users/<uuid:user_id>/unlock", methods=["POST"])
@permission(Permission.USERS_WRITE)
@users.arguments(ReasonSchema, example=_WHY)
@users.response(200, AccountSchema)
def unlock(body: dict[str, Any], user_id: uuid.UUID) -> Response:
    """Unlock an account

    Ends a lock before its time, and leaves a suspension. An account that is not locked stays as it is."""
    with transaction() as session:
        unlock_account(
            session, account_to_change(session, user_id), actor=caller_as_actor(), note=body.get("reason", "")
        )
    return shown_account(user_id)


@users.route("/users/<uuid:user_id>/logout", methods=["POST"])
@permission(Permission.USERS_WRITE)
@users.arguments(ReasonSchema, example=_WHY)
@users.response(200, SignedOutSchema)
def sign_out(body: dict[str, Any], user_id: uuid.UUID) -> Any:
    """Sign a person out everywhere

    All sessions end, and whatever was granted to any app. The person may sign in again."""
    with transaction() as session:
        user = account_to_change(session, user_id)
        return sign_out_everywhere(session, user, actor=caller_as_actor(), note=body.get("reason", ""))._asdict()


@users.route("/users/<uuid:user_id>/mfa/reset", methods=["POST"])
@permission(Permission.USERS_WRITE, lately=True)
@refuses(Code.OWN_ACCOUNT)
@users.arguments(ReasonSchema, example={"reason": "Lost the phone; asked for it in person"})
@users.response(200, AccountSchema)
def reset_second_factors(body: dict[str, Any], user_id: uuid.UUID) -> Response:
    """Remove all second factors of a person

    For who has lost them all; make sure that it is them. All sessions end, whatever was granted to any app, and the
    trust in browsers; the person is told by mail, and sets up a new factor when they sign in next."""
    if user_id == current_caller().user_id:
        raise OwnAccount
    note = body.get("reason", "")
    with transaction() as session:
        user = account_to_change(session, user_id)
        reset_factors(session, user, actor=caller_as_actor(), note=note)
        sign_out_everywhere(session, user, actor=caller_as_actor(), note=note)
    return shown_account(user_id)
