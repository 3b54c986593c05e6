"""``/account/apps``: what each app may do, and taking that back."""

from __future__ import annotations

from flask import Response, request

from oidc_server.accounts.addresses import ACCOUNT_APPS
from oidc_server.accounts.apps import App, apps_of, withdraw_access
from oidc_server.accounts.pages.account.frame import account_page, own_page
from oidc_server.accounts.pages.account.notices import Notice, done
from oidc_server.accounts.pages.own_pages import APPS
from oidc_server.accounts.words import claim_words, scope_words
from oidc_server.core.database import reading, transaction
from oidc_server.pages import forms
from oidc_server.sessions.browser import BrowserSession


class AppsForm(forms.PageForm):
    """A button for each app."""


@own_page(APPS, "GET")
def show_own_apps(login: BrowserSession) -> Response:
    """The list."""
    with reading() as session:
        found = apps_of(session, login.user_id)
    form = forms.show(AppsForm, _purpose(login))
    return account_page("account_apps", login, apps=[(app, _may(app)) for app in found], form=form)


@own_page(APPS, "POST")
def withdraw_from_app(login: BrowserSession) -> Response:
    """Take everything back that the app was granted."""
    forms.read(AppsForm, _purpose(login), request.form)
    with transaction() as session:
        withdrawn = withdraw_access(session, user_id=login.user_id, client_id=request.form.get("withdraw", ""))
        return done(ACCOUNT_APPS, Notice.APP_WITHDRAWN if withdrawn else Notice.APP_GONE)


def _may(app: App) -> list[str]:
    """What it may do, in words, each once."""
    words = [*(scope_words(scope) for scope in app.scopes), *(claim_words(claim) for claim in app.claims)]
    return list(dict.fromkeys(words))


def _purpose(login: BrowserSession) -> str:
    return f"apps {login.id}"
