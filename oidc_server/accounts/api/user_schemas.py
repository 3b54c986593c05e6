"""What the addresses below ``/users`` read and show, beside an account itself."""

from __future__ import annotations

from typing import Any

from marshmallow import INCLUDE, ValidationError, fields

from oidc_server.accounts.api.account_schemas import AccountChangeSchema, AccountSchema
from oidc_server.accounts.api.sessions import SessionSchema
from oidc_server.api.blueprint import ApiSchema
from oidc_server.api.fields import Instant, Login, Password, Text
from oidc_server.api.pagination import PageQuery

REASON_CHARACTERS = 500


class Truth(fields.Boolean):
    """``true`` or ``false`` of JSON; nothing that only looks like one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise ValidationError("Has to be true or false.")
        return value


def _filter(words: str) -> fields.Boolean:
    """A truth in a query."""
    return fields.Boolean(truthy={"true"}, falsy={"false"}, load_default=None, metadata={"description": words})


class UsersQuery(PageQuery):
    """Which accounts, and which page of them."""

    query = Text(
        most=320, load_default=None,
        metadata={"description": "The beginning of an email address or a username, in any case and spelling."},
    )  # fmt: skip
    is_active = _filter("Only those that are active, or only those that are suspended or locked.")
    is_verified = _filter("Only those whose email address is confirmed, or only the others.")


class UsersSchema(ApiSchema):
    """A page of accounts."""

    items = fields.List(fields.Nested(AccountSchema), required=True, metadata={"description": "The oldest first."})
    next = fields.String(required=True, allow_none=True, metadata={"description": "The cursor of the next page."})


class NewUserSchema(AccountChangeSchema):
    """An account to make."""

    email = Login(required=True, most=320, metadata={"description": "The email address."})
    password = Password(
        metadata={"description": "The first password. Without one, the person gets a mail with a link to set it."}
    )
    is_verified = Truth(metadata={"description": "The address is known to be theirs."})


class UserChangeSchema(AccountChangeSchema):
    """What may be changed of an account. What is left out stays; null removes it."""

    email = Login(
        most=320,
        metadata={"description": "For admins only: the address, which is unconfirmed then. One's own is changed by "
                                 "`POST /auth/change-email`."},
    )  # fmt: skip
    is_verified = Truth(metadata={"description": "For admins only: whether the address is known to be theirs."})


def _reason(*, required: bool) -> Text:
    return Text(required=required, most=REASON_CHARACTERS, metadata={"description": "Why; kept in the audit log."})


class SuspensionSchema(ApiSchema):
    """Why an account is suspended, and until when."""

    reason = _reason(required=True)
    until = Instant(
        load_default=None, allow_none=True,
        metadata={"description": "When it ends by itself; null: when an admin activates the account."},
    )  # fmt: skip


class ReasonSchema(ApiSchema):
    """Why something is done to an account."""

    reason = _reason(required=False)


class SignedOutSchema(ApiSchema):
    """What ended."""

    sessions = fields.Integer(required=True, metadata={"description": "How many sessions were running."})
    authorizations = fields.Integer(required=True, metadata={"description": "How many grants to apps were alive."})


class InvitationSchema(ApiSchema):
    """The token of an invitation, and the password that the person chose."""

    token = Text(required=True, most=256, metadata={"description": "From the link in the mail."})
    password = Password(required=True, metadata={"description": "The first password."})


class InvitedSchema(ApiSchema):
    """An account that may sign in now."""

    email = fields.String(required=True, metadata={"description": "The address to sign in with; it is confirmed."})


class PreferencesSchema(ApiSchema):
    """Preferences: an object of namespaces, each an object of names and values of JSON. Null removes one."""

    class Meta:
        unknown = INCLUDE


class ActivitySchema(ApiSchema):
    """Something that happened to an account."""

    id = fields.UUID(required=True, metadata={"description": "Its id."})
    event = fields.String(required=True, metadata={"description": "What it was, for programs."})
    text = fields.String(required=True, metadata={"description": "What it was, in a sentence of `Accept-Language`."})
    occurred_at = Instant(required=True, metadata={"description": "When."})
    actor = fields.String(
        required=True,
        metadata={"enum": ["person", "somebody", "admin", "app", "operator", "system"],
                  "description": "Who did it: `somebody` did not prove who they are."},
    )  # fmt: skip
    address = fields.String(
        required=True, allow_none=True, metadata={"description": "From which address; not told of admins."}
    )
    client_id = fields.String(required=True, allow_none=True, metadata={"description": "By which app."})
    client_name = fields.String(required=True, allow_none=True, metadata={"description": "What the app is called."})
    actor_id = fields.String(allow_none=True, metadata={"description": "Who it was; for `audit:read` only."})
    request_id = fields.String(allow_none=True, metadata={"description": "In which request; for `audit:read` only."})
    detail = fields.Dict(metadata={"description": "Further facts; for `audit:read` only."})


class ActivitiesSchema(ApiSchema):
    """A page of what happened."""

    items = fields.List(fields.Nested(ActivitySchema), required=True, metadata={"description": "The newest first."})
    next = fields.String(required=True, allow_none=True, metadata={"description": "The cursor of the next page."})


class SecuritySchema(ApiSchema):
    """How safe an account is."""

    is_active = fields.Boolean(required=True, metadata={"description": "False while suspended or locked."})
    is_verified = fields.Boolean(required=True, metadata={"description": "Whether the email address is confirmed."})
    has_password = fields.Boolean(required=True, metadata={"description": "Whether a password was set."})
    password_changed_at = Instant(required=True, allow_none=True, metadata={"description": "When, the last time."})
    locked_until = Instant(required=True, allow_none=True, metadata={"description": "Until when it is locked."})
    sessions = fields.Integer(required=True, metadata={"description": "How many sessions are running."})
    known_devices = fields.Integer(
        required=True, metadata={"description": "From how many devices the person signed in lately."}
    )
    second_factors = fields.Integer(required=True, metadata={"description": "How many second factors there are."})
    recovery_codes = fields.Integer(required=True, metadata={"description": "How many recovery codes are unused."})
    trusted_browsers = fields.Integer(
        required=True, metadata={"description": "In how many browsers no second factor is asked for, for a while."}
    )


class DashboardSchema(ApiSchema):
    """How an account stands."""

    account = fields.Nested(AccountSchema, required=True)
    security = fields.Nested(SecuritySchema, required=True)
    activity = fields.List(
        fields.Nested(ActivitySchema), required=True, metadata={"description": "What happened, the newest first."}
    )
    sessions = fields.List(
        fields.Nested(SessionSchema), required=True, metadata={"description": "The running sessions, the latest first."}
    )
