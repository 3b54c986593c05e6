"""The pages on which a password is set by a link: after it was forgotten, at the first use of an account that an admin
made, and by whoever confirms an address with which somebody else may have registered (attack G18)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from flask import Response, request
from wtforms import StringField

from oidc_server.accounts.addresses import (
    FORGOT_PASSWORD,
    INVITATION,
    RESEND_VERIFICATION,
    RESET_PASSWORD,
    VERIFY_WITH_NEW_PASSWORD,
)
from oidc_server.accounts.invitations import accept_invitation
from oidc_server.accounts.pages.account.notices import Notice, done
from oidc_server.accounts.pages.blueprint import SIGN_IN, accounts
from oidc_server.accounts.pages.form_fields import new_password_field, say_beside
from oidc_server.accounts.pages.link_pages import token_of_link, with_good_link
from oidc_server.accounts.pages.waiting import Waiting, query_of, waiting_if_any, with_waiting
from oidc_server.accounts.recovery import reset_password
from oidc_server.accounts.refusals import MembersWrong
from oidc_server.accounts.verification import verify_with_new_password
from oidc_server.core.database import reading
from oidc_server.core.http import client_address
from oidc_server.pages import forms
from oidc_server.pages.languages import LazyText, lazy_gettext
from oidc_server.pages.rendering import render
from oidc_server.protocol.server import current_server
from oidc_server.users.links import Purpose, find_link

_MEMBER = "password"


class NewPasswordForm(forms.PageForm):
    """The account, which password managers want to know, and cannot be changed; and its password."""

    account = StringField(lazy_gettext("Email address"))
    password = new_password_field(lazy_gettext("New password"))


class Setting(NamedTuple):
    """What a password is set for: where, by which links, in which words; ``again`` is where to ask for a new link."""

    page: str
    purpose: Purpose
    again: str | None
    title: LazyText
    explanation: LazyText
    set_password: Callable[[str, str], str]


def _reset(token: str, password: str) -> str:
    return reset_password(current_server(), token, password, client_address(), member=_MEMBER)


def _verify(token: str, password: str) -> str:
    return verify_with_new_password(current_server(), token, password, client_address(), member=_MEMBER)


def _accept(token: str, password: str) -> str:
    return accept_invitation(current_server(), token, password, member=_MEMBER)


RESET = Setting(
    RESET_PASSWORD, Purpose.RESET_PASSWORD, FORGOT_PASSWORD, lazy_gettext("Choose a new password"),
    lazy_gettext("You are signed out on all devices then, and apps that you have allowed access ask for it again."),
    _reset,
)  # fmt: skip
VERIFY = Setting(
    VERIFY_WITH_NEW_PASSWORD, Purpose.VERIFY_EMAIL, RESEND_VERIFICATION, lazy_gettext("Choose a password of your own"),
    lazy_gettext(
        "Your address is confirmed by it, and the account is yours alone: whoever has registered with your address is"
        " signed out, and the password that they chose is gone."
    ),
    _verify,
)  # fmt: skip
INVITED = Setting(
    INVITATION, Purpose.INVITATION, None, lazy_gettext("Welcome"),
    lazy_gettext("An account was made for you. Choose a password to sign in with."), _accept,
)  # fmt: skip


@accounts.get(RESET_PASSWORD)
@with_good_link(RESET.again)
def show_reset_password() -> Response:
    """The form."""
    return _show(RESET)


@accounts.post(RESET_PASSWORD)
@with_good_link(RESET.again)
def reset_forgotten_password() -> Response:
    """Set the password; everything else of the account ends."""
    return _set(RESET)


@accounts.get(VERIFY_WITH_NEW_PASSWORD)
@with_good_link(VERIFY.again)
def show_verify_with_new_password() -> Response:
    """The form."""
    return _show(VERIFY)


@accounts.post(VERIFY_WITH_NEW_PASSWORD)
@with_good_link(VERIFY.again)
def take_account_over() -> Response:
    """Set the password and confirm the address."""
    return _set(VERIFY)


@accounts.get(INVITATION)
@with_good_link(INVITED.again)
def show_invitation() -> Response:
    """The form."""
    return _show(INVITED)


@accounts.post(INVITATION)
@with_good_link(INVITED.again)
def take_invitation_up() -> Response:
    """Set the first password."""
    return _set(INVITED)


def _show(setting: Setting) -> Response:
    waiting, account = _found(setting)
    return _page(setting, waiting, forms.show(NewPasswordForm, _purpose(setting), account=account))


def _set(setting: Setting) -> Response:
    """Nobody is signed in by it, and no second factor is passed over (attack G10)."""
    form = forms.read(NewPasswordForm, _purpose(setting), request.form)
    waiting, form.account.data = _found(setting)
    if not form.validate():
        return _page(setting, waiting, form, status=422)
    try:
        setting.set_password(token_of_link(), form.password.data or "")
    except MembersWrong as refusal:
        say_beside(form, refusal, {})
        return _page(setting, waiting, form, status=422)
    return done(SIGN_IN, Notice.PASSWORD_SET, **query_of(waiting))


def _found(setting: Setting) -> tuple[Waiting | None, str]:
    """The app's request that waits, and the address that the link was sent to. Raises ``LinkRefused``."""
    with reading() as session:
        _, user = find_link(session, token_of_link(), setting.purpose)
        return waiting_if_any(session), user.email


def _purpose(setting: Setting) -> str:
    return f"password {setting.page} {token_of_link()}"


def _page(setting: Setting, waiting: Waiting | None, form: NewPasswordForm, *, status: int = 200) -> Response:
    return render(
        "accounts/new_password.html", status=status, form=form, title=setting.title, explanation=setting.explanation,
        token=token_of_link(), action=with_waiting(setting.page, waiting),
    )  # fmt: skip
