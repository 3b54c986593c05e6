"""The sign-in page: one bcrypt, and the same answer for a wrong name and a wrong password.

It leads on to an app's request or to a page of one's own account; there who is signed in already may have to prove it
once more, by the password alone."""

from __future__ import annotations

from flask import Response, request
from wtforms import BooleanField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from oidc_server.accounts.addresses import FORGOT_PASSWORD, REGISTER
from oidc_server.accounts.pages.account.notices import end_notice, notice_to_show
from oidc_server.accounts.pages.blueprint import SIGN_IN, accounts
from oidc_server.accounts.pages.destinations import Destination, asked_destination
from oidc_server.accounts.pages.passkeys import passkey_offer
from oidc_server.accounts.pages.second_factor.after_password import go_on_after
from oidc_server.core.database import reading
from oidc_server.core.errors import Throttled
from oidc_server.core.http import client_address, note_refusal
from oidc_server.pages import cookies, forms
from oidc_server.pages.addresses import address
from oidc_server.pages.languages import gettext, lazy_gettext, length_of_time
from oidc_server.pages.rendering import render
from oidc_server.protocol.server import current_server
from oidc_server.sessions import devices
from oidc_server.users.sign_in import CredentialsWrong, PasswordProof, ProofOutdated, prove_password


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
    """The form; who has proven enough already goes on."""
    with reading() as session:
        destination = asked_destination(session)
    if destination.reached:
        return destination.go_on()
    return _page(destination, forms.show(SignInForm, destination.purpose, login=destination.login_hint))


@accounts.post(SIGN_IN)
def sign_in() -> Response:
    """Check the password outside of any transaction; begin the session in one, or the login that waits for more."""
    with reading() as session:
        destination = asked_destination(session)
    if destination.reached:  # by another tab of this browser, meanwhile
        return destination.go_on()
    form = forms.read(SignInForm, destination.purpose, request.form)
    if destination.account is not None:  # whatever name was sent along
        form.login.data, form.login.raw_data = destination.account.email, [destination.account.email]
    if not form.validate():
        return _page(destination, form, status=422)
    try:
        return go_on_after(destination, _prove(destination, form), remembered=_remembered(destination, form))
    except (CredentialsWrong, ProofOutdated) as refusal:  # who may not sign in is told the same (attack G03)
        note_refusal(refusal)
        form.password.errors = [_wrong(destination)]
        return _page(destination, form, status=422)
    except Throttled as refusal:
        note_refusal(refusal)
        response = _page(destination, form, status=429, problem=wait_words(refusal))
        response.headers["Retry-After"] = str(refusal.retry_after)
        return response


def _prove(destination: Destination, form: SignInForm) -> PasswordProof:
    server, cookie = current_server(), cookies.current_cookies().get(request, cookies.DEVICE)
    proof = prove_password(
        server.limits, server.passwords, form.login.data or "", form.password.data or "", client_address(),
        known_device=lambda user: devices.known_device(server.device_keys, cookie, user),
    )  # fmt: skip
    if destination.account is not None and proof.user_id != destination.account.user_id:
        raise CredentialsWrong("the address has become another account's")
    return proof


def _remembered(destination: Destination, form: SignInForm) -> bool:
    """Who proves once more who they are has said before whether this device is theirs."""
    return bool(form.remember.data) if destination.account is None else destination.account.remembered


def _page(destination: Destination, form: SignInForm, *, status: int = 200, problem: str | None = None) -> Response:
    can_register = destination.account is None and current_server().settings.people_can_register
    passkey = passkey_offer(destination)
    response = render(
        "accounts/sign_in.html", status=status, form=form, client=destination.client, problem=problem,
        account=None if destination.account is None else destination.account.email, notice=notice_to_show(),
        form_action=destination.form_action, forgotten=address(FORGOT_PASSWORD, **destination.query),
        register=address(REGISTER, **destination.query) if can_register else None,
        passkey=passkey, scripts=passkey is not None,
    )  # fmt: skip
    end_notice(response)
    return response


def _wrong(destination: Destination) -> str:
    if destination.account is not None:
        return gettext("The password is wrong.")
    return gettext("The name or the password is wrong.")


def wait_words(refusal: Throttled) -> str:
    """What is said above the form to whoever has tried too often."""
    return gettext("Too many attempts. Try again in %(time)s.", time=length_of_time(refusal.retry_after or 60))
