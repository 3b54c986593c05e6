"""What the JSON API shows of an account, and what may be changed in it."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from oidc_server.access.permissions import Permission, Role
from oidc_server.api.blueprint import ApiSchema
from oidc_server.api.fields import Instant, Login, Text
from oidc_server.mfa.kinds import KINDS
from oidc_server.users.profile_values import ADDRESS_CHARACTERS, TEXT_CHARACTERS

_WORDS = {
    "given_name": "Given or first names.",
    "family_name": "Family names.",
    "middle_name": "Middle names.",
    "nickname": "What friends say.",
    "profile": "The address of a page about the person.",
    "picture": "The address of a picture of the person: the avatar.",
    "website": "The address of the person's own site.",
    "gender": "Free text.",
    "birthdate": "`YYYY-MM-DD`, `0000-MM-DD` without the year, or `YYYY`.",
    "zoneinfo": "A name of the IANA time zone database, such as `Europe/Berlin`.",
    "locale": "A language tag (BCP 47), such as `en-GB`.",
    "phone_number": "E.164, such as `+442079460123`.",
    "bio": "A few lines about the person.",
}
_LINES = {"bio", "formatted", "street_address"}


def _text(name: str, most: int, words: str) -> fields.Field[Any]:
    return Text(most=most, lines=name in _LINES, strip=False, allow_none=True, metadata={"description": words})


AddressSchema = ApiSchema.from_dict(
    {name: _text(name, most, "OpenID Connect Core §5.1.1.") for name, most in ADDRESS_CHARACTERS.items()},
    name="Address",
)
_MEMBERS: dict[str, Any] = {name: _text(name, TEXT_CHARACTERS[name], words) for name, words in _WORDS.items()}
_MEMBERS["address"] = fields.Nested(AddressSchema, allow_none=True, metadata={"description": "The postal address."})

# What a person may say of themselves; null removes a member.
ProfileChangeSchema = ApiSchema.from_dict(_MEMBERS, name="ProfileChange")


class ProfileSchema(ProfileChangeSchema):  # type: ignore[misc, valid-type]
    """What a person tells of themselves, under the names of OpenID Connect Core §5.1; what is not told is left out."""

    phone_number_verified = fields.Boolean(metadata={"description": "Whether the number was proven to be theirs."})


class MfaSchema(ApiSchema):
    """The second factors of an account, in brief."""

    enabled = fields.Boolean(required=True, metadata={"description": "Whether there is any."})
    types = fields.List(
        fields.String(metadata={"enum": [kind.value for kind in KINDS]}),
        required=True, metadata={"description": "Of which kinds, the surest first."},
    )  # fmt: skip
    changed_at = Instant(
        required=True, allow_none=True, metadata={"description": "When one was added or removed last."}
    )  # fmt: skip
    enrol_by = Instant(
        required=True, allow_none=True,
        metadata={"description": "Until when the person has to set one up, where one is demanded and there is none."},
    )  # fmt: skip


class AccountSchema(ApiSchema):
    """An account."""

    id = fields.UUID(required=True, metadata={"description": "Never given to anybody else; the `sub` of tokens."})
    email = fields.String(required=True, metadata={"description": "As it was typed."})
    username = fields.String(required=True, allow_none=True, metadata={"description": "Another name to sign in with."})
    full_name = fields.String(required=True, allow_none=True, metadata={"description": "The name, whole, as shown."})
    is_active = fields.Boolean(required=True, metadata={"description": "False while suspended or locked."})
    is_verified = fields.Boolean(required=True, metadata={"description": "Whether the email address is confirmed."})
    suspended_at = Instant(required=True, allow_none=True, metadata={"description": "Since when it is suspended."})
    suspension_reason = fields.String(required=True, allow_none=True, metadata={"description": "Why, for people."})
    locked_until = Instant(required=True, allow_none=True, metadata={"description": "Until when it is locked."})
    erase_at = Instant(
        required=True,
        allow_none=True,
        metadata={"description": "When a closed account is erased; signing in prevents it."},
    )
    last_login = Instant(required=True, allow_none=True, metadata={"description": "The latest sign-in."})
    created_at = Instant(required=True, metadata={"description": "When the account was made."})
    updated_at = Instant(required=True, metadata={"description": "When it was changed last."})
    profile = fields.Nested(ProfileSchema, required=True)
    roles = fields.List(
        fields.String(metadata={"enum": [role.value for role in Role]}),
        required=True, metadata={"description": "The built-in roles."},
    )  # fmt: skip
    permissions = fields.List(
        fields.String(metadata={"enum": [one.value for one in Permission]}),
        required=True, metadata={"description": "What the roles allow."},
    )  # fmt: skip
    mfa = fields.Nested(MfaSchema, required=True)


class AccountChangeSchema(ApiSchema):
    """What a person may change of their account by themselves. What is left out stays; null removes it."""

    username = Login(most=64, allow_none=True, metadata={"description": "Another name to sign in with."})
    full_name = Text(most=TEXT_CHARACTERS["name"], allow_none=True, metadata={"description": "The name, whole."})
    profile = fields.Nested(ProfileChangeSchema, metadata={"description": "Members of the profile."})
