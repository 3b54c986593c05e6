"""What an admin asks of one account, over what the deployment and the client ask of everybody."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.users.models import User


def set_account_policy(session: Session, user: User, policy: dict[str, Any] | None, *, actor: Actor) -> bool:
    """Keep a policy as :func:`~oidc_server.mfa.policy.stored_policy` makes it; whether it is another one than before.

    What is asked from now on is asked of tokens that are refreshed, too."""
    if policy == user.mfa_policy:
        return False
    user.mfa_policy = policy
    user.updated_at = clock.now()
    session.flush()
    record(
        session, Event.MFA_POLICY_CHANGED, actor=actor, subject=str(user.id), user_id=user.id,
        detail={"policy": policy or {}},
    )  # fmt: skip
    return True
