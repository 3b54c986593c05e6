"""The consent page: who asks, for what, for how long; remembered per client until it is withdrawn."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request
from sqlalchemy.orm import Session

from oidc_server.accounts.pages.blueprint import CONSENT, accounts
from oidc_server.accounts.pages.destinations import destination_of
from oidc_server.accounts.pages.waiting import Waiting, go_on, waiting_request
from oidc_server.accounts.words import claim_words, scope_words
from oidc_server.authorizations import consents
from oidc_server.core import clock
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason
from oidc_server.pages import cookies, forms
from oidc_server.pages.languages import gettext, length_of_time
from oidc_server.pages.rendering import render
from oidc_server.protocol.authorization_checks import OFFLINE_ACCESS
from oidc_server.protocol.server import current_server
from oidc_server.sessions import browser
from oidc_server.sessions.browser import BrowserSession

ALLOW, DENY = "allow", "deny"


class ConsentForm(forms.PageForm):
    """Two buttons. What is allowed is what was asked for; the form cannot name it (attack A18)."""


@dataclass(frozen=True)
class Item:
    """A line of the page."""

    words: str
    is_new: bool


@accounts.get(CONSENT)
def show_consent() -> Response:
    """The question; whoever is not signed in, or owes a second factor, goes back, to be sent to the right page."""
    with reading() as session:
        waiting = waiting_request(session)
        login = _login(session, waiting)
        if login is None:
            return go_on(waiting.id)
        known = consents.remembered(session, user_id=login.user_id, client_id=waiting.client.client_id)
    return _page(waiting, login, known)


@accounts.post(CONSENT)
def answer_consent() -> Response:
    """Keep the answer with the request, and what was allowed for the next time."""
    with transaction() as session:
        waiting = waiting_request(session)
        login = _login(session, waiting)
        if login is None:
            return go_on(waiting.id)
        forms.read(ConsentForm, _purpose(waiting, login), request.form)
        answer = request.form.get("answer")
        if answer not in {ALLOW, DENY}:
            raise forms.FormRefused(Reason.MALFORMED_REQUEST, "answer")
        waiting.interaction.session_id = login.id
        if answer == DENY:
            waiting.interaction.denied_at = clock.now()
        else:
            waiting.interaction.consented_at = clock.now()
            consents.remember(
                session, user_id=login.user_id, client_id=waiting.client.client_id, asked=waiting.request.asked
            )
        return go_on(waiting.id)


def _login(session: Session, waiting: Waiting) -> BrowserSession | None:
    """Who is signed in and owes nothing: nobody allows anything before (attack B14)."""
    login = browser.resume(session, current_server().session_policy, cookies.session_secret(request))
    return None if login is None or destination_of(waiting).owed_in(login) else login


def _purpose(waiting: Waiting, login: BrowserSession) -> str:
    """Whoever signs in meanwhile has not been asked (attack F04)."""
    return f"consent {waiting.id} {login.id}"


def _page(waiting: Waiting, login: BrowserSession, known: consents.Asked) -> Response:
    asked, client = waiting.request.asked, waiting.client
    items = [Item(scope_words(scope), scope not in known.scopes) for scope in waiting.request.scope.split()]
    items += [Item(claim_words(claim), claim not in known.claims) for claim in sorted(asked.claims)]
    return render(
        "accounts/consent.html", client=client, account=login.email, items=items, some_are_known=bool(known),
        form=forms.show(ConsentForm, _purpose(waiting, login)), how_long=_how_long(waiting),
        form_action=[waiting.request.redirect_uri],
    )  # fmt: skip


def _how_long(waiting: Waiting) -> str:
    if OFFLINE_ACCESS in waiting.request.scope.split():
        longest = length_of_time(current_server().settings.refresh_token_absolute_lifetime)
        return gettext("The app keeps this access for up to %(time)s, also when you are signed out.", time=longest)
    return gettext("The app has this access until you sign out. Your answer is remembered.")
