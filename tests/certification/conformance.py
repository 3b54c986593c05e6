"""One run of a certification module: a client like that of the certification suite, a person and a fresh browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from oidc_server.audit.service import SYSTEM
from oidc_server.users.models import User
from oidc_server.users.profile import set_profile
from tests.app_login import CALLBACK, GOODBYE, App, make_app
from tests.browsing import Browser, Visit
from tests.certification.answers import FORM_POST, received_error
from tests.certification.checks import Flow, check_flow, check_server
from tests.certification.standard_claims import PROFILE, USERNAME
from tests.relying_party import Server, TestUser

SIGN_IN, CONSENT = "/sign-in", "/consent"
FIRST_TIME = (SIGN_IN, CONSENT)
# The errors that say that a page would have to be shown (OpenID Connect Core §3.1.2.6).
PAGE_NEEDED = {"login_required", "interaction_required", "consent_required", "account_selection_required"}
SCOPE = "openid profile email address phone offline_access"
_PAGES_AT_MOST = 4


@dataclass
class Conformance:
    """A client, whoever signs in, and where they do it. ``response_mode`` is the one that the plan is about."""

    server: Server
    app: App
    person: TestUser
    browser: Browser
    response_mode: str

    def request(self, **parameters: str | None) -> dict[str, str]:
        """The parameters of a request as the plan sends it; None leaves one away."""
        mode: dict[str, str | None] = {"response_mode": FORM_POST} if self.response_mode == FORM_POST else {}
        return self.app.request(**mode | parameters)

    def send(self, asked: dict[str, str]) -> Visit:
        """Take the browser to the authorization endpoint."""
        return self.browser.open(f"{self.server.metadata['authorization_endpoint']}?{urlencode(asked)}")

    def flow(self, **parameters: str | None) -> Flow:
        """Log in; whatever page is shown is filled in."""
        asked = self.request(**parameters)
        return self.finish(asked, self.send(asked))

    def finish(self, asked: dict[str, str], visit: Visit) -> Flow:
        """Go on from a page of a login to its end."""
        pages: list[str] = []
        while (page := urlsplit(visit.path).path) in FIRST_TIME and visit.status == 200:
            pages.append(page)
            assert len(pages) <= _PAGES_AT_MOST, pages
            if page == SIGN_IN:
                visit = self.browser.sign_in(visit, self.person.email, self.person.password)
            else:
                visit = self.browser.press(visit, "allow")
        return check_flow(self.app, asked, visit, tuple(pages))

    def refusal(self, **parameters: str | None) -> str:
        """The error with which a request is answered at once, without any page."""
        asked = self.request(**parameters)
        return received_error(self.server, asked, self.send(asked))


def make_conformance(server: Server, response_mode: str) -> Conformance:
    """A run with a client of its own and a person with every standard claim."""
    app = make_client(server)
    check_server(server, app.client)
    return Conformance(server, app, _person(server), Browser(server.app), response_mode)


def make_client(server: Server, redirect_uri: str = CALLBACK, **registration: Any) -> App:
    """A client as the suite wants it registered; it sends no PKCE."""
    app = make_app(
        server, redirect_uris=(redirect_uri,), post_logout_redirect_uris=(GOODBYE,), scope=SCOPE, require_pkce=False,
        **registration,
    )  # fmt: skip
    app.redirect_uri, app.pkce = redirect_uri, False
    return app


def _person(server: Server) -> TestUser:
    person = server.user(username=USERNAME)
    with server.app.app_context(), server.database.transaction() as session:
        user = session.get(User, person.id)
        assert user is not None
        set_profile(session, user, PROFILE, SYSTEM)
    return person
