"""The end of a login that waits for a second factor, as the browser has it: with signing out, and wherever somebody
else wants to sign in, it is wiped (attack F10)."""

from __future__ import annotations

from flask import Response, request
from sqlalchemy.orm import Session

from oidc_server.mfa.pending import Channel, end_pending
from oidc_server.pages import cookies


def waiting_secret() -> str | None:
    """What goes on with the login of this browser that waits."""
    return cookies.current_cookies().get(request, cookies.PENDING)


def forget_waiting(session: Session) -> None:
    """Nobody finishes the login of this browser any more."""
    end_pending(session, secret=waiting_secret())


def end_waiting(response: Response, *, successor: str = "") -> None:
    """Have the browser forget it, or keep the one that took its place."""
    jar = cookies.current_cookies()
    if successor:
        jar.set(response, cookies.PENDING, successor, Channel.PAGE.lifetime)
    elif waiting_secret() is not None:
        jar.end(response, cookies.PENDING)
