"""``/auth/sessions``: where a person is signed in, and ending that."""

from __future__ import annotations

import uuid
from typing import Any

from marshmallow import fields

from oidc_server.accounts.api.blueprints import sessions
from oidc_server.accounts.own_sessions import end_other_sessions, list_sessions
from oidc_server.api.blueprint import ApiSchema
from oidc_server.api.codes import Code
from oidc_server.api.fields import Instant
from oidc_server.api.pagination import PageQuery, page_of
from oidc_server.api.problems import Problem
from oidc_server.audit.service import Actor
from oidc_server.authorizations.ending import end_session
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason
from oidc_server.protocol.access_classes import current_caller, user
from oidc_server.protocol.server import current_server

_EXAMPLE = {
    "id": "01986f0e-7d5c-7c3e-9f0a-5b1c2d3e4f50",
    "browser": "Firefox",
    "system": "Linux",
    "device": "Laptop",
    "address": "192.0.2.17",
    "first_seen_at": "2026-03-02T08:15:00+00:00",
    "last_seen_at": "2026-03-09T17:42:10+00:00",
    "amr": ["pwd"],
    "remembered": True,
    "apps": ["Orders"],
    "current": True,
}


class SessionSchema(ApiSchema):
    """A session of the person."""

    id = fields.UUID(required=True, metadata={"description": "Its id: the `sid` of tokens."})
    browser = fields.String(
        required=True, allow_none=True,
        metadata={"description": "The browser or program, as it told; null: it told nothing that is known."},
    )  # fmt: skip
    system = fields.String(
        required=True, allow_none=True, metadata={"description": "The system that it runs on, as it told."}
    )
    device = fields.String(
        required=True, allow_none=True, metadata={"description": "The `device` of the sign-in, where it had one."}
    )
    address = fields.String(
        required=True, allow_none=True, metadata={"description": "The IP address of the sign-in. It is not located."}
    )
    first_seen_at = Instant(required=True, metadata={"description": "When the session began."})
    last_seen_at = Instant(
        required=True,
        metadata={"description": "When the browser, or an app by refreshing its tokens, used it last, to a minute."},
    )
    amr = fields.List(
        fields.String(), required=True, metadata={"description": "How the person signed in, last (RFC 8176)."}
    )
    remembered = fields.Boolean(
        required=True, metadata={"description": "Whether the browser keeps it when it is closed."}
    )
    apps = fields.List(
        fields.String(), required=True,
        metadata={"description": "The names of the apps that were used in it, the latest first."},
    )  # fmt: skip
    current = fields.Boolean(required=True, metadata={"description": "Whether it is the one of the access token."})


class SessionsSchema(ApiSchema):
    """A page of sessions."""

    items = fields.List(
        fields.Nested(SessionSchema), required=True, metadata={"description": "Those that began last come first."}
    )
    next = fields.String(required=True, allow_none=True, metadata={"description": "The cursor of the next page."})


class SessionsEndedSchema(ApiSchema):
    """How many sessions ended."""

    ended = fields.Integer(required=True, metadata={"description": "The number of sessions that ended."})


@sessions.route("/auth/sessions", methods=["GET"])
@user
@sessions.arguments(PageQuery, location="query")
@sessions.response(200, SessionsSchema, example={"items": [_EXAMPLE], "next": None})
def show_sessions(query: dict[str, Any]) -> Any:
    """List one's own sessions

    Those with which a browser or an app could do something now."""
    caller, limit = current_caller(), query["limit"]
    with reading() as session:
        found = list_sessions(
            session, current_server(), user_id=caller.user_id, current=caller.session_id, limit=limit + 1,
            after=query["cursor"],
        )  # fmt: skip
    page = page_of(found, limit, lambda one: one.id, lambda one: one)
    return page, 200, page.headers()


@sessions.route("/auth/sessions/<uuid:session_id>", methods=["DELETE"])
@user
@sessions.response(204)
def end_one_session(session_id: uuid.UUID) -> None:
    """End one of one's own sessions

    The browser is signed out, and everything that was granted in the session ends: no token of it is good any more."""
    user_id = current_caller().user_id
    with transaction() as session:
        ended = end_session(session, session_id, user_id=user_id, actor=Actor("user", str(user_id)))
    if not ended:
        raise Problem(Code.NOT_FOUND, Reason.NOT_FOUND, "no such session")


@sessions.route("/auth/sessions", methods=["DELETE"])
@user
@sessions.response(200, SessionsEndedSchema, example={"ended": 2})
def end_all_other_sessions() -> Any:
    """End all of one's own sessions but this one

    Each as if it were ended by itself. The session of the access token goes on."""
    caller = current_caller()
    with transaction() as session:
        ended = end_other_sessions(session, current_server(), user_id=caller.user_id, current=caller.session_id)
    return {"ended": ended}
