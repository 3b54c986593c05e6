"""What every full sign-in at the pages does, by whatever it was proven: the browser's session is this person's from now
on, and they and the log are told."""

from __future__ import annotations

from flask import request
from sqlalchemy.orm import Session

from oidc_server.accounts.pages.browser_login import BrowserLogin, begin_or_renew, current_device
from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.pages import cookies
from oidc_server.protocol.server import current_server
from oidc_server.sessions import devices
from oidc_server.sessions.arrivals import note_arrival
from oidc_server.users.models import User


def let_in(session: Session, user: User, *, client_id: str | None, amr: list[str], remembered: bool) -> BrowserLogin:
    """Begin the session, or renew it. ``user`` comes locked, and owes nothing; ``client_id`` is the client on whose way
    they are."""
    note_arrival(session, user, current_device(), known_device=known_device(user) is not None)
    login = begin_or_renew(session, user, amr=amr, remembered=remembered)
    record(
        session, Event.USER_SIGNED_IN, actor=Actor("user", str(user.id)), subject=str(user.id), client_id=client_id,
        user_id=user.id, detail={"sid": str(login.session_id), "amr": amr},
    )  # fmt: skip
    return login


def known_device(user: User) -> str | None:
    """The name of this browser, when the user has signed in with it before."""
    cookie = cookies.current_cookies().get(request, cookies.DEVICE)
    return devices.known_device(current_server().device_keys, cookie, user)
