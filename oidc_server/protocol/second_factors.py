"""What the policy of the deployment, the client and the account asks of a person: of a grant that stands, of a login,
and of who wants to change what proves them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from oidc_server.authorizations.standing import Standing
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core import clock
from oidc_server.mfa.grace import note_grace
from oidc_server.mfa.kinds import RECOVERY, FactorKind
from oidc_server.mfa.methods import methods_of
from oidc_server.mfa.policy import NOTHING, Demand, Enrolled, Level, Owed, Policy, demand
from oidc_server.mfa.recovery_codes import count_left
from oidc_server.mfa.sent_codes import mask
from oidc_server.sessions.assurance import acr_of
from oidc_server.users.models import User

if TYPE_CHECKING:
    from oidc_server.protocol.server import AuthorizationServer

# Whoever has to enrol a factor is led to do so when they sign in there.
_ENROL_AT = "/sign-in"


def policy_of(server: AuthorizationServer, client: ClientSnapshot) -> Policy:
    """What the deployment and the client ask for."""
    return server.factors.policy.with_stored(client.mfa_policy)


def with_grace(server: AuthorizationServer, session: Session, client: ClientSnapshot, standing: Standing) -> Standing:
    """The standing of a grant, for whose person the grace to enrol a second factor begins now, if it does; ``issue``
    takes it for begun only when it was noted."""
    amr = standing.amr or []
    owed = demand(policy_of(server, client), standing, amr=amr, acr=acr_of(amr), now=clock.now())
    if not owed.begins_grace:
        return standing
    note_grace(session, standing.user_id, owed)
    return dataclasses.replace(standing, second_factor_due_at=owed.due_at)


def factor_to_prove(policy: Policy, account: Enrolled) -> Demand:
    """What takes a person beyond the password, and beyond the browser that they trust: a factor, by the kinds that help
    here, for whoever has one, also where nobody is asked for it at a sign-in; nothing for others (attack M13)."""
    level = Level.OPTIONAL if policy.level is Level.OFF else policy.level
    asking = dataclasses.replace(policy, level=level)
    owed = demand(asking, account, amr=(), acr=None, now=clock.now())
    return owed if owed.owed is Owed.FACTOR else NOTHING


def kinds_to_enrol(policy: Policy, account: Enrolled) -> frozenset[FactorKind]:
    """The kinds of which a person may set up a factor; none where nobody is asked for one."""
    policy = policy.with_stored(account.mfa_policy)
    return frozenset() if policy.level is Level.OFF else policy.kinds


def how_to_go_on(
    server: AuthorizationServer, session: Session, user: User, owed: Demand, mfa_token: str | None
) -> dict[str, Any]:
    """What a program is told of a login that ``owed`` something: the token for it and by what to go on, in the order
    that the person chose; or the page on which they set up a factor."""
    if mfa_token is None:
        return {"enrol_at": server.settings.issuer + _ENROL_AT}
    return {"mfa_token": mfa_token, "methods": _choices(session, user, owed.kinds)}


def _choices(session: Session, user: User, kinds: frozenset[FactorKind]) -> list[dict[str, Any]]:
    choices: list[dict[str, Any]] = [
        {
            "id": str(method.id), "type": method.kind, "name": method.name, "default": place == 0,
            "sent_to": mask(method, user) or None,
        }
        for place, method in enumerate(methods_of(session, user.id, kinds))
    ]  # fmt: skip
    if count_left(session, user.id):
        choices.append({"id": None, "type": RECOVERY, "name": None, "default": not choices, "sent_to": None})
    return choices
