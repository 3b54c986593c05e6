"""``/account/password``: another password, by who knows the present one."""

from __future__ import annotations

from flask import Response, request
from wtforms import PasswordField
from wtforms.validators import InputRequired

from oidc_server.accounts.addresses import ACCOUNT
from oidc_server.accounts.pages.account.frame import account_page, own_page
from oidc_server.accounts.pages.account.notices import Notice, done
from oidc_server.accounts.pages.browser_login import renew_in_place
from oidc_server.accounts.pages.form_fields import new_password_field, say_beside, told_to_wait
from oidc_server.accounts.pages.own_pages import PASSWORD
from oidc_server.accounts.password_change import change_password
from oidc_server.accounts.refusals import MembersWrong
from oidc_server.core.database import transaction
from oidc_server.core.errors import Throttled
from oidc_server.core.http import client_address
from oidc_server.pages import forms
from oidc_server.pages.languages import lazy_gettext
from oidc_server.protocol.server import current_server
from oidc_server.sessions.browser import BrowserSession
from oidc_server.users.models import User


class PasswordForm(forms.PageForm):
    """The present password and the new one."""

    current_password = PasswordField(
        lazy_gettext("Present password"), [InputRequired(lazy_gettext("Enter your present password."))]
    )
    new_password = new_password_field(lazy_gettext("New password"))


@own_page(PASSWORD, "GET")
def show_password(login: BrowserSession) -> Response:
    """The form."""
    return _page(login, forms.show(PasswordForm, _purpose(login)))


@own_page(PASSWORD, "POST")
def set_own_password(login: BrowserSession) -> Response:
    """Change it; this browser goes on under a new secret, and all other sessions end (attacks F01 and F11)."""
    form = forms.read(PasswordForm, _purpose(login), request.form)
    if not form.validate():
        return _page(login, form, status=422)
    try:
        change_password(
            current_server(), user_id=login.user_id, session_id=login.id, current=form.current_password.data or "",
            new=form.new_password.data or "", address=client_address(),
        )  # fmt: skip
    except MembersWrong as refusal:
        say_beside(form, refusal, {})
        return _page(login, form, status=422)
    except Throttled as refusal:
        return told_to_wait(refusal, lambda problem: _page(login, form, status=429, problem=problem))
    return _go_on(login)


def _go_on(login: BrowserSession) -> Response:
    with transaction() as session:
        renewed = renew_in_place(session, session.get_one(User, login.user_id), login)
    response = done(ACCOUNT, Notice.PASSWORD_CHANGED)
    renewed.keep(response)
    return response


def _purpose(login: BrowserSession) -> str:
    return f"password {login.id}"


def _page(login: BrowserSession, form: PasswordForm, *, status: int = 200, problem: str | None = None) -> Response:
    return account_page("account_password", login, status=status, form=form, problem=problem)
