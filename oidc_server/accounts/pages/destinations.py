"""Where somebody goes on when they have signed in: with an app's request, or to a page of their own account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from oidc_server.accounts.addresses import SECOND_FACTOR
from oidc_server.accounts.pages.blueprint import SIGN_IN
from oidc_server.accounts.pages.own_pages import OwnPage, named_page
from oidc_server.accounts.pages.waiting import Waiting, place_of, query_of, waiting_request
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core import clock
from oidc_server.mfa.policy import Demand, Enrolled, Policy
from oidc_server.pages import cookies
from oidc_server.pages.addresses import address
from oidc_server.pages.rendering import see_other
from oidc_server.protocol.server import current_server
from oidc_server.protocol.step_up import second_factor_owed, wanted_level
from oidc_server.sessions import browser
from oidc_server.sessions.assurance import acr_of
from oidc_server.sessions.browser import BrowserSession

_CHARACTERS_KEPT = 200  # of a parameter of the page's address


@dataclass(frozen=True)
class Destination:
    """``purpose`` is that of the sign-in form, and ``leads_to`` where the browser is sent in the end. ``account``: who
    is signed in already and has to prove it once more, nobody else. ``reached``: there is nothing to prove. ``query``
    names the app's request in the addresses of further pages, and ``named`` the destination, in those on the way in.
    ``page`` is the one of the account, and ``wanted`` the level that an app's request asks for."""

    purpose: str
    leads_to: str
    client: ClientSnapshot | None = None
    login_hint: str = ""
    form_action: tuple[str, ...] = ()
    account: BrowserSession | None = None
    reached: bool = False
    query: Mapping[str, str] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)
    page: OwnPage | None = None
    wanted: str | None = None

    def policy(self, *also: Mapping[str, Any] | None) -> Policy:
        """What the deployment and the client say about second factors, and ``also`` others."""
        stored = None if self.client is None else self.client.mfa_policy
        return current_server().factors.policy.with_stored(stored, *also)

    def owed_by(self, account: Enrolled, amr: list[str], *also: Mapping[str, Any] | None) -> Demand:
        """What a person owes who has just proven ``amr``, before they go there; ``also`` are further policies."""
        policy, acr = self.policy(*also), acr_of(amr)
        return second_factor_owed(policy, account, self.wanted, amr=amr, acr=acr, now=clock.now())

    def owed_in(self, login: BrowserSession) -> Demand:
        """What who is signed in owes, before they go there."""
        if self.page is not None:
            return self.page.owes(login)
        return second_factor_owed(
            self.policy(), login, self.wanted, amr=login.amr, acr=login.acr, now=clock.now()
        )  # fmt: skip

    def on_the_way(self, path: str, **query: str) -> str:
        """Where a browser finds a page on the way there."""
        return address(path, **self.named, **query)

    def go_on(self) -> Response:
        """Send the browser there."""
        return see_other(self.leads_to)


def asked_destination(session: Session) -> Destination:
    """What the address of the sign-in page names: an ``interaction``, or by ``next`` a page of one's own account.

    Raises ``InteractionGone``."""
    if "interaction" in request.args:
        return destination_of(waiting_request(session))
    login = browser.resume(session, current_server().session_policy, cookies.session_secret(request))
    return _of_page(named_page(request.args.get("next")), login)


def lead_to_sign_in(page: OwnPage, login: BrowserSession | None = None) -> Response:
    """Send the browser to the sign-in page, and from there back to this one; who is signed in and owes a second factor,
    to where that is given."""
    way = SECOND_FACTOR if login is not None and page.owes(login) else SIGN_IN
    return see_other(address(way, next=page.path, **_kept(page)))


def destination_of(waiting: Waiting) -> Destination:
    """Where somebody goes on who came with an app's request."""
    return Destination(
        purpose=f"sign-in {waiting.id}",
        leads_to=place_of(waiting.id),
        client=waiting.client,
        login_hint=waiting.request.login_hint or "",
        form_action=(waiting.request.redirect_uri,),
        query=query_of(waiting),
        named=query_of(waiting),
        wanted=wanted_level(waiting.request),
    )


def _of_page(page: OwnPage, login: BrowserSession | None) -> Destination:
    """The form is for who is signed in when it is shown: nobody else's password is of use in it (attack F04)."""
    return Destination(
        purpose=f"sign-in {page.path} {login.id if login is not None else 'anybody'}",
        leads_to=page.at(_kept(page)),
        login_hint="" if login is None else login.email,
        account=login,
        reached=login is not None and page.admits(login),
        named={"next": page.path, **_kept(page)},
        page=page,
    )


def _kept(page: OwnPage) -> dict[str, str]:
    given = ((name, request.values.get(name, "")) for name in page.keeps)
    return {name: value for name, value in given if 0 < len(value) <= _CHARACTERS_KEPT}
