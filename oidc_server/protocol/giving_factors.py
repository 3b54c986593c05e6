"""From a second factor to tokens: it goes on with a login that waits, or it makes a session surer (RFC 9470)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from oidc_server.authorizations.models import Authorization
from oidc_server.authorizations.standing import standing_of, standing_query
from oidc_server.authorizations.step_up import step_up
from oidc_server.clients.metadata import SECOND_FACTOR
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core import clock
from oidc_server.core.database import transaction
from oidc_server.core.errors import Reason
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.pending import Channel, Pending, find_pending
from oidc_server.mfa.policy import demand
from oidc_server.mfa.proof import Given
from oidc_server.mfa.proving import prove_factor
from oidc_server.protocol.callers import Caller
from oidc_server.protocol.errors import InvalidGrant
from oidc_server.protocol.issue import Issuance
from oidc_server.protocol.named_claims import id_token_claims
from oidc_server.protocol.password_login import SecondFactorOwed, finish_login
from oidc_server.protocol.second_factors import factor_to_prove, policy_of
from oidc_server.sessions.assurance import acr_of
from oidc_server.sessions.service import Device

if TYPE_CHECKING:
    from oidc_server.protocol.server import AuthorizationServer


def go_on_with_login(
    server: AuthorizationServer,
    mfa_token: str,
    given: Given,
    *,
    client: ClientSnapshot,
    channel: Channel,
    device: Device,
) -> dict[str, Any] | SecondFactorOwed:
    """Prove the factor and finish the login that waits on the channel, for the client that began it.

    The factor is checked in transactions of its own, because attempts are counted and codes hashed outside of any; what
    may have happened meanwhile is asked once more. Raises ``PendingLoginGone``, ``FactorWrong`` and what ``issue``
    raises."""
    with server.database.reading() as session:
        pending = find_pending(session, mfa_token, channel, client.client_id)
        kinds = kinds_for_login(server, pending, clock.now())
        user_id, bound_to = pending.user.id, pending.bound_to
    factor = prove_factor(
        server.factors, user_id, given, bound_to=bound_to, kinds=kinds, address=device.address
    )  # fmt: skip
    with transaction() as session:
        return finish_login(server, session, mfa_token, factor, client=client, channel=channel, device=device)


def kinds_for_login(server: AuthorizationServer, pending: Pending, now: datetime) -> frozenset[FactorKind]:
    """The kinds by which a login of a program goes on. When nothing is owed any more, because the policy changed
    meanwhile, every kind that the person may use does."""
    client = server.clients.find(pending.login.client_id or "")
    policy = server.factors.policy if client is None else policy_of(server, client)
    owed = demand(policy, pending.user, amr=pending.login.amr, acr=acr_of(pending.login.amr), now=now)
    return owed.kinds if owed else factor_to_prove(policy, pending.user).kinds


def raise_tokens(
    server: AuthorizationServer, caller: Caller, client: ClientSnapshot, amr: Sequence[str]
) -> dict[str, Any]:
    """A factor of the kind that ``amr`` says was given in the session of an access token: the session is surer by it,
    and the grant behind the token, for which there is a new one. The refresh token stays as it is.

    Raises what ``issue`` raises."""
    with transaction() as session:
        assert caller.authorization_id is not None  # noqa: S101 - a person's token names the grant behind it
        step_up(session, caller.authorization_id, user_id=caller.user_id, factor=amr)
        row = session.execute(standing_query().where(Authorization.id == caller.authorization_id)).one_or_none()
        if row is None:
            raise InvalidGrant(Reason.AUTHORIZATION_REVOKED, "gone at this moment")
        standing = standing_of(row)
        return server.issue(
            Issuance(
                SECOND_FACTOR, client, caller.scope, list(caller.audiences), standing,
                id_token_claims=id_token_claims(session, standing),
            )
        )  # fmt: skip
