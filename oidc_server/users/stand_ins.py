"""Whose password hash stands in, for its cost alone, where an account has none or does not exist."""

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from oidc_server.users.models import User

_AT_MOST = 8  # accounts without a password that are passed over


def stand_in_for(session: Session, point: str) -> str | None:
    """The hash of the first account after ``point`` in the order of addresses, which goes round; None where the next
    few have none either. The point has to follow from a secret: who could choose it would learn the addresses."""
    order = User.email_key.asc()
    after = select(User.password_hash).where(User.email_key >= point).order_by(order).limit(_AT_MOST).subquery()
    first = select(User.password_hash).order_by(order).limit(_AT_MOST).subquery()
    found = session.scalars(union_all(select(after.c.password_hash), select(first.c.password_hash)))
    return next((stored for stored in found.all() if stored is not None), None)
