"""``/auth/forgot-password``, ``/auth/reset-password``: getting back in without the password."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from oidc_server.accounts.api.accepted import ACCEPTED, AcceptedSchema, MailRequestSchema
from oidc_server.accounts.api.blueprints import recovery
from oidc_server.accounts.recovery import request_reset, reset_password
from oidc_server.api.blueprint import ApiSchema, refuses
from oidc_server.api.codes import Code
from oidc_server.api.fields import Password, Text
from oidc_server.core.http import client_address
from oidc_server.protocol.access_classes import public
from oidc_server.protocol.server import current_server

_MOST_TOKEN = 200


class ResetSchema(ApiSchema):
    """The token of the link, and the new password."""

    token = Text(required=True, most=_MOST_TOKEN, metadata={"description": "The `token` of the link in the mail."})
    password = Password(required=True, metadata={"description": "The new password: 8 to 256 characters of any kind."})


class ResetDoneSchema(ApiSchema):
    """The account whose password was set. Nobody is signed in by it."""

    email = fields.String(required=True, metadata={"description": "The email address, to sign in with."})
    is_verified = fields.Boolean(required=True, metadata={"description": "True: the link came by mail."})


@recovery.route("/auth/forgot-password", methods=["POST"])
@recovery.route("/auth/password/reset-request", methods=["POST"])
@public
@refuses(Code.TOO_MANY_REQUESTS)
@recovery.arguments(MailRequestSchema)
@recovery.response(202, AcceptedSchema)
def forgot_password(body: dict[str, Any]) -> dict[str, Any]:
    """Ask for a link to set a new password

    The answer is always the same. A mail is sent when there is an account with this address that may sign in; the link
    in it is good once, for an hour, and until a newer one is sent."""
    request_reset(current_server(), body["email"], client_address())
    return ACCEPTED


@recovery.route("/auth/reset-password", methods=["POST"])
@recovery.route("/auth/password/reset", methods=["POST"])
@public
@refuses(Code.LINK_INVALID, Code.PASSWORD_REFUSED, Code.SERVICE_UNAVAILABLE)
@recovery.arguments(ResetSchema)
@recovery.response(200, ResetDoneSchema)
def reset(body: dict[str, Any]) -> dict[str, Any]:
    """Set a new password by the link

    It ends every session, everything that was granted to apps, and all other links of the account, and confirms the
    email address. It gives no tokens: sign in, with a second factor where the account has one."""
    email = reset_password(current_server(), body["token"], body["password"], client_address())
    return {"email": email, "is_verified": True}
