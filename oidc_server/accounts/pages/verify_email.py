"""The page to which the mail leads that confirms an email address. Where nothing shows that whoever opens it has
registered, it asks for the password, or leads to where a new one is set (pre-hijacking, attack G18)."""

from __future__ import annotations

from flask import Response, request
from wtforms import PasswordField
from wtforms.validators import InputRequired

from oidc_server.accounts.addresses import RESEND_VERIFICATION, VERIFY_EMAIL, VERIFY_WITH_NEW_PASSWORD
from oidc_server.accounts.pages.account.notices import Notice, done
from oidc_server.accounts.pages.blueprint import SIGN_IN, accounts
from oidc_server.accounts.pages.form_fields import told_to_wait
from oidc_server.accounts.pages.link_pages import token_of_link, with_good_link
from oidc_server.accounts.pages.waiting import Waiting, query_of, waiting_if_any, with_waiting
from oidc_server.accounts.verification import Follower, OpenLink, RegistrantUnknown, look_at_link, verify_email
from oidc_server.core.database import reading
from oidc_server.core.errors import Throttled
from oidc_server.core.http import client_address, note_refusal
from oidc_server.pages import cookies, forms
from oidc_server.pages.addresses import address
from oidc_server.pages.languages import gettext, lazy_gettext
from oidc_server.pages.rendering import render
from oidc_server.protocol.server import current_server
from oidc_server.users.sign_in import CredentialsWrong, ProofOutdated


class ConfirmForm(forms.PageForm):
    """A button; and the password, where it is asked for."""

    password = PasswordField(lazy_gettext("Password"), [InputRequired(lazy_gettext("Enter your password."))])


@accounts.get(VERIFY_EMAIL)
@with_good_link(RESEND_VERIFICATION)
def show_verify_email() -> Response:
    """What will be confirmed, and the button."""
    link, waiting = _link(), _waiting()
    return _page(link, waiting, forms.show(ConfirmForm, _purpose()))


@accounts.post(VERIFY_EMAIL)
@with_good_link(RESEND_VERIFICATION)
def confirm_email_address() -> Response:
    """Confirm the address. Whether the password is owed is decided anew."""
    waiting = _waiting()
    form = forms.read(ConfirmForm, _purpose(), request.form)
    link = _link()
    if not link.is_registrant and not form.validate():
        return _page(link, waiting, form, status=422)
    password = None if link.is_registrant else form.password.data
    follower = Follower(browser_secret=cookies.browser_secret(request), password=password)
    try:
        verify_email(current_server(), token_of_link(), follower, client_address())
    except (CredentialsWrong, ProofOutdated, RegistrantUnknown) as refusal:
        note_refusal(refusal)
        form.password.errors = [gettext("The password is wrong.")]
        return _page(link, waiting, form, status=422)
    except Throttled as refusal:
        return told_to_wait(refusal, lambda problem: _page(link, waiting, form, status=429, problem=problem))
    return done(SIGN_IN, Notice.EMAIL_CONFIRMED, **query_of(waiting))


def _link() -> OpenLink:
    return look_at_link(token_of_link(), cookies.browser_secret(request))


def _waiting() -> Waiting | None:
    with reading() as session:
        return waiting_if_any(session)


def _purpose() -> str:
    return f"verify-email {token_of_link()}"


def _page(
    link: OpenLink, waiting: Waiting | None, form: ConfirmForm, *, status: int = 200, problem: str | None = None
) -> Response:
    return render(
        "accounts/verify_email.html", status=status, form=form, problem=problem, token=token_of_link(),
        email=link.email, is_registrant=link.is_registrant, action=with_waiting(VERIFY_EMAIL, waiting),
        new_password=address(VERIFY_WITH_NEW_PASSWORD, token=token_of_link(), **query_of(waiting)),
    )  # fmt: skip
