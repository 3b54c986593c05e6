"""A new epoch, for when the database may have forgotten: after the promotion of a standby that lagged behind, and after
the restore of a backup.

What was revoked, used up or signed out in the time that is lost would work again, and there is no record of what that
was. So everything that began before is refused, by one row that every check reads."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Exists, exists, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.core.database import UtcDateTime
from oidc_server.sessions.models import Epoch


def begin_epoch(session: Session, *, actor: Actor, clock_skew: timedelta) -> datetime:
    """End everything that began until now; the instant from which on new sessions and tokens are good.

    That is ``clock_skew`` ahead: a host whose clock is ahead may have issued something with a later time."""
    now = clock.now()
    epoch = Epoch(began_at=now + clock_skew, created_at=now)
    session.add(epoch)
    session.flush()
    record(
        session, Event.EPOCH_BEGUN, actor=actor, subject=str(epoch.id), detail={"began_at": epoch.began_at.isoformat()}
    )
    return epoch.began_at


def ended_by_epoch(began_at: InstrumentedAttribute[datetime] | ColumnElement[datetime]) -> Exists:
    """The condition that an epoch has begun since ``began_at``."""
    return exists().where(Epoch.began_at > began_at)


def has_ended_by_epoch(session: Session, began_at: datetime) -> bool:
    """Whether an epoch has begun since ``began_at``."""
    return bool(session.scalar(select(ended_by_epoch(literal(began_at, UtcDateTime())))))
