"""Signing in with a passkey alone (Web Authentication Level 3 §1.2.4): two factors at once, neither of which can be
guessed or given to a forged site. Whoever guesses somebody's password keeps no passkey out (attack R06)."""

from __future__ import annotations

from flask import Response, request
from sqlalchemy.orm import Session
from wtforms import BooleanField, HiddenField

from oidc_server.accounts.addresses import PASSKEY_SIGN_IN
from oidc_server.accounts.pages.account.notices import Notice, done
from oidc_server.accounts.pages.blueprint import SIGN_IN, accounts
from oidc_server.accounts.pages.browser_login import BrowserLogin
from oidc_server.accounts.pages.destinations import Destination, asked_destination
from oidc_server.accounts.pages.letting_in import let_in
from oidc_server.accounts.pages.passkeys import has_passkeys, this_browser
from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason, Throttled
from oidc_server.core.http import client_address, note_refusal
from oidc_server.core.limit_rules import PASSKEY_FAILURES_BY_ADDRESS
from oidc_server.core.limits import address_key
from oidc_server.mfa.factors import current_second_factors
from oidc_server.mfa.kinds import FactorKind, amr_with
from oidc_server.mfa.proof import FactorWrong
from oidc_server.mfa.webauthn_ceremonies import verify_assertion
from oidc_server.pages import forms
from oidc_server.protocol.waiting_login import end_waiting, forget_waiting
from oidc_server.users.models import User


class PasskeyForm(forms.PageForm):
    """The sign-in form, as the page's script posts it; a name and a password that come along are not read."""

    credential = HiddenField()
    remember = BooleanField()


@accounts.post(PASSKEY_SIGN_IN)
def sign_in_with_passkey() -> Response:
    """Begin the session of whoever the passkey belongs to; or back to the sign-in page, for another try."""
    with reading() as session:
        destination = asked_destination(session)
    if destination.reached:  # by another tab of this browser, meanwhile
        return destination.go_on()
    form = forms.read(PasskeyForm, destination.purpose, request.form)
    limits, where = current_second_factors().limits, address_key(client_address())
    is_usual = limits.allows(PASSKEY_FAILURES_BY_ADDRESS, where)
    outcome = _try(destination, form, recorded=is_usual)
    if isinstance(outcome, BrowserLogin):
        response = destination.go_on()
        outcome.keep(response)
        end_waiting(response)
        return response
    note_refusal(outcome)
    limits.hit(PASSKEY_FAILURES_BY_ADDRESS, where)
    if not is_usual:
        wait = limits.retry_after(PASSKEY_FAILURES_BY_ADDRESS, where)
        raise Throttled(Reason.LOGIN_THROTTLED, PASSKEY_FAILURES_BY_ADDRESS.name, retry_after=wait)
    return done(SIGN_IN, Notice.PASSKEY_REFUSED, **destination.named)


def _try(destination: Destination, form: PasskeyForm, *, recorded: bool) -> BrowserLogin | FactorWrong:
    """Nobody can guess a passkey, so that none is refused because others were; only the records are bounded. What was
    found out about a wrong one stays."""
    with transaction() as session:
        try:
            user = _owner(session, destination, form.credential.data or "")
        except FactorWrong as wrong:
            if recorded:
                record(session, Event.USER_SIGN_IN_FAILED, actor=Actor("user"), subject="unknown")
            return wrong
        forget_waiting(session)
        account = destination.account
        return let_in(
            session, user, amr=amr_with((), FactorKind.WEBAUTHN.amr),
            client_id=None if destination.client is None else destination.client.client_id,
            remembered=form.remember.data if account is None else account.remembered,
        )  # fmt: skip


def _owner(session: Session, destination: Destination, credential: str) -> User:
    """The account that the passkey belongs to, locked. Raises :class:`FactorWrong`."""
    factors = current_second_factors()
    if not has_passkeys(factors):
        raise FactorWrong("none are used here", Reason.PASSKEY_REFUSED)
    method = verify_assertion(session, factors, credential, bound_to=this_browser(), user_id=None)
    if destination.account is not None and destination.account.user_id != method.user_id:
        raise FactorWrong("credential: another person's than who is signed in", Reason.PASSKEY_REFUSED)
    return session.get_one(User, method.user_id)
