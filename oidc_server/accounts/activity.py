"""What happened to an account, for its owner and for admins: the audit events about it, newest first, in words."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from oidc_server.audit.models import AuditEvent
from oidc_server.audit.sentences import sentence_of

ClientName = Callable[[str], str | None]


def events_about(session: Session, user_id: uuid.UUID, *, limit: int, before: uuid.UUID | None) -> Sequence[AuditEvent]:
    """Events in which the person is concerned, the newest first, those before the one with the id ``before``."""
    query = select(AuditEvent).where(AuditEvent.user_id == user_id).order_by(AuditEvent.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEvent.id < before)
    return session.scalars(query).all()


def activity_of(event: AuditEvent, client_name: ClientName, *, for_admin: bool) -> dict[str, Any]:
    """An event as it is shown. Only admins see who the admin or operator was, why, and from where: to the person it is
    enough that it was one."""
    actor = _kind_of_actor(event)
    by_others = actor in {"admin", "operator"}
    shown: dict[str, Any] = {
        "id": event.id,
        "event": event.event,
        "text": sentence_of(event.event),
        "occurred_at": event.occurred_at,
        "actor": actor,
        "address": None if by_others and not for_admin else event.address,
        "client_id": event.client_id,
        "client_name": None if event.client_id is None else client_name(event.client_id),
    }
    if for_admin:
        shown |= {"actor_id": event.actor_id, "request_id": event.request_id, "detail": event.detail}
    return shown


def _kind_of_actor(event: AuditEvent) -> str:
    """``person``: themselves; ``somebody``: who did not prove who they are; ``admin``, ``app``, ``operator`` or
    ``system``."""
    if event.actor_kind == "user":
        if event.actor_id is None:
            return "somebody"
        return "person" if event.actor_id == str(event.user_id) else "admin"
    return "app" if event.actor_kind == "client" else event.actor_kind
