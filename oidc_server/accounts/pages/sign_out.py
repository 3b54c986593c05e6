"""Signing out: the question that an app without a good hint leads to, and the page at the end."""

from __future__ import annotations

from flask import Response, request

from oidc_server.accounts.pages.blueprint import accounts
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason
from oidc_server.pages import cookies, forms
from oidc_server.pages.addresses import address
from oidc_server.pages.languages import gettext, prefer
from oidc_server.pages.rendering import render, see_other
from oidc_server.protocol.end_session import KEPT, SIGN_OUT, SIGNED_OUT, LogoutRequest, read_logout
from oidc_server.protocol.gate import browser_parameters
from oidc_server.protocol.server import current_server
from oidc_server.protocol.waiting_login import end_waiting, forget_waiting, waiting_secret
from oidc_server.sessions import browser
from oidc_server.sessions.browser import BrowserSession

YES, NO = "yes", "no"


class SignOutForm(forms.PageForm):
    """Two buttons, and what the app asked for, which is checked again when it comes back."""


@accounts.get(SIGN_OUT)
def show_sign_out() -> Response:
    """The question. Who is not signed in needs none: then only a login that waits for its second factor is wiped."""
    server, parameters = current_server(), browser_parameters(request)
    asked = read_logout(server, parameters)
    prefer(parameters.get("ui_locales"))
    with reading() as session:
        login = browser.resume(session, server.session_policy, cookies.session_secret(request))
    if login is None:
        return _without_session()
    kept = {name: value for name in KEPT if (value := parameters.get(name))}
    return render(
        "accounts/sign_out.html", client=asked.client, account=login.email, kept=kept,
        form=sign_out_form(login),
        form_action=[asked.post_logout_redirect_uri] if asked.post_logout_redirect_uri else [],
    )  # fmt: skip


@accounts.post(SIGN_OUT)
def answer_sign_out() -> Response:
    """End the session, or leave it."""
    server, jar = current_server(), cookies.current_cookies()
    parameters = browser_parameters(request)
    asked = read_logout(server, parameters)
    with transaction() as session:
        login = browser.resume(session, server.session_policy, cookies.session_secret(request))
        if login is None:
            forget_waiting(session)
            return _signed_out()
        forms.read(SignOutForm, _purpose(login), parameters)
        answer = parameters.get("answer")
        if answer not in {YES, NO}:
            raise forms.FormRefused(Reason.MALFORMED_REQUEST, "answer")
        if answer == NO:
            return see_other(address(SIGNED_OUT))
        browser.sign_out(session, login, client_id=_client_id(asked))
        forget_waiting(session)
    response = see_other(asked.leads_to)
    jar.end(response, cookies.SESSION)
    end_waiting(response)
    return response


@accounts.get(SIGNED_OUT)
def signed_out() -> Response:
    """Whether this browser is signed in now."""
    with reading() as session:
        login = browser.resume(session, current_server().session_policy, cookies.session_secret(request))
    if login is None:
        title = gettext("You are signed out")
        words = gettext("Apps that you use may still know you until you sign out there.")
    else:
        title = gettext("You are still signed in")
        words = gettext("You are signed in as %(account)s.", account=login.email)
    return render("accounts/signed_out.html", title=title, explanation=words)


def sign_out_form(login: BrowserSession) -> SignOutForm:
    """The form for a page, which posts it with ``answer``."""
    return forms.show(SignOutForm, _purpose(login))


def _without_session() -> Response:
    if waiting_secret() is not None:
        with transaction() as session:
            forget_waiting(session)
    return _signed_out()


def _signed_out() -> Response:
    response = see_other(address(SIGNED_OUT))
    end_waiting(response)
    return response


def _purpose(login: BrowserSession) -> str:
    return f"sign-out {login.id}"


def _client_id(asked: LogoutRequest) -> str | None:
    return None if asked.client is None else asked.client.client_id
