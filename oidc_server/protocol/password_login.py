"""From a proven password to a session and its tokens, in one transaction: for the password grant (RFC 6749 §4.3) and
for the JSON API's login, which is that grant for a client of our own. Where a second factor is owed there is nothing
between the two but a token that is good for giving it."""

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
from oidc_server.core import clock
from oidc_server.mfa.grace import note_grace
from oidc_server.mfa.kinds import amr_with
from oidc_server.mfa.pending import Channel, begin_pending, finish_pending
from oidc_server.mfa.policy import Owed, demand
from oidc_server.mfa.proof import FactorProof, FactorWrong
from oidc_server.protocol.issue import Issuance
from oidc_server.protocol.second_factors import how_to_go_on, policy_of
from oidc_server.sessions.arrivals import note_arrival
from oidc_server.sessions.assurance import AMR_PASSWORD, acr_of
from oidc_server.sessions.service import Device, begin_session
from oidc_server.users.models import User
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


@dataclass(frozen=True)
class SecondFactorOwed:
    """No tokens yet. Return it out of the transaction: the login that waits must stay. ``members`` are what the caller
    is told; whoever ``must_enrol`` a factor first does so on pages."""

    members: dict[str, Any]
    must_enrol: bool

    def __repr__(self) -> str:
        return f"SecondFactorOwed({self.must_enrol})"


def log_in(
    server: AuthorizationServer, session: Session, proof: PasswordProof, ask: Ask, channel: Channel
) -> dict[str, Any] | SecondFactorOwed:
    """The token response for who proved the password, in a session of its own; or what they still owe.

    Raises ``ProofOutdated`` and what ``issue`` raises."""
    return _go_on(server, session, user_behind(session, proof), ask, [AMR_PASSWORD], channel)


def finish_login(
    server: AuthorizationServer,
    session: Session,
    mfa_token: str,
    factor: FactorProof,
    *,
    client: ClientSnapshot,
    channel: Channel,
    device: Device,
) -> dict[str, Any] | SecondFactorOwed:
    """The token response for who proved the password before and now a second factor, or what they owe even so;
    ``device`` is where they are.

    Raises ``PendingLoginGone``, ``FactorWrong`` and what ``issue`` raises."""
    pending = finish_pending(session, mfa_token, channel, client.client_id)
    if factor.user_id != pending.user.id:
        raise FactorWrong("somebody else's")
    asked = pending.login.request
    ask = Ask(client, asked["scope"], asked["resource"], device._replace(name=asked["device_name"]))
    return _go_on(server, session, pending.user, ask, amr_with(pending.login.amr, factor.amr), channel)


def _go_on(
    server: AuthorizationServer, session: Session, user: User, ask: Ask, amr: list[str], channel: Channel
) -> dict[str, Any] | SecondFactorOwed:
    owed = demand(policy_of(server, ask.client), user, amr=amr, acr=acr_of(amr), now=clock.now())
    if not owed:
        note_grace(session, user.id, owed)
        return _begin(server, session, user, ask, amr)
    mfa_token = None
    if owed.owed is Owed.FACTOR:
        mfa_token = begin_pending(
            session, user, channel, amr=amr, client_id=ask.client.client_id,
            request={"scope": ask.scope, "resource": ask.resource, "device_name": ask.device.name},
        )  # fmt: skip
    return SecondFactorOwed(how_to_go_on(server, session, user, owed, mfa_token), must_enrol=mfa_token is None)


def _begin(server: AuthorizationServer, session: Session, user: User, ask: Ask, amr: list[str]) -> dict[str, Any]:
    lifetime = timedelta(seconds=server.settings.refresh_token_absolute_lifetime)
    note_arrival(session, user, ask.device)
    login = begin_session(session, user_id=user.id, amr=amr, lifetime=lifetime, device=ask.device)
    authorization = grant(
        session, login, client_id=ask.client.client_id, terms=Terms(ask.scope, ask.resource), lifetime=lifetime
    )
    record(
        session, Event.USER_SIGNED_IN, actor=Actor("user", str(user.id)), subject=str(user.id),
        client_id=ask.client.client_id, user_id=user.id,
        detail={"grant_type": PASSWORD, "sid": str(login.id), "amr": amr},
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
