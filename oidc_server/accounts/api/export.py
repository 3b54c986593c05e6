"""``/users/me/export``: everything that is held about a person, given to them."""

from __future__ import annotations

from typing import Any

from marshmallow import fields
from sqlalchemy import Boolean, Integer, Uuid
from sqlalchemy.orm import InstrumentedAttribute

from oidc_server.accounts.api.account_schemas import AccountSchema
from oidc_server.accounts.api.blueprints import account
from oidc_server.accounts.export import LISTS, MOST, export_account
from oidc_server.api.blueprint import ApiSchema
from oidc_server.api.fields import Instant
from oidc_server.core.database import JsonColumn, UtcDateTime
from oidc_server.protocol.access_classes import current_caller, recent

# By column, whichever list it is in.
_WORDS = {
    "id": "Its id.",
    "created_at": "When it was made.",
    "expires_at": "When it ends by itself.",
    "auth_time": "When the person proved who they are.",
    "amr": "How they proved it (RFC 8176).",
    "acr": "How sure that was.",
    "user_agent": "The browser or program, as it described itself.",
    "address": "The network address from which it came.",
    "device_name": "What the person calls the device.",
    "remembered": "Whether the person asked to be remembered.",
    "last_seen_at": "When it was used last.",
    "ended_at": "When it was ended.",
    "client_id": "The app; `apps` has its name.",
    "session_id": "The session in which it was granted.",
    "scope": "What was granted.",
    "resource": "For which services (RFC 8707).",
    "claims": "Which facts about the person, asked for one by one.",
    "offline": "Whether it outlives the session.",
    "revoked_at": "When it was ended.",
    "revoked_reason": "Why it was ended.",
    "granted_at": "When the person allowed it last.",
    "occurred_at": "When it happened.",
    "event": "What happened: a name of the catalogue of audit events.",
    "detail": "More of what happened.",
    "purpose": "What the link is for.",
    "email": "The address that it is about.",
    "used_at": "When it was used.",
    "cancelled_at": "When something overtook it.",
    "kind": "Of which kind it is.",
    "channel": "By mail or text message; for a sign-in, whether it began on a page, at `/oauth/token` or in this API.",
    "recipient": "The address that it goes to, where that is not the one of the account.",
    "language": "The language that it is written in.",
    "parameters": "What its words are made of.",
    "name": "What the person calls it.",
    "position": "Its place among the others; the first one is asked for.",
    "phone_number": "The number to which codes are sent.",
    "confirmed_at": "When the person showed that it works.",
    "last_used_at": "When it was used last.",
    "replaced_at": "When its secret was replaced last.",
    "request": "What the app asked for.",
}


def _field_of(column: InstrumentedAttribute[Any]) -> fields.Field[Any]:
    options: dict[str, Any] = {"metadata": {"description": _WORDS[column.key]}, "allow_none": True, "required": True}
    kind = column.type
    if isinstance(kind, UtcDateTime):
        return Instant(**options)
    if isinstance(kind, Uuid):
        return fields.UUID(**options)
    if isinstance(kind, Integer):
        return fields.Integer(**options)
    if isinstance(kind, Boolean):
        return fields.Boolean(**options)
    return fields.Raw(**options) if isinstance(kind, type(JsonColumn)) else fields.String(**options)


def _list_of(name: str) -> fields.Field[Any]:
    columns = {column.key: _field_of(column) for column in LISTS[name] if column.key in _WORDS}
    row = ApiSchema.from_dict(columns, name=f"Exported{name.title()}")
    return fields.List(
        fields.Nested(row), required=True, metadata={"description": f"The newest first, {MOST} at most."}
    )


_MEMBERS: dict[str, Any] = {
    "exported_at": Instant(required=True, metadata={"description": "When this was put together."}),
    "account": fields.Nested(AccountSchema, required=True),
    "email_verified_at": Instant(
        required=True, allow_none=True, metadata={"description": "When the address was confirmed."}
    ),
    "password_changed_at": Instant(
        required=True, allow_none=True, metadata={"description": "When the password was set last."}
    ),
    "superuser_since": Instant(
        required=True, allow_none=True, metadata={"description": "Since when they are an admin."}
    ),
    "second_factors_changed_at": Instant(
        required=True, allow_none=True, metadata={"description": "When their second factors changed last."}
    ),
    "second_factor_due_at": Instant(
        required=True, allow_none=True, metadata={"description": "From when on they cannot sign in without one."}
    ),
    "second_factor_forced_at": Instant(
        required=True, allow_none=True, metadata={"description": "Since when an admin wants them to set one up."}
    ),
    "password_set_by_mail_at": Instant(
        required=True, allow_none=True, metadata={"description": "When a mail alone set their password."}
    ),
    "mfa_policy": fields.Dict(
        required=True, allow_none=True, metadata={"description": "What is asked of this account beyond the usual."}
    ),
    "preferences": fields.Dict(required=True, metadata={"description": "What they chose for apps, by namespace."}),
    **{name: _list_of(name) for name in LISTS},
    "apps": fields.Dict(
        keys=fields.String(), values=fields.String(), required=True,
        metadata={"description": "What the apps are called, by their `client_id`."},
    ),
    "shortened": fields.List(
        fields.String(), required=True, metadata={"description": "The lists of which there is more than is told here."}
    ),
}  # fmt: skip
ExportSchema = ApiSchema.from_dict(_MEMBERS, name="Export")
ExportSchema.__doc__ = "Everything that is held about a person, without secrets."


@account.route("/users/me/export", methods=["GET"])
@recent
@account.response(200, ExportSchema)
def export() -> dict[str, Any]:
    """Get everything that is held about oneself

    No secret is in it: no password, no token, no link. Of each list only the newest are told; `shortened` says of which
    there are more. That it was asked for is recorded."""
    return export_account(current_caller().user_id)
