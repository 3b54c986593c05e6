"""Asking for a mail with a link: to set a new password, or to confirm the address. Whoever asks, and for whatever
address, is answered by the same page (attack G02)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import NamedTuple

from flask import Response, request

from oidc_server.accounts.addresses import FORGOT_PASSWORD, RESEND_VERIFICATION, RESET_SENT, VERIFICATION_SENT
from oidc_server.accounts.pages.blueprint import SIGN_IN, accounts
from oidc_server.accounts.pages.form_fields import NOT_AN_EMAIL, email_field, say_beside, told_to_wait
from oidc_server.accounts.pages.waiting import Waiting, waiting_if_any, with_waiting
from oidc_server.accounts.recovery import request_reset
from oidc_server.accounts.refusals import MembersWrong
from oidc_server.accounts.verification import request_verification
from oidc_server.core.database import reading
from oidc_server.core.errors import Throttled
from oidc_server.core.http import client_address
from oidc_server.pages import forms
from oidc_server.pages.languages import LazyText, gettext, lazy_gettext
from oidc_server.pages.rendering import render, see_other
from oidc_server.protocol.server import current_server


class MailForm(forms.PageForm):
    """Whom the mail is for."""

    email = email_field()


class Asking(NamedTuple):
    """What a mail can be asked for: where, and in which words."""

    page: str
    sent: str
    title: LazyText
    explanation: LazyText


RESET = Asking(
    FORGOT_PASSWORD, RESET_SENT, lazy_gettext("Forgotten your password?"),
    lazy_gettext("Enter the email address of your account, and you get a mail with a link to set a new password."),
)  # fmt: skip
VERIFICATION = Asking(
    RESEND_VERIFICATION, VERIFICATION_SENT, lazy_gettext("Confirm your email address"),
    lazy_gettext("Enter the email address of your account, and you get a new mail with a link to confirm it."),
)  # fmt: skip


@accounts.get(FORGOT_PASSWORD)
def show_forgot_password() -> Response:
    """The form."""
    return _show(RESET)


@accounts.post(FORGOT_PASSWORD)
def forgot_password() -> Response:
    """Have the link sent, if there is an account that can use one."""
    return _ask(RESET, lambda email, where: request_reset(current_server(), email, client_address(), **where))


@accounts.get(RESEND_VERIFICATION)
def show_resend_verification() -> Response:
    """The form."""
    return _show(VERIFICATION)


@accounts.post(RESEND_VERIFICATION)
def resend_verification() -> Response:
    """Have the link sent again, if there is an account to confirm."""
    return _ask(
        VERIFICATION, lambda email, where: request_verification(current_server(), email, client_address(), **where)
    )


@accounts.get(RESET_SENT)
@accounts.get(VERIFICATION_SENT)
def mail_asked_for() -> Response:
    """Where to go on, whether or not there is a mail."""
    with reading() as session:
        waiting = waiting_if_any(session)
    return render(
        "accounts/mail_sent.html", client=None if waiting is None else waiting.client,
        explanation=gettext(
            "If there is something to send to this address, a mail is on its way. Follow the link in it."
        ),
        way=with_waiting(SIGN_IN, waiting),
    )  # fmt: skip


def _show(asking: Asking) -> Response:
    with reading() as session:
        waiting = waiting_if_any(session)
    hint = waiting.request.login_hint if waiting is not None else None
    form = forms.show(MailForm, _purpose(asking, waiting), email=hint if hint and "@" in hint else "")
    return _page(asking, waiting, form)


def _ask(asking: Asking, have_sent: Callable[[str, dict[str, uuid.UUID | None]], None]) -> Response:
    with reading() as session:
        waiting = waiting_if_any(session)
    form = forms.read(MailForm, _purpose(asking, waiting), request.form)
    if not form.validate():
        return _page(asking, waiting, form, status=422)
    try:
        have_sent(form.email.data or "", {"interaction_id": None if waiting is None else waiting.id})
    except MembersWrong as refusal:
        say_beside(form, refusal, {"email": NOT_AN_EMAIL})
        return _page(asking, waiting, form, status=422)
    except Throttled as refusal:
        return told_to_wait(refusal, lambda problem: _page(asking, waiting, form, status=429, problem=problem))
    return see_other(with_waiting(asking.sent, waiting))


def _purpose(asking: Asking, waiting: Waiting | None) -> str:
    return f"mail {asking.page} {'' if waiting is None else waiting.id}"


def _page(
    asking: Asking, waiting: Waiting | None, form: MailForm, *, status: int = 200, problem: str | None = None
) -> Response:
    return render(
        "accounts/ask_for_mail.html", status=status, form=form, problem=problem, title=asking.title,
        explanation=asking.explanation, client=None if waiting is None else waiting.client,
        sign_in=with_waiting(SIGN_IN, waiting),
    )  # fmt: skip
