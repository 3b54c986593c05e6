"""Writes down what has to be told to somebody, in the transaction of the fact; the worker tells it later."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import has_request_context
from sqlalchemy.orm import Session

from oidc_server.core import clock
from oidc_server.messages.kinds import Kind
from oidc_server.messages.models import Message
from oidc_server.pages.languages import current_language

MAIL, SMS = "mail", "sms"


def enqueue(
    session: Session,
    *,
    kind: Kind,
    user_id: uuid.UUID | None = None,
    recipient: str | None = None,
    language: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    channel: str = MAIL,
) -> Message:
    """Have somebody told, once the transaction is committed. One insert, and no look at any account: what it costs
    tells nobody whether there is one.

    Give the account, or the ``recipient`` as it was typed. ``parameters`` are stored as they are, so nothing in them
    may be secret. ``language`` is that of the request, where there is one."""
    if language is None and has_request_context():
        language = current_language().tag
    now = clock.now()
    message = Message(
        kind=kind.value,
        channel=channel,
        user_id=user_id,
        recipient=recipient,
        language=language,
        parameters=dict(parameters or {}),
        created_at=now,
        next_attempt_at=now,
    )
    session.add(message)
    session.flush()
    return message
