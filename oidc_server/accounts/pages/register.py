"""The page on which people make an account, and the one that sends them to their mail: the same for an address that has
an account already (ASVS 6.3.8). An app leads here by ``prompt=create``."""

from __future__ import annotations

from flask import Response, request
from wtforms import StringField
from wtforms.validators import Length

from oidc_server.accounts.addresses import REGISTER, REGISTERED
from oidc_server.accounts.pages.blueprint import SIGN_IN, accounts
from oidc_server.accounts.pages.form_fields import (
    NOT_AN_EMAIL,
    TOO_LONG,
    email_field,
    new_password_field,
    one_line,
    say_beside,
    stripped,
    told_to_wait,
)
from oidc_server.accounts.pages.waiting import Waiting, waiting_if_any, with_waiting
from oidc_server.accounts.refusals import EmailTaken, MembersWrong, NameTaken, RegistrationClosed
from oidc_server.accounts.registration import Wanted, register
from oidc_server.accounts.verification import browser_digest
from oidc_server.core.database import reading
from oidc_server.core.errors import Throttled
from oidc_server.core.http import client_address, note_refusal
from oidc_server.core.identity import USERNAME_MAX_CHARACTERS
from oidc_server.pages import forms
from oidc_server.pages.languages import LazyText, gettext, lazy_gettext
from oidc_server.pages.rendering import render, see_other
from oidc_server.protocol.server import current_server
from oidc_server.users.profile_values import TEXT_CHARACTERS

_WORDS: dict[str, LazyText] = {
    "email": NOT_AN_EMAIL,
    "username": lazy_gettext("A username has 1 to 64 letters, digits, dots, hyphens, underscores or plus signs."),
    "full_name": lazy_gettext("There are signs in it that no name has."),
}


class RegisterForm(forms.PageForm):
    """The account that somebody wants."""

    email = email_field()
    password = new_password_field(lazy_gettext("Password"))
    full_name = StringField(
        lazy_gettext("Name (optional)"), [Length(max=TEXT_CHARACTERS["name"], message=TOO_LONG)], filters=[one_line]
    )
    username = StringField(
        lazy_gettext("Username (optional)"), [Length(max=USERNAME_MAX_CHARACTERS, message=TOO_LONG)], filters=[stripped]
    )


@accounts.get(REGISTER)
def show_register() -> Response:
    """The form."""
    waiting = _waiting()
    hint = waiting.request.login_hint if waiting is not None else None
    form = forms.show(RegisterForm, _purpose(waiting), email=hint if hint and "@" in hint else "")
    return _page(waiting, form)


@accounts.post(REGISTER)
def make_account() -> Response:
    """Make the account. This browser is remembered with it: the link in the mail asks for less there."""
    waiting = _waiting()
    form = forms.read(RegisterForm, _purpose(waiting), request.form)
    if not form.validate():
        return _page(waiting, form, status=422)
    try:
        register(current_server(), _wanted(form, waiting), client_address())
    except MembersWrong as refusal:
        say_beside(form, refusal, _WORDS)
        return _page(waiting, form, status=422)
    except (NameTaken, EmailTaken) as refusal:
        note_refusal(refusal)
        _say_taken(form, refusal)
        return _page(waiting, form, status=refusal.status)
    except Throttled as refusal:
        return told_to_wait(refusal, lambda problem: _page(waiting, form, status=429, problem=problem))
    return see_other(with_waiting(REGISTERED, waiting))


@accounts.get(REGISTERED)
def registered() -> Response:
    """Where to go on: in the mail, whoever the address is of."""
    with reading() as session:
        waiting = waiting_if_any(session)
    return render(
        "accounts/mail_sent.html", client=None if waiting is None else waiting.client,
        explanation=gettext("A mail is on its way to the address that you gave. Follow the link in it."),
        way=with_waiting(SIGN_IN, waiting),
    )  # fmt: skip


def _waiting() -> Waiting | None:
    """Raises ``RegistrationClosed`` where nobody can register (attack G27)."""
    if not current_server().settings.people_can_register:
        raise RegistrationClosed
    with reading() as session:
        return waiting_if_any(session)


def _wanted(form: RegisterForm, waiting: Waiting | None) -> Wanted:
    return Wanted(
        email=form.email.data or "",
        password=form.password.data or "",
        username=form.username.data,
        full_name=form.full_name.data,
        browser_digest=browser_digest(forms.form_secret()),
        interaction_id=None if waiting is None else waiting.id,
    )


def _say_taken(form: RegisterForm, refusal: NameTaken | EmailTaken) -> None:
    if isinstance(refusal, NameTaken):
        form.username.errors = [gettext("Somebody has this username already. Choose another.")]
    else:
        form.email.errors = [gettext("This email address has an account already.")]


def _purpose(waiting: Waiting | None) -> str:
    return f"register {'' if waiting is None else waiting.id}"


def _page(waiting: Waiting | None, form: RegisterForm, *, status: int = 200, problem: str | None = None) -> Response:
    return render(
        "accounts/register.html", status=status, form=form, problem=problem,
        client=None if waiting is None else waiting.client, sign_in=with_waiting(SIGN_IN, waiting),
    )  # fmt: skip
