"""``/users/{id}/activity`` and ``/users/{id}/dashboard``: what happened to an account, and how it stands."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response

from oidc_server.access.permissions import Permission
from oidc_server.accounts.activity import activity_of, events_about
from oidc_server.accounts.api.blueprints import users
from oidc_server.accounts.api.user_schemas import ActivitiesSchema, DashboardSchema
from oidc_server.accounts.dashboard import dashboard_of
from oidc_server.accounts.refusals import AccountGone
from oidc_server.api.answers import json_answer
from oidc_server.api.pagination import PageQuery, page_of
from oidc_server.core.database import reading
from oidc_server.protocol.access_classes import current_caller, holds, self_or
from oidc_server.protocol.server import current_server
from oidc_server.users.models import User


@users.route("/users/<uuid:user_id>/activity", methods=["GET"])
@self_or(Permission.AUDIT_READ)
@users.arguments(PageQuery, location="query")
@users.response(200, ActivitiesSchema)
def show_activity(query: dict[str, Any], user_id: uuid.UUID) -> Response:
    """See what happened to an account

    The newest first, by pages, each in a sentence. Who may read the audit sees further facts."""
    is_auditor, limit = holds(Permission.AUDIT_READ), query["limit"]
    with reading() as session:
        if session.get(User, user_id) is None:
            raise AccountGone
        events = events_about(session, user_id, limit=limit + 1, before=query["cursor"])
    page = page_of(
        events, limit, lambda event: event.id, lambda event: activity_of(event, _name_of, for_admin=is_auditor)
    )
    return json_answer({"items": page.items, "next": page.next}, headers=page.headers())


@users.route("/users/<uuid:user_id>/dashboard", methods=["GET"])
@self_or(Permission.USERS_READ)
@users.response(200, DashboardSchema)
def show_dashboard(user_id: uuid.UUID) -> Response:
    """See how an account stands

    The account, how safe it is, the latest of what happened to it, and its latest sessions, ten of each."""
    server, is_auditor = current_server(), holds(Permission.AUDIT_READ)
    with reading() as session:
        found = dashboard_of(
            session, server, user_id, current=current_caller().session_id, client_name=_name_of, for_admin=is_auditor
        )
    if found is None:
        raise AccountGone
    return json_answer(found)


def _name_of(client_id: str) -> str | None:
    client = current_server().clients.find(client_id)
    return None if client is None else client.client_name
