"""Interactions: an authorization request keeps its place here while the person signs in and consents.

It is bound to the browser that brought it and ends once: with a code or an error (RFC 9700 §4.7, OpenID Connect Core
§3.1.2.3). Pages add facts to it; nothing that a page sends back changes what was asked for."""

import uuid
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from oidc_server.authorizations.models import Interaction
from oidc_server.core import clock, crypto

LIFETIME = timedelta(minutes=30)


def begin_interaction(session: Session, *, browser: str, client_id: str, request: dict[str, Any]) -> Interaction:
    """Keep a validated request for the browser that holds this secret."""
    now = clock.now()
    interaction = Interaction(
        browser_digest=crypto.digest(browser),
        client_id=client_id,
        request=request,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    session.add(interaction)
    session.flush()
    return interaction


def find_interaction(session: Session, identifier: uuid.UUID | None, browser: str | None) -> Interaction | None:
    """The interaction, while it runs, for the browser that began it and for no other."""
    if identifier is None or browser is None:
        return None
    interaction = session.get(Interaction, identifier)
    if interaction is None or interaction.used_at is not None or interaction.expires_at <= clock.now():
        return None
    return interaction if crypto.same(interaction.browser_digest, crypto.digest(browser)) else None


def finish_interaction(session: Session, interaction: Interaction) -> bool:
    """End the interaction; False when another request ended it first (a second click, a reload)."""
    statement = (
        update(Interaction)
        .where(Interaction.id == interaction.id, Interaction.used_at.is_(None))
        .values(used_at=clock.now())
    )
    return cast("CursorResult[object]", session.execute(statement)).rowcount == 1
