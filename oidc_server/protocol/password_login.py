"""From a proven password to a session and its tokens, in one transaction: for the password grant (RFC 6749 §4.3) and
for the JSON API's login, which is that grant for a client of our own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.authorizations.models import Authorization
from oidc_server.authorizations.refresh import first_refresh_token
from oidc_server.authorizations.service import Terms, grant
from oidc_server.authorizations.standing import standing_of, standing_query
from oidc_server.clients.metadata import PASSWORD, REFRESH_TOKEN
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.protocol.issue import Issuance
from oidc_server.sessions.arrivals import note_arrival
from oidc_server.sessions.service import ACR_PASSWORD, Device, begin_session
from oidc_server.users.sign_in import PasswordProof, user_behind

if TYPE_CHECKING:
    from oidc_server.protocol.server import AuthorizationServer


@dataclass(frozen=True)
class Ask:
    """What is asked for, by which client, and from where."""

    client: ClientSnapshot
    scope: str
    resource: list[str]
    device: Device


def log_in(server: AuthorizationServer, session: Session, proof: PasswordProof, ask: Ask) -> dict[str, Any]:
    """The token response for who proved the password, in a session of its own.

    Raises ``ProofOutdated``, what the checks of a second factor raise, and what ``issue`` raises."""
    user = user_behind(session, proof)
    for check in server.second_factor_checks:
        check(session, user)
    lifetime = timedelta(seconds=server.settings.refresh_token_absolute_lifetime)
    note_arrival(session, user, ask.device)
    login = begin_session(
        session, user_id=user.id, amr=["pwd"], acr=ACR_PASSWORD, lifetime=lifetime, device=ask.device
    )  # fmt: skip
    authorization = grant(
        session, login, client_id=ask.client.client_id, terms=Terms(ask.scope, ask.resource), lifetime=lifetime
    )
    record(
        session, Event.USER_SIGNED_IN, actor=Actor("user", str(user.id)), subject=str(user.id),
        client_id=ask.client.client_id, user_id=user.id, detail={"grant_type": PASSWORD, "sid": str(login.id)},
    )  # fmt: skip
    return _tokens(server, session, authorization, ask)


def _tokens(server: AuthorizationServer, session: Session, authorization: Authorization, ask: Ask) -> dict[str, Any]:
    standing = standing_of(session.execute(standing_query().where(Authorization.id == authorization.id)).one())
    refresh_token = None
    if ask.client.check_grant_type(REFRESH_TOKEN):
        refresh_token = first_refresh_token(
            session, server.refresh_policy, standing, scope=ask.scope, resource=ask.resource
        )
    return server.issue(Issuance(PASSWORD, ask.client, ask.scope, ask.resource, standing, refresh_token))
