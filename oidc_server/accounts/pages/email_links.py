"""The pages to which the mails about another email address lead: the one that proves the new address, for who asked for
it and is signed in; and the one that takes the change back, for whoever reads the mail of the old one."""

from __future__ import annotations

from flask import Response, request

from oidc_server.accounts.addresses import (
    ACCOUNT,
    ACCOUNT_EMAIL,
    CONFIRM_EMAIL,
    EMAIL_CHANGE_UNDONE,
    UNDO_EMAIL_CHANGE,
)
from oidc_server.accounts.email_change import confirm_email_change
from oidc_server.accounts.email_undo import undo_email_change
from oidc_server.accounts.pages.account.frame import own_page
from oidc_server.accounts.pages.account.notices import Notice, done
from oidc_server.accounts.pages.blueprint import SIGN_IN, accounts
from oidc_server.accounts.pages.link_pages import LinkForm, link_refused, token_of_link, with_good_link
from oidc_server.accounts.pages.own_pages import CONFIRM
from oidc_server.accounts.refusals import EmailTaken
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason
from oidc_server.core.http import note_refusal
from oidc_server.pages import forms
from oidc_server.pages.addresses import address
from oidc_server.pages.languages import gettext
from oidc_server.pages.rendering import render, see_other
from oidc_server.sessions.browser import BrowserSession
from oidc_server.users.links import LinkRefused, Purpose, find_link


@own_page(CONFIRM, "GET")
def show_confirm_email(login: BrowserSession) -> Response:
    """Which address the account will have."""
    try:
        return _confirm_page(login, forms.show(LinkForm, _purpose_of(login)))
    except LinkRefused as refusal:
        return link_refused(refusal, ACCOUNT_EMAIL, login.email)


@own_page(CONFIRM, "POST")
def confirm_new_email(login: BrowserSession) -> Response:
    """Take it. The link proves the address, and the session who asked for it (attack G15)."""
    form = forms.read(LinkForm, _purpose_of(login), request.form)
    try:
        with transaction() as session:
            confirm_email_change(session, token_of_link(), user_id=login.user_id)
    except LinkRefused as refusal:
        return link_refused(refusal, ACCOUNT_EMAIL, login.email)
    except EmailTaken as refusal:
        note_refusal(refusal)
        return _confirm_page(login, form, status=refusal.status, problem=_taken())
    return done(ACCOUNT, Notice.EMAIL_CHANGED)


@accounts.get(UNDO_EMAIL_CHANGE)
@with_good_link(None)
def show_undo_email_change() -> Response:
    """What will be taken back."""
    return _undo_page(forms.show(LinkForm, _purpose_of_undoing()))


@accounts.post(UNDO_EMAIL_CHANGE)
@with_good_link(None)
def take_email_change_back() -> Response:
    """Give the account its address back, for whoever reads the mail of it."""
    form = forms.read(LinkForm, _purpose_of_undoing(), request.form)
    try:
        with transaction() as session:
            undo_email_change(session, token_of_link())
    except EmailTaken as refusal:
        note_refusal(refusal)
        return _undo_page(form, status=refusal.status, problem=_taken())
    return see_other(address(EMAIL_CHANGE_UNDONE))


@accounts.get(EMAIL_CHANGE_UNDONE)
def email_change_undone() -> Response:
    """Where to go on: in the mail, as the password is gone."""
    return render(
        "accounts/mail_sent.html", client=None, way=address(SIGN_IN),
        explanation=gettext(
            "The account has its former email address again. A mail is on its way there, with a link to set a new"
            " password. Until then nobody can sign in."
        ),
    )  # fmt: skip


def _confirm_page(login: BrowserSession, form: LinkForm, *, status: int = 200, problem: str | None = None) -> Response:
    with reading() as session:
        link, owner = find_link(session, token_of_link(), Purpose.CHANGE_EMAIL)
    if owner.id != login.user_id:
        raise LinkRefused(Reason.LINK_UNKNOWN, "it is another account's")
    return render(
        "accounts/confirm_email.html", status=status, form=form, problem=problem, token=token_of_link(),
        account=login.email, email=link.email, action=address(CONFIRM_EMAIL),
    )  # fmt: skip


def _undo_page(form: LinkForm, *, status: int = 200, problem: str | None = None) -> Response:
    with reading() as session:
        link, _ = find_link(session, token_of_link(), Purpose.UNDO_EMAIL_CHANGE)
    return render(
        "accounts/undo_email_change.html", status=status, form=form, problem=problem, token=token_of_link(),
        email=link.email, action=address(UNDO_EMAIL_CHANGE),
    )  # fmt: skip


def _purpose_of(login: BrowserSession) -> str:
    return f"confirm-email {login.id} {token_of_link()}"


def _purpose_of_undoing() -> str:
    return f"undo-email-change {token_of_link()}"


def _taken() -> str:
    return gettext("Another account has this email address by now.")
