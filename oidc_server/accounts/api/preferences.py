"""``/users/{id}/preferences`` and ``/users/profile``: what people say and choose themselves."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response
from marshmallow import INCLUDE

from oidc_server.accounts.administration import account_to_change
from oidc_server.accounts.api.account_schemas import AccountChangeSchema, AccountSchema
from oidc_server.accounts.api.answering import caller_as_actor, shown_account
from oidc_server.accounts.api.blueprints import users
from oidc_server.accounts.api.user_schemas import PreferencesSchema
from oidc_server.accounts.editing import change_account
from oidc_server.accounts.refusals import MembersWrong
from oidc_server.api.answers import json_answer
from oidc_server.api.blueprint import refuses
from oidc_server.api.codes import Code
from oidc_server.core.database import reading, transaction
from oidc_server.protocol.access_classes import current_caller, itself, verified
from oidc_server.users.preferences import PreferencesInvalid, change_preferences, preferences_of


@users.route("/users/profile", methods=["POST"])
@verified
@refuses(Code.USERNAME_TAKEN)
@users.arguments(AccountChangeSchema, example={"full_name": "Ada Lovelace", "profile": {"bio": "Counts."}})
@users.response(200, AccountSchema)
def complete_profile(body: dict[str, Any]) -> Response:
    """Complete one's profile

    The same as `PATCH /auth/me`, for a form that does not know whether there is a profile yet."""
    user_id = current_caller().user_id
    with transaction() as session:
        change_account(session, user_id, body, actor=caller_as_actor())
    return shown_account(user_id)


@users.route("/users/<uuid:user_id>/preferences", methods=["GET"])
@itself
@users.response(200, PreferencesSchema)
def show_preferences(user_id: uuid.UUID) -> Response:
    """See one's preferences"""
    with reading() as session:
        return json_answer(preferences_of(session, user_id))


@users.route("/users/<uuid:user_id>/preferences", methods=["PATCH"])
@itself
@users.arguments(PreferencesSchema, unknown=INCLUDE, example={"shop": {"theme": "dark", "page_size": 50}})
@users.response(200, PreferencesSchema)
def change(body: dict[str, Any], user_id: uuid.UUID) -> Response:
    """Change one's preferences

    A JSON merge patch (RFC 7396): what is left out stays, null removes a value or a whole namespace. The values are
    whatever JSON can say; all together have at most 16 KiB. Answers all that there is then."""
    try:
        with transaction() as session:
            return json_answer(change_preferences(session, account_to_change(session, user_id), body))
    except PreferencesInvalid as error:
        raise MembersWrong(error.problems) from error
