"""``/auth/register``, ``/auth/verify-email``, ``/auth/resend-verification``: making an account for oneself."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from oidc_server.accounts.api.accepted import ACCEPTED, AcceptedSchema, MailRequestSchema
from oidc_server.accounts.api.account_schemas import ProfileChangeSchema
from oidc_server.accounts.api.blueprints import registration
from oidc_server.accounts.registration import Registered, Wanted, register
from oidc_server.accounts.verification import Follower, request_verification, verify_email
from oidc_server.api.blueprint import ApiSchema, refuses
from oidc_server.api.codes import Code
from oidc_server.api.fields import Instant, Login, Password, Text
from oidc_server.core.http import client_address
from oidc_server.protocol.access_classes import caller_if_any, person_or_nobody, public
from oidc_server.protocol.server import current_server
from oidc_server.users.profile_values import TEXT_CHARACTERS

_MOST_TOKEN = 200
_NEW = {"email": "ada@example.com", "password": "three random words", "full_name": "Ada Lovelace"}


class RegistrationSchema(ApiSchema):
    """The account that somebody wants."""

    email = Login(
        required=True, most=320, metadata={"description": "The email address.", "examples": ["ada@example.com"]}
    )
    password = Password(required=True, metadata={"description": "The password: 8 to 256 characters of any kind."})
    username = Login(most=64, allow_none=True, metadata={"description": "Another name to sign in with. It is public."})
    full_name = Text(most=TEXT_CHARACTERS["name"], allow_none=True, metadata={"description": "The name, whole."})
    profile = fields.Nested(ProfileChangeSchema, metadata={"description": "Members of the profile."})


class RegisteredSchema(ApiSchema):
    """What was made; when the address had an account already, the same, with an id that leads nowhere."""

    id = fields.UUID(required=True, metadata={"description": "The account's id."})
    email = fields.String(required=True, metadata={"description": "As it was typed."})
    username = fields.String(required=True, allow_none=True, metadata={"description": "As it was typed."})
    full_name = fields.String(required=True, allow_none=True, metadata={"description": "As it was typed."})
    is_verified = fields.Boolean(required=True, metadata={"description": "Never yet: a mail is on its way."})
    created_at = Instant(required=True, metadata={"description": "Now."})


class VerificationSchema(ApiSchema):
    """The token of the link, and, if it is at hand, the password of the account."""

    token = Text(required=True, most=_MOST_TOKEN, metadata={"description": "The `token` of the link in the mail."})
    password = Password(metadata={"description": "Shows that whoever follows the link is the one who registered."})


class VerifiedSchema(ApiSchema):
    """An address that is confirmed."""

    email = fields.String(required=True, metadata={"description": "The email address."})
    is_verified = fields.Boolean(required=True, metadata={"description": "True."})


@registration.route("/auth/register", methods=["POST"])
@public
@refuses(
    Code.REGISTRATION_CLOSED, Code.USERNAME_TAKEN, Code.EMAIL_TAKEN, Code.PASSWORD_REFUSED, Code.TOO_MANY_REQUESTS,
    Code.SERVICE_UNAVAILABLE,
)  # fmt: skip
@registration.arguments(RegistrationSchema, example=_NEW)
@registration.response(201, RegisteredSchema)
def make_account(body: dict[str, Any]) -> Registered:
    """Make an account for oneself

    A link that confirms the address is sent to it. An address that has an account already is answered alike, and its
    owner gets a mail; `email_taken` is only answered where the operator wants it. Usernames are public."""
    return register(current_server(), Wanted(**body), client_address())


@registration.route("/auth/verify-email", methods=["POST"])
@person_or_nobody
@refuses(Code.LINK_INVALID, Code.CREDENTIALS_WRONG, Code.TOO_MANY_REQUESTS, Code.SERVICE_UNAVAILABLE)
@registration.arguments(VerificationSchema)
@registration.response(200, VerifiedSchema)
def confirm_address(body: dict[str, Any]) -> dict[str, Any]:
    """Confirm an email address

    The token proves who reads the mail, and not who has registered. An app sends along what shows that they are one and
    the same person: the access token of the account, or its password; a token or password of another account is
    refused, and the link stays good. An app that sends neither answers for that itself."""
    caller = caller_if_any()
    follower = Follower(user_id=None if caller is None else caller.user_id, password=body.get("password"))
    email = verify_email(current_server(), body["token"], follower, client_address(), vouched=True)
    return {"email": email, "is_verified": True}


@registration.route("/auth/resend-verification", methods=["POST"])
@public
@refuses(Code.TOO_MANY_REQUESTS)
@registration.arguments(MailRequestSchema)
@registration.response(202, AcceptedSchema)
def resend_verification(body: dict[str, Any]) -> dict[str, Any]:
    """Have the link sent again

    The answer is always the same. A mail is sent when there is an account with this address that is not confirmed; the
    links sent before end then."""
    request_verification(current_server(), body["email"], client_address())
    return ACCEPTED
