"""Recording security events, in the transaction of the fact they tell of."""

import getpass
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from flask import has_request_context, request
from sqlalchemy import Table, bindparam, insert
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.models import AuditEvent
from oidc_server.core import clock
from oidc_server.core.envelope import REQUEST_ID
from oidc_server.core.identity import new_id
from oidc_server.core.statements import HotStatement

# Into the table, not the mapped class: the ORM would work out anew what to do, each time, for nearly every request.
_TABLE = cast("Table", AuditEvent.__table__)
_APPEND = HotStatement(
    "append_audit_event", insert(_TABLE).values({column.name: bindparam(column.name) for column in _TABLE.c})
)


@dataclass(frozen=True)
class Actor:
    """Who caused the fact: ``user``, ``client``, ``operator`` (at the command line) or ``system``."""

    kind: str
    id: str | None = None


SYSTEM = Actor("system")


def operator() -> Actor:
    """The person at the command line, by the name of their account on this machine."""
    try:
        return Actor("operator", getpass.getuser())
    except (KeyError, OSError):
        return Actor("operator")


def record(
    session: Session,
    event: Event,
    *,
    actor: Actor,
    subject: str,
    client_id: str | None = None,
    user_id: uuid.UUID | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Append one event. ``subject`` is the id of what it happened to; ``detail`` never holds a secret.

    It is written by the caller's transaction: either the fact and its event exist, or neither does."""
    values = _values(event, actor, subject=subject, client_id=client_id, user_id=user_id, detail=detail)
    _APPEND.execute(session.connection(), **values)


def record_of_users(
    session: Session, event: Event, *, actor: Actor, details: Mapping[uuid.UUID, dict[str, Any]]
) -> None:
    """As :func:`record`, one event for each of many users, with its detail; in one statement."""
    rows = [
        _values(event, actor, subject=str(user_id), user_id=user_id, detail=detail)
        for user_id, detail in details.items()
    ]
    if rows:
        session.execute(insert(AuditEvent), rows)


def _values(
    event: Event,
    actor: Actor,
    *,
    subject: str,
    client_id: str | None = None,
    user_id: uuid.UUID | None,
    detail: dict[str, Any] | None,
) -> dict[str, Any]:
    in_request = has_request_context()
    return {
        "id": new_id(),
        "occurred_at": clock.now(),
        "event": event.value,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "subject_kind": event.subject,
        "subject_id": subject,
        "client_id": client_id,
        "user_id": user_id,
        "address": request.remote_addr if in_request else None,
        "request_id": request.environ.get(REQUEST_ID) if in_request else None,
        "detail": detail or {},
    }
