"""What a person changes of their own account besides the profile: the password, the address, whether there is one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from marshmallow import fields

from oidc_server.accounts.api.accepted import ACCEPTED, AcceptedSchema
from oidc_server.accounts.api.blueprints import account
from oidc_server.accounts.closing import close_account
from oidc_server.accounts.email_change import confirm_email_change, request_email_change
from oidc_server.accounts.email_undo import undo_email_change
from oidc_server.accounts.password_change import change_password
from oidc_server.api.blueprint import ApiSchema, refuses
from oidc_server.api.codes import Code
from oidc_server.api.fields import Instant, Login, Password, Text
from oidc_server.audit.service import Actor
from oidc_server.core.database import transaction
from oidc_server.core.http import client_address
from oidc_server.protocol.access_classes import current_caller, public, recent, recent_and_verified
from oidc_server.protocol.server import current_server

_MOST_TOKEN = 200


class PasswordChangeSchema(ApiSchema):
    """The present password and the new one."""

    current_password = Password(required=True, metadata={"description": "The present password."})
    new_password = Password(
        required=True, metadata={"description": "The new password: 8 to 256 characters of any kind."}
    )


class EmailChangeSchema(ApiSchema):
    """The address that a person wants."""

    email = Login(
        required=True, most=320, metadata={"description": "The new email address.", "examples": ["ada@example.org"]}
    )
    password = Password(metadata={"description": "The present password, for apps that ask for it once more."})


class LinkTokenSchema(ApiSchema):
    """The token of a link."""

    token = Text(required=True, most=_MOST_TOKEN, metadata={"description": "The `token` of the link in the mail."})


class EmailSchema(ApiSchema):
    """The address that the account has now."""

    email = fields.String(required=True, metadata={"description": "The email address."})
    is_verified = fields.Boolean(required=True, metadata={"description": "True: the link came by mail."})


class ClosedSchema(ApiSchema):
    """For how long the account can still be had back."""

    erase_at = Instant(required=True, metadata={"description": "When it is erased. Signing in before prevents it."})


@account.route("/users/me/password", methods=["PUT"])
@recent
@refuses(Code.PASSWORD_WRONG, Code.PASSWORD_REFUSED, Code.TOO_MANY_REQUESTS, Code.SERVICE_UNAVAILABLE)
@account.arguments(PasswordChangeSchema)
@account.response(204)
def put_password(body: dict[str, Any]) -> None:
    """Change one's own password

    The session of the access token goes on, with its tokens. Every other session ends, everything that was granted to
    apps outside of this one, and every link that is on its way. A wrong `current_password` counts as a failed
    sign-in."""
    caller = current_caller()
    change_password(
        current_server(), user_id=caller.user_id, session_id=caller.session_id, current=body["current_password"],
        new=body["new_password"], address=client_address(),
    )  # fmt: skip


@account.route("/auth/change-email", methods=["POST"])
@recent_and_verified
@refuses(Code.PASSWORD_WRONG, Code.TOO_MANY_REQUESTS, Code.SERVICE_UNAVAILABLE)
@account.arguments(EmailChangeSchema, example={"email": "ada@example.org"})
@account.response(202, AcceptedSchema)
def change_email(body: dict[str, Any]) -> dict[str, Any]:
    """Ask for another email address

    A link is sent to the new address, and nothing changes until its token is sent to `/auth/change-email/confirm`. An
    address that another account has is answered alike, and no mail is sent there."""
    request_email_change(
        current_server(), user_id=current_caller().user_id, email=body["email"], address=client_address(),
        password=body.get("password"),
    )  # fmt: skip
    return ACCEPTED


@account.route("/auth/change-email/confirm", methods=["POST"])
@recent_and_verified
@refuses(Code.LINK_INVALID, Code.EMAIL_TAKEN)
@account.arguments(LinkTokenSchema)
@account.response(200, EmailSchema)
def confirm_email(body: dict[str, Any]) -> dict[str, Any]:
    """Take the new email address

    The token proves the address, the access token who asked for it. The address before is told, with a link that takes
    the change back for seven days."""
    with transaction() as session:
        email = confirm_email_change(session, body["token"], user_id=current_caller().user_id)
    return {"email": email, "is_verified": True}


@account.route("/auth/change-email/undo", methods=["POST"])
@public
@refuses(Code.LINK_INVALID, Code.EMAIL_TAKEN)
@account.arguments(LinkTokenSchema)
@account.response(200, EmailSchema)
def undo_change_of_email(body: dict[str, Any]) -> dict[str, Any]:
    """Take a change of the email address back

    For the owner of the address before, by the token of the mail that told them. It ends every session and everything
    that was granted to apps, and the password is not good any more: a link to set a new one is sent to this address."""
    with transaction() as session:
        email = undo_email_change(session, body["token"])
    return {"email": email, "is_verified": True}


@account.route("/users/me", methods=["DELETE"])
@recent_and_verified
@account.response(202, ClosedSchema)
def close() -> dict[str, Any]:
    """Close one's own account

    Every session ends at once, and everything that was granted to apps. Until `erase_at`, signing in opens the account
    again; then it is erased, and its id is never given to anybody else."""
    user_id, grace = current_caller().user_id, timedelta(days=current_server().settings.closing_grace_days)
    with transaction() as session:
        return {"erase_at": close_account(session, user_id, actor=Actor("user", str(user_id)), grace=grace)}
