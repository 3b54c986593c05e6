"""Logout by a relying party (OpenID Connect RP-Initiated Logout 1.0): the session and what hangs off it end.

Without a good hint of this very session the person is asked first; and nobody is sent to an address that is not
registered, character by character."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Response, request
from werkzeug.datastructures import MultiDict

from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core.database import transaction
from oidc_server.core.errors import Reason
from oidc_server.core.http import name_client
from oidc_server.pages import cookies
from oidc_server.pages.addresses import address
from oidc_server.pages.rendering import see_other
from oidc_server.protocol.blueprint import END_SESSION, protocol
from oidc_server.protocol.cross_site import again_with_cookies
from oidc_server.protocol.errors import InvalidRequest
from oidc_server.protocol.gate import clean_parameters, sent_by_browser
from oidc_server.protocol.id_token_hint import Hint, read_hint
from oidc_server.protocol.server import AuthorizationServer, current_server
from oidc_server.protocol.waiting_login import end_waiting, forget_waiting
from oidc_server.sessions import browser

# What the question keeps of the request.
KEPT = ("client_id", "post_logout_redirect_uri", "state", "id_token_hint", "ui_locales")
# Where the pages are; the accounts slice serves them.
SIGN_OUT, SIGNED_OUT = "/sign-out", "/signed-out"


@dataclass(frozen=True)
class LogoutRequest:
    """A checked request: which client asks, if it is known, and where it wants the browser afterwards."""

    client: ClientSnapshot | None
    hint: Hint | None
    post_logout_redirect_uri: str | None
    state: str | None

    @property
    def leads_to(self) -> str:
        """Where the browser goes when the person is signed out."""
        if self.post_logout_redirect_uri is None:
            return address(SIGNED_OUT)
        if self.state is None:
            return self.post_logout_redirect_uri
        separator = "&" if "?" in self.post_logout_redirect_uri else "?"
        return f"{self.post_logout_redirect_uri}{separator}{urlencode({'state': self.state})}"


@protocol.route(END_SESSION, methods=["GET", "POST"])
def end_session() -> Response:
    """§2: GET or POST; from another site too, which is why a request without a hint only leads to a question."""
    server, encoded = current_server(), sent_by_browser(request)
    if (again := again_with_cookies(request, END_SESSION, encoded)) is not None:
        return again
    parameters = clean_parameters(encoded)
    asked = read_logout(server, parameters)
    with transaction() as session:
        login = browser.resume(session, server.session_policy, cookies.session_secret(request))
        is_of_this_session = login is not None and asked.hint is not None and asked.hint.sid == str(login.id)
        if login is not None and not is_of_this_session:
            kept = {name: value for name, value in parameters.items() if name in KEPT and value}
            return see_other(address(SIGN_OUT, **kept))
        if login is not None:
            browser.sign_out(session, login, client_id=asked.client.client_id if asked.client else None)
        forget_waiting(session)
    response = see_other(asked.leads_to if asked.hint is not None else address(SIGNED_OUT))
    if login is not None:
        cookies.current_cookies().end(response, cookies.SESSION)
    end_waiting(response)
    return response


def read_logout(server: AuthorizationServer, parameters: MultiDict[str, str]) -> LogoutRequest:
    """The request, when all that it says is so. Raises :class:`InvalidRequest`: a page, and no redirect."""
    for name, values in parameters.lists():
        if len(values) > 1:
            raise InvalidRequest(Reason.REPEATED_PARAMETER, name[:64])
    token, client_id = parameters.get("id_token_hint") or None, parameters.get("client_id") or None
    hint = read_hint(server, token) if token is not None else None
    if hint is not None and client_id is not None and hint.client_id != client_id:
        raise InvalidRequest(Reason.ID_TOKEN_HINT_INVALID, "it was issued to another client")
    named = client_id or (hint.client_id if hint is not None else None)
    client = server.clients.find(named) if named is not None else None
    if client is not None:
        name_client(client.client_id)
    wanted = parameters.get("post_logout_redirect_uri") or None
    if wanted is not None and (client is None or client.disabled or wanted not in client.post_logout_redirect_uris):
        raise InvalidRequest(Reason.REDIRECT_URI_UNKNOWN, "post_logout_redirect_uri")
    return LogoutRequest(client, hint, wanted, parameters.get("state"))
