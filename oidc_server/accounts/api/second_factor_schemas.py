"""What the addresses below ``/mfa`` read and show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validate, validates_schema

from oidc_server.api.blueprint import ApiSchema
from oidc_server.api.fields import Instant, Text
from oidc_server.core.identity import parse_id
from oidc_server.mfa.kinds import KINDS, FactorKind
from oidc_server.mfa.methods import NAME_CHARACTERS

_TYPES = [kind.value for kind in KINDS]
_CODE_CHARACTERS, _TOKEN_CHARACTERS, _NUMBER_CHARACTERS = 100, 200, 40
_ONE_ANSWER: dict[str, Any] = {"oneOf": [{"required": ["code"]}, {"required": ["credential"]}]}


class Identity(fields.UUID):
    """An id, as answers give it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and (identity := parse_id(value)) is not None:
            return identity
        raise ValidationError("Has to be an id.")


class Credential(fields.Dict):
    """An authenticator's answer, as ``PublicKeyCredential.toJSON()`` gives it; what is in it is checked as a whole."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return json.dumps(super()._deserialize(value, attr, data, **kwargs))  # type: ignore[no-untyped-call]
        except RecursionError as error:
            raise ValidationError("Is nested too deeply.") from error


def _name() -> Text:
    return Text(most=NAME_CHARACTERS, metadata={"description": "What the person calls it."})


def _code() -> Text:
    # Blanks and hyphens within are taken off once, where codes are read.
    return Text(most=_CODE_CHARACTERS, strip=False, metadata={"description": "The code, as it was typed."})


def _credential() -> Credential:
    return Credential(metadata={"description": "The authenticator's answer: `PublicKeyCredential.toJSON()`."})


def _mfa_token() -> Text:
    return Text(
        most=_TOKEN_CHARACTERS,
        metadata={"description": "Of a login that waits; left away when an access token is sent."},
    )


def _check_one_answer(data: Mapping[str, Any]) -> None:
    if ("code" in data) == ("credential" in data):
        raise ValidationError("Send either `code` or `credential`.", "code")


class SetupSchema(ApiSchema):
    """Which second factor to set up; `phone_number` with `sms` only."""

    further: ClassVar = {
        "if": {"properties": {"type": {"const": FactorKind.SMS.value}}, "required": ["type"]},
        "then": {"required": ["phone_number"]},
        "else": {"not": {"required": ["phone_number"]}},
    }

    type = fields.String(
        required=True, validate=validate.OneOf(_TYPES),
        metadata={"description": "`webauthn` is a passkey or a security key, `totp` an authenticator app."},
    )  # fmt: skip
    name = _name()
    phone_number = Text(
        most=_NUMBER_CHARACTERS,
        metadata={"description": "Where text messages go, with the country, such as `+49 170 1234567`."},
    )

    @validates_schema
    def _number_with_sms(self, data: dict[str, Any], **_options: Any) -> None:
        if ("phone_number" in data) != (data.get("type") == FactorKind.SMS.value):
            raise ValidationError("Belongs to `sms`, and to nothing else.", "phone_number")


class SetupBegunSchema(ApiSchema):
    """A second factor that is being set up: what is needed to finish. It waits for 15 minutes."""

    method_id = fields.UUID(required=True, metadata={"description": "Its id."})
    type = fields.String(required=True, metadata={"enum": _TYPES})
    name = fields.String(required=True, metadata={"description": "What it is called."})
    secret = fields.String(metadata={"description": "For `totp`: the secret in Base32. It is not shown again."})
    otpauth_uri = fields.String(metadata={"description": "For `totp`: the same, for apps on this device."})
    qr_code = fields.String(metadata={"description": "For `totp`: the same as a picture, an `svg` element."})
    sent_to = fields.String(metadata={"description": "For `email` and `sms`: where a code was sent, masked."})
    creation_options = fields.Dict(
        metadata={
            "description": "For `webauthn`: what `PublicKeyCredential.parseCreationOptionsFromJSON()` reads."
        }
    )  # fmt: skip


class ConfirmationSchema(ApiSchema):
    """Proof that a second factor works: the code, or for `webauthn` what the authenticator made."""

    further: ClassVar = _ONE_ANSWER

    code = _code()
    credential = _credential()

    @validates_schema
    def _one(self, data: dict[str, Any], **_options: Any) -> None:
        _check_one_answer(data)


class MethodSchema(ApiSchema):
    """A second factor."""

    id = fields.UUID(required=True, metadata={"description": "Its id."})
    type = fields.String(required=True, metadata={"enum": _TYPES})
    name = fields.String(required=True, metadata={"description": "What it is called."})
    default = fields.Boolean(required=True, metadata={"description": "Whether it is the one that is asked for first."})
    sent_to = fields.String(
        required=True, allow_none=True,
        metadata={"description": "For `email` and `sms`: where codes go, masked; else null."},
    )  # fmt: skip
    created_at = Instant(required=True, metadata={"description": "When it was set up."})
    last_used_at = Instant(required=True, allow_none=True, metadata={"description": "When it was given last."})


class MethodsSchema(ApiSchema):
    """A person's second factors."""

    items = fields.List(
        fields.Nested(MethodSchema), required=True, metadata={"description": "In the person's order."}
    )  # fmt: skip
    backup_codes_left = fields.Integer(required=True, metadata={"description": "How many recovery codes are unused."})


class MethodChangeSchema(ApiSchema):
    """What may be changed of a second factor; what is left out stays."""

    name = _name()
    default = fields.Boolean(
        truthy={True}, falsy=set(),
        metadata={"enum": [True], "description": "True: ask for this one first. Another one takes that from it."},
    )  # fmt: skip


class BackupCodesSchema(ApiSchema):
    """Recovery codes."""

    backup_codes = fields.List(
        fields.String(), required=True,
        metadata={"description": "Ten, each good once. They are in this answer only; those before are void."},
    )  # fmt: skip


class RaisedTokensSchema(ApiSchema):
    """An access token of the same grant, in which the person has given a second factor. The refresh token stays."""

    access_token = fields.String(required=True, metadata={"description": "A JWT; `acr`, `amr` and `auth_time` say it."})
    token_type = fields.String(required=True, metadata={"enum": ["Bearer"]})
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds for which the access token is good."})
    id_token = fields.String(metadata={"description": "Who signed in, and how (OpenID Connect Core §2)."})
    scope = fields.String(required=True, metadata={"description": "What the access token allows: as before."})


class MethodAddedSchema(MethodSchema):
    """A second factor that was set up."""

    backup_codes = fields.List(
        fields.String(), metadata={"description": "With the first one: ten recovery codes, in this answer only."}
    )
    tokens = fields.Nested(
        RaisedTokensSchema, metadata={"description": "The factor counts as given: tokens that say so."}
    )


class ChallengeSchema(ApiSchema):
    """Which second factor to ask for."""

    method_id = Identity(required=True, metadata={"description": "Of the list of methods."})
    mfa_token = _mfa_token()


class ChallengedSchema(ApiSchema):
    """What was asked for."""

    challenge_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "Of the code that was sent; null where none was."}
    )
    type = fields.String(required=True, metadata={"enum": _TYPES})
    sent_to = fields.String(required=True, allow_none=True, metadata={"description": "Where it was sent, masked."})
    request_options = fields.Dict(
        required=True, allow_none=True,
        metadata={
            "description": "For `webauthn`: what `PublicKeyCredential.parseRequestOptionsFromJSON()` reads."
        },
    )  # fmt: skip


class FactorSchema(ApiSchema):
    """A second factor; for a recovery code, `code` without `method_id`."""

    further: ClassVar = _ONE_ANSWER | {"dependentRequired": {"credential": ["method_id"]}}

    mfa_token = _mfa_token()
    method_id = Identity(metadata={"description": "Which one it is of; left away for a recovery code."})
    challenge_id = Identity(metadata={"description": "The `challenge_id` that the code answers, to be sure of it."})
    code = _code()
    credential = _credential()

    @validates_schema
    def _one(self, data: dict[str, Any], **_options: Any) -> None:
        _check_one_answer(data)
        if "credential" in data and "method_id" not in data:
            raise ValidationError("Belongs to a `credential`.", "method_id")


class FactorGivenSchema(RaisedTokensSchema):
    """Tokens (RFC 6749 §5.1)."""

    refresh_token = fields.String(
        metadata={"description": "For `POST /auth/refresh`. Absent after a step-up: the one there is stays good."}
    )
