"""``/account/email``: another email address, which counts when the link in a mail to it was followed."""

from __future__ import annotations

from flask import Response, request

from oidc_server.accounts.addresses import ACCOUNT_EMAIL
from oidc_server.accounts.email_change import request_email_change
from oidc_server.accounts.pages.account.frame import account_page, own_page
from oidc_server.accounts.pages.account.notices import Notice, done
from oidc_server.accounts.pages.form_fields import NOT_AN_EMAIL, email_field, say_beside, told_to_wait
from oidc_server.accounts.pages.own_pages import EMAIL
from oidc_server.accounts.pending_email import pending_email
from oidc_server.accounts.refusals import MembersWrong
from oidc_server.core.database import reading
from oidc_server.core.errors import Throttled
from oidc_server.core.http import client_address
from oidc_server.core.identity import NotAnEmail, email_key
from oidc_server.pages import forms
from oidc_server.pages.languages import lazy_gettext
from oidc_server.protocol.server import current_server
from oidc_server.sessions.browser import BrowserSession


class EmailForm(forms.PageForm):
    """The address that the person wants."""

    email = email_field(lazy_gettext("New email address"))


@own_page(EMAIL, "GET")
def show_email(login: BrowserSession) -> Response:
    """The address, the one that is asked for, and the form."""
    return _page(login, forms.show(EmailForm, _purpose(login)))


@own_page(EMAIL, "POST")
def ask_for_email(login: BrowserSession) -> Response:
    """Have a link sent to it. An address that somebody else has is answered alike (attack G17)."""
    form = forms.read(EmailForm, _purpose(login), request.form)
    if not form.validate():
        return _page(login, form, status=422)
    email = form.email.data or ""
    try:
        email_key(email)
        request_email_change(current_server(), user_id=login.user_id, email=email, address=client_address())
    except NotAnEmail:
        form.email.errors = [str(NOT_AN_EMAIL)]
        return _page(login, form, status=422)
    except MembersWrong as refusal:
        say_beside(form, refusal, {})
        return _page(login, form, status=422)
    except Throttled as refusal:
        return told_to_wait(refusal, lambda problem: _page(login, form, status=429, problem=problem))
    return done(ACCOUNT_EMAIL, Notice.EMAIL_ASKED)


def _purpose(login: BrowserSession) -> str:
    return f"email {login.id}"


def _page(login: BrowserSession, form: EmailForm, *, status: int = 200, problem: str | None = None) -> Response:
    with reading() as session:
        pending = pending_email(session, login.user_id)
    return account_page("account_email", login, status=status, form=form, pending=pending, problem=problem)
