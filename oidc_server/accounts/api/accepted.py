"""The answer of endpoints that have a mail sent: one for everybody, whoever has an account and whoever has none."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from oidc_server.api.blueprint import ApiSchema
from oidc_server.api.fields import Login


class AcceptedSchema(ApiSchema):
    """What was asked for is noted."""

    detail = fields.String(required=True, metadata={"description": "A sentence for people; it is always this one."})


class MailRequestSchema(ApiSchema):
    """Whom a mail is for."""

    email = Login(
        required=True, most=320, metadata={"description": "The email address.", "examples": ["ada@example.com"]}
    )


ACCEPTED: dict[str, Any] = {"detail": "If there is something to send to this address, a mail is on its way."}
