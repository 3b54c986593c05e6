"""The login of this browser that waits for a second factor: its cookie is all that the browser has of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from oidc_server.clients.registry import current_clients
from oidc_server.mfa.pending import Channel, Pending, PendingLoginGone, begin_pending, find_pending
from oidc_server.protocol.waiting_login import waiting_secret
from oidc_server.sessions.assurance import AMR_PASSWORD
from oidc_server.users.models import User

_REMEMBERED = "remembered"


def begin_waiting(session: Session, user: User, *, client_id: str | None, remembered: bool) -> str:
    """Keep a login for which the password was right; the secret that :func:`end_waiting` hands to the browser."""
    return begin_pending(
        session, user, Channel.PAGE, amr=[AMR_PASSWORD], client_id=client_id, request={_REMEMBERED: remembered}
    )


def waiting_login(session: Session) -> Pending | None:
    """The login of this browser that waits, if any does."""
    secret = waiting_secret()
    if secret is None:
        return None
    try:
        return find_pending(session, secret, Channel.PAGE)
    except PendingLoginGone:
        return None


def is_remembered(pending: Pending) -> bool:
    """Whether the person has said that this device is theirs."""
    return bool(pending.login.request[_REMEMBERED])


def policy_of(pending: Pending) -> dict[str, Any] | None:
    """What the client says about second factors on whose way the login began; the person may be on another's by now."""
    client = None if pending.login.client_id is None else current_clients().find(pending.login.client_id)
    return None if client is None else client.mfa_policy
