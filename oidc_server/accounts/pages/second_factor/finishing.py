"""What follows when a second factor was given, or the first one set up: the login that waited becomes the browser's
session, or the session that there is rises; each under a new secret (attack F01)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, request
from sqlalchemy.orm import Session

from oidc_server.accounts.pages.browser_login import BrowserLogin, raise_login
from oidc_server.accounts.pages.letting_in import let_in
from oidc_server.accounts.pages.second_factor.visitor import Known
from oidc_server.accounts.pages.second_factor.waiting_login import is_remembered
from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core.database import transaction
from oidc_server.mfa.kinds import amr_with
from oidc_server.mfa.pending import Channel, PendingLoginGone, finish_pending
from oidc_server.mfa.trusted_devices import trust
from oidc_server.pages import cookies
from oidc_server.protocol.server import current_server
from oidc_server.protocol.waiting_login import end_waiting, waiting_secret
from oidc_server.sessions import browser
from oidc_server.users.models import User


@dataclass(frozen=True)
class Finished:
    """The session with what the browser has to keep of it, and of the trust in it."""

    login: BrowserLogin
    _trust: str | None = None

    def __repr__(self) -> str:
        return f"Finished({self.login})"

    def keep(self, response: Response) -> None:
        """Have the browser keep it, and forget the login that waited."""
        self.login.keep(response)
        end_waiting(response)
        if self._trust is not None:
            cookies.current_cookies().set(response, cookies.TRUST, self._trust, current_server().factors.policy.trust)


def finish(known: Known, factor_amr: Sequence[str], *, trusting: bool = False) -> Finished:
    """Go on with who has just proven a second factor. Raises ``PendingLoginGone`` when somebody was faster, or the
    session ended meanwhile."""
    with transaction() as session:
        if known.pending is not None:
            user, login = _let_in(session, known, factor_amr)
        else:
            user, login = _raise(session, known, factor_amr)
        secret = trust(session, current_server().factors, user, _user_agent()) if trusting else None
    return Finished(login, secret)


def _let_in(session: Session, known: Known, factor_amr: Sequence[str]) -> tuple[User, BrowserLogin]:
    pending = finish_pending(session, waiting_secret(), Channel.PAGE)
    if pending.user.id != known.user.id:
        raise PendingLoginGone("another login waits in this browser now")
    login = let_in(
        session, pending.user, client_id=pending.login.client_id, amr=amr_with(pending.login.amr, factor_amr),
        remembered=is_remembered(pending),
    )  # fmt: skip
    return pending.user, login


def _raise(session: Session, known: Known, factor_amr: Sequence[str]) -> tuple[User, BrowserLogin]:
    user = session.get(User, known.user.id, with_for_update=True)
    login = browser.resume(session, current_server().session_policy, cookies.session_secret(request))
    if user is None or login is None or login.id != known.session_id:
        raise PendingLoginGone("the session ended")
    raised = raise_login(session, user, login, factor_amr)
    record(
        session, Event.MFA_STEPPED_UP, actor=Actor("user", str(user.id)), subject=str(user.id), user_id=user.id,
        detail={"sid": str(login.id), "factor": list(factor_amr)},
    )  # fmt: skip
    return user, raised


def _user_agent() -> str:
    return request.headers.get("User-Agent", "")
