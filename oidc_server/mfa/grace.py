"""The grace in which whoever has to enrol a second factor can still do without: it begins when it is first asked for,
whichever way somebody comes, and once."""

from __future__ import annotations

import uuid

from sqlalchemy import update
from sqlalchemy.orm import Session

from oidc_server.mfa.policy import Demand
from oidc_server.users.models import User


def note_grace(session: Session, user_id: uuid.UUID, demand: Demand) -> None:
    """Write down the end of a grace that begins now; the first of many that do so at once decides."""
    if demand.begins_grace:
        session.execute(
            update(User)
            .where(User.id == user_id, User.second_factor_due_at.is_(None))
            .values(second_factor_due_at=demand.due_at)
        )
