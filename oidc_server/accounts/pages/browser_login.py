"""The session of the browser that a page answers, and the cookies by which the browser holds it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, request
from sqlalchemy.orm import Session

from oidc_server.authorizations.step_up import stepped_up
from oidc_server.core.http import client_address
from oidc_server.pages import cookies
from oidc_server.protocol.server import current_server
from oidc_server.sessions import browser, devices
from oidc_server.sessions.assurance import AMR_TRUSTED_DEVICE
from oidc_server.sessions.service import Device
from oidc_server.users.models import User


@dataclass(frozen=True)
class BrowserLogin:
    """A session that a sign-in has just begun or renewed, with what the browser has to keep of it."""

    session_id: uuid.UUID
    remembered: bool
    _secret: str
    _device: str

    def __repr__(self) -> str:
        return f"BrowserLogin({self.session_id})"

    def keep(self, response: Response) -> None:
        """Have the browser keep its session, and that the person has signed in there."""
        jar, policy = cookies.current_cookies(), current_server().session_policy
        jar.set(response, cookies.SESSION, self._secret, policy.cookie_lifetime(self.remembered))
        jar.set(response, cookies.DEVICE, self._device, devices.LIFETIME)


def begin_or_renew(session: Session, user: User, *, amr: list[str], remembered: bool) -> BrowserLogin:
    """The browser's session is this person's from now on, under a new secret (ASVS 7.2.4); ``amr`` is all that they
    have just proven. That of somebody else ends: a browser has one."""
    server, old_secret = current_server(), cookies.session_secret(request)
    policy, device = server.session_policy, devices.make(server.device_keys[0], user)
    login = browser.resume(session, policy, old_secret)
    if login is not None and login.user_id == user.id:
        secret = browser.renew(session, policy, login, amr=amr, remembered=remembered)
        return BrowserLogin(login.id, remembered, secret, device)
    browser.end_by_secret(session, old_secret)
    begun, secret = browser.begin_browser_session(
        session, policy, user_id=user.id, amr=amr, remembered=remembered, device=current_device()
    )
    return BrowserLogin(begun.id, remembered, secret, device)


def raise_login(session: Session, user: User, login: browser.BrowserSession, amr: Sequence[str]) -> BrowserLogin:
    """Go on in a session in which the person has just given a second factor, of which ``amr`` are the values: what the
    browser held until then is worth nothing any more (attack F01)."""
    return _renew(session, user, login, stepped_up(login.amr, amr))


def renew_in_place(session: Session, user: User, login: browser.BrowserSession) -> BrowserLogin:
    """Go on in the session of a person who has just changed their password, for which they proved the one before, and
    lately their second factor, if they have one: so the session is worth what it was, but for the trust in the
    browser, which ended (attack F01)."""
    return _renew(session, user, login, [value for value in login.amr if value != AMR_TRUSTED_DEVICE])


def _renew(session: Session, user: User, login: browser.BrowserSession, amr: list[str]) -> BrowserLogin:
    server = current_server()
    secret = browser.renew(session, server.session_policy, login, amr=amr, remembered=login.remembered)
    return BrowserLogin(login.id, login.remembered, secret, devices.make(server.device_keys[0], user))


def current_device() -> Device:
    """Where the request comes from."""
    return Device(request.headers.get("User-Agent", ""), client_address())
