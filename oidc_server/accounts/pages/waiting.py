"""The authorization request that waits for a person, as the pages see it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from flask import Response, request
from sqlalchemy.orm import Session

from oidc_server.authorizations.interactions import find_interaction
from oidc_server.authorizations.models import Interaction
from oidc_server.clients.registry import ClientSnapshot, current_clients
from oidc_server.core.errors import Reason, Refusal
from oidc_server.core.http import name_client
from oidc_server.core.identity import parse_id
from oidc_server.pages import cookies, languages
from oidc_server.pages.addresses import address
from oidc_server.pages.rendering import see_other
from oidc_server.protocol.authorization_request import AuthorizationRequest
from oidc_server.protocol.blueprint import CONTINUATION


class InteractionGone(Refusal):
    """There is no such request any more, or it is another browser's."""

    status = 400


@dataclass(frozen=True)
class Waiting:
    """A request, the client that made it, and its place."""

    interaction: Interaction
    request: AuthorizationRequest
    client: ClientSnapshot

    @property
    def id(self) -> uuid.UUID:
        """The id of its interaction."""
        return self.interaction.id


def waiting_request(session: Session) -> Waiting:
    """The request that the page's address names. Raises :class:`InteractionGone`."""
    secret = cookies.browser_secret(request)
    if secret is None:
        raise InteractionGone(Reason.COOKIES_MISSING)
    interaction = find_interaction(session, parse_id(request.args.get("interaction", "")), secret)
    if interaction is None:
        raise InteractionGone(Reason.INTERACTION_GONE)
    client = current_clients().find(interaction.client_id)
    if client is None or client.disabled:
        raise InteractionGone(Reason.CLIENT_UNKNOWN if client is None else Reason.CLIENT_DISABLED)
    name_client(client.client_id)
    asked = AuthorizationRequest.from_json(interaction.request)
    languages.prefer(asked.ui_locales)
    return Waiting(interaction, asked, client)


def waiting_if_any(session: Session) -> Waiting | None:
    """The request that the page's address names, while it runs; for pages that are of use without one, too."""
    if "interaction" not in request.args:
        return None
    try:
        return waiting_request(session)
    except InteractionGone:
        return None


def with_waiting(path: str, waiting: Waiting | None) -> str:
    """Where a browser finds a page of ours, for whoever goes on with the request that waits."""
    return address(path, **query_of(waiting))


def query_of(waiting: Waiting | None) -> dict[str, str]:
    """What names the request in the address of a page."""
    return {} if waiting is None else {"interaction": str(waiting.id)}


def go_on(interaction_id: uuid.UUID) -> Response:
    """Back to the authorization endpoint, which decides what comes next."""
    return see_other(place_of(interaction_id))


def place_of(interaction_id: uuid.UUID) -> str:
    """Where a request goes on."""
    return address(CONTINUATION, interaction=str(interaction_id))
