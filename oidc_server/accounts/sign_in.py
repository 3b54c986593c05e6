"""The sign-in page: one bcrypt, and the same answer for a wrong name and a wrong password."""

from __future__ import annotations

import uuid

from flask import Response, request
from sqlalchemy.orm import Session
from wtforms import BooleanField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from oidc_server.accounts.blueprint import SIGN_IN, accounts
from oidc_server.accounts.waiting import Waiting, go_on, waiting_request
from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Throttled
from oidc_server.core.http import client_address, note_refusal
from oidc_server.pages import cookies, forms
from oidc_server.pages.languages import gettext, lazy_gettext, length_of_time
from oidc_server.pages.rendering import render
from oidc_server.protocol.server import current_server
from oidc_server.sessions import browser, devices
from oidc_server.sessions.service import ACR_PASSWORD
from oidc_server.users.models import User
from oidc_server.users.sign_in import CredentialsWrong, PasswordProof, ProofOutdated, prove_password, user_behind


class SignInForm(forms.PageForm):
    """``login`` is an email address or a username."""

    login = StringField(
        lazy_gettext("Email or username"),
        [
            InputRequired(lazy_gettext("Enter your email or username.")),
            Length(max=320, message=lazy_gettext("Enter at most %(max)d characters.")),
        ],
    )
    password = PasswordField(lazy_gettext("Password"), [InputRequired(lazy_gettext("Enter your password."))])
    remember = BooleanField(lazy_gettext("Remember me on this device"))


@accounts.get(SIGN_IN)
def show_sign_in() -> Response:
    """The form."""
    with reading() as session:
        waiting = waiting_request(session)
    form = forms.show(SignInForm, _purpose(waiting), login=waiting.request.login_hint or "")
    return _page(waiting, form)


@accounts.post(SIGN_IN)
def sign_in() -> Response:
    """Check the password outside of any transaction; begin the session in one."""
    with reading() as session:
        waiting = waiting_request(session)
    form = forms.read(SignInForm, _purpose(waiting), request.form)
    if not form.validate():
        return _page(waiting, form, status=422)
    try:
        proof = _prove(form)
        return _begin(waiting, proof, remembered=bool(form.remember.data))
    except (CredentialsWrong, ProofOutdated) as refusal:  # who may not sign in is told the same (attack G03)
        note_refusal(refusal)
        form.password.errors = [gettext("The name or the password is wrong.")]
        return _page(waiting, form, status=422)
    except Throttled as refusal:
        note_refusal(refusal)
        response = _page(waiting, form, status=429, problem=_wait(refusal))
        response.headers["Retry-After"] = str(refusal.retry_after)
        return response


def _prove(form: SignInForm) -> PasswordProof:
    server, cookie = current_server(), cookies.current_cookies().get(request, cookies.DEVICE)
    return prove_password(
        server.limits, server.passwords, form.login.data or "", form.password.data or "", client_address(),
        known_device=lambda user: devices.known_device(server.device_keys, cookie, user),
    )  # fmt: skip


def _begin(waiting: Waiting, proof: PasswordProof, *, remembered: bool) -> Response:
    """The browser's session is this person's from now on, under a new secret (ASVS 7.2.4)."""
    server, jar = current_server(), cookies.current_cookies()
    with transaction() as session:
        user = user_behind(session, proof)
        for check in server.second_factor_checks:
            check(session, user)
        session_id, secret = _begin_or_renew(session, user, remembered=remembered)
        record(
            session, Event.USER_SIGNED_IN, actor=Actor("user", str(user.id)), subject=str(user.id),
            client_id=waiting.client.client_id, user_id=user.id, detail={"sid": str(session_id)},
        )  # fmt: skip
        response = go_on(waiting.id)
        device = devices.make(server.device_keys[0], user)
    jar.set(response, cookies.SESSION, secret, server.session_policy.cookie_lifetime(remembered))
    jar.set(response, cookies.DEVICE, device, devices.LIFETIME)
    return response


def _begin_or_renew(session: Session, user: User, *, remembered: bool) -> tuple[uuid.UUID, str]:
    """The id and the secret of the session. That of somebody else ends: a browser has one."""
    policy, old_secret = current_server().session_policy, cookies.session_secret(request)
    login = browser.resume(session, policy, old_secret)
    if login is not None and login.user_id == user.id:
        secret = browser.renew(session, policy, login, amr=["pwd"], acr=ACR_PASSWORD, remembered=remembered)
        return login.id, secret
    browser.end_by_secret(session, old_secret)
    begun, secret = browser.begin_browser_session(
        session, policy, user_id=user.id, amr=["pwd"], acr=ACR_PASSWORD, remembered=remembered,
        user_agent=request.headers.get("User-Agent", ""), address=client_address(),
    )  # fmt: skip
    return begun.id, secret


def _purpose(waiting: Waiting) -> str:
    return f"sign-in {waiting.id}"


def _page(waiting: Waiting, form: SignInForm, *, status: int = 200, problem: str | None = None) -> Response:
    return render(
        "accounts/sign_in.html", status=status, form=form, client=waiting.client, problem=problem,
        form_action=[waiting.request.redirect_uri],
    )  # fmt: skip


def _wait(refusal: Throttled) -> str:
    return gettext("Too many attempts. Try again in %(time)s.", time=length_of_time(refusal.retry_after or 60))
