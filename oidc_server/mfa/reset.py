"""An admin's way out for who has lost every factor: all are removed, and the next sign-in sets up a new one."""

from __future__ import annotations

from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue
from oidc_server.mfa.methods import lock_owner, methods_of, remove_all
from oidc_server.users.models import User


def reset_factors(session: Session, user: User, *, actor: Actor, note: str) -> None:
    """Remove every second factor of a user, have them set one up when they sign in next, and tell them; ``note`` says
    why (attack M25). The user's sessions are the caller's to end."""
    lock_owner(session, user.id)
    removed = [method.kind for method in methods_of(session, user.id)]
    remove_all(session, user, actor=actor)
    user.second_factor_forced_at = clock.now()
    user.password_set_by_mail_at = None
    session.flush()
    record(
        session, Event.MFA_RESET, actor=actor, subject=str(user.id), user_id=user.id,
        detail={"note": note, "kinds": removed},
    )  # fmt: skip
    enqueue(session, kind=Kind.MFA_RESET, user_id=user.id, recipient=user.email)
