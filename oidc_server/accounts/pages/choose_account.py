"""The account chooser: the account that is signed in here, or another one."""

from __future__ import annotations

from flask import Response, request

from oidc_server.accounts.pages.blueprint import CHOOSE_ACCOUNT, accounts
from oidc_server.accounts.pages.waiting import Waiting, go_on, waiting_request
from oidc_server.core import clock
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason
from oidc_server.pages import cookies, forms
from oidc_server.pages.rendering import render
from oidc_server.protocol.server import current_server
from oidc_server.protocol.waiting_login import end_waiting, forget_waiting
from oidc_server.sessions import browser
from oidc_server.sessions.browser import BrowserSession

THIS, OTHER = "this", "other"


class ChoiceForm(forms.PageForm):
    """Two buttons."""


@accounts.get(CHOOSE_ACCOUNT)
def show_choice() -> Response:
    """The accounts; without one there is nothing to choose."""
    with reading() as session:
        waiting = waiting_request(session)
        login = browser.resume(session, current_server().session_policy, cookies.session_secret(request))
    if login is None:
        return go_on(waiting.id)
    client = waiting.client
    return render(
        "accounts/choose_account.html", client=client, account=login.email,
        form=forms.show(ChoiceForm, _purpose(waiting, login)), form_action=[waiting.request.redirect_uri],
    )  # fmt: skip


@accounts.post(CHOOSE_ACCOUNT)
def choose() -> Response:
    """This one, or another, who has to sign in. Until they have, this one stays signed in."""
    with transaction() as session:
        waiting = waiting_request(session)
        login = browser.resume(session, current_server().session_policy, cookies.session_secret(request))
        if login is None:
            return go_on(waiting.id)
        forms.read(ChoiceForm, _purpose(waiting, login), request.form)
        choice = request.form.get("account")
        if choice not in {THIS, OTHER}:
            raise forms.FormRefused(Reason.MALFORMED_REQUEST, "account")
        if choice == THIS:
            waiting.interaction.account_chosen_at = clock.now()
        else:
            waiting.interaction.another_account_wanted_at = clock.now()
            forget_waiting(session)
        response = go_on(waiting.id)
    if choice == OTHER:
        end_waiting(response)
    return response


def _purpose(waiting: Waiting, login: BrowserSession) -> str:
    return f"choose-account {waiting.id} {login.id}"
