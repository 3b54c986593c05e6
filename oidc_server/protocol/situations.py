"""Where an authorization request stands, as the database says now: for the endpoint, and for pages that are owed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from oidc_server.authorizations import consents
from oidc_server.authorizations.models import Interaction
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core import clock
from oidc_server.protocol.authorization_request import AuthorizationRequest
from oidc_server.protocol.prompts import Situation
from oidc_server.sessions.browser import BrowserSession

if TYPE_CHECKING:
    from oidc_server.protocol.server import AuthorizationServer


def situation_of(
    session: Session,
    server: AuthorizationServer,
    client: ClientSnapshot,
    asked: AuthorizationRequest,
    interaction: Interaction | None,
    login: BrowserSession | None,
) -> Situation:
    """The situation of a request of this client, for who is signed in in this browser, if anybody is."""
    consented = consents.NOTHING
    if login is not None:
        consented = consents.remembered(session, user_id=login.user_id, client_id=client.client_id)
    policy = server.factors.policy.with_stored(client.mfa_policy)
    return Situation(asked, client, login, interaction, consented, policy, clock.now())
