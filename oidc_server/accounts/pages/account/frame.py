"""What the pages of one's own account have in common: who may open them, and what stands around them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, request

from oidc_server.accounts.addresses import RESEND_VERIFICATION
from oidc_server.accounts.pages.account.notices import end_notice, notice_to_show
from oidc_server.accounts.pages.blueprint import accounts
from oidc_server.accounts.pages.destinations import lead_to_sign_in
from oidc_server.accounts.pages.own_pages import OwnPage
from oidc_server.accounts.pages.sign_out import sign_out_form
from oidc_server.core.database import transaction
from oidc_server.core.errors import Reason, Refusal
from oidc_server.core.http import note_refusal
from oidc_server.pages import cookies
from oidc_server.pages.rendering import render
from oidc_server.protocol.callers import person_behind
from oidc_server.protocol.server import current_server
from oidc_server.sessions import browser
from oidc_server.sessions.browser import BrowserSession

View = Callable[[BrowserSession], Response]


class EmailNotConfirmed(Refusal):
    """Whoever opens the page has not proven that the email address is theirs."""

    status = 403

    def __init__(self) -> None:
        super().__init__(Reason.EMAIL_NOT_VERIFIED)


def own_page(page: OwnPage, method: str) -> Callable[[View], View]:
    """Serve a page to whoever is signed in, who is handed to the view; all others are sent to sign in, or to give the
    second factor that they owe, and come back."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded() -> Response:
            login = _login_for(page)
            if login is None or not page.admits(login):
                return lead_to_sign_in(page, login)
            if page.verified and not _has_confirmed(login):
                return _unconfirmed(login)
            return view(login)

        accounts.add_url_rule(page.path, view.__name__, guarded, methods=[method])
        return view

    return decorate


def account_page(template: str, login: BrowserSession, *, status: int = 200, **values: Any) -> Response:
    """A page of the account of who is signed in."""
    response = render(
        f"accounts/{template}.html", status=status, account=login.email, notice=notice_to_show(),
        sign_out=sign_out_form(login), **values,
    )  # fmt: skip
    end_notice(response)
    return response


def _login_for(page: OwnPage) -> BrowserSession | None:
    """Who is signed in; to be shown the page counts as use of the session."""
    with transaction() as session:
        login = browser.resume(session, current_server().session_policy, cookies.session_secret(request))
        if login is not None and page.admits(login):
            browser.touch(session, login)
        return login


def _has_confirmed(login: BrowserSession) -> bool:
    person = person_behind(current_server().database, login.user_id)
    return person is not None and person.verified


def _unconfirmed(login: BrowserSession) -> Response:
    refusal = EmailNotConfirmed()
    note_refusal(refusal)
    return account_page("account_unconfirmed", login, status=refusal.status, resend=RESEND_VERIFICATION)
