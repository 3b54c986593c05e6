"""How sure a sign-in has to be for a request, and what a person can do about it (RFC 9470 §4 f., OpenID Connect Core
§3.1.2.1 and §5.5.1.1).

Levels stand one above the other: a client that asks for one is served by every higher one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from oidc_server.mfa.kinds import FactorKind, amr_with
from oidc_server.mfa.policy import Demand, Enrolled, Owed, Policy, demand
from oidc_server.protocol.authorization_request import AuthorizationRequest
from oidc_server.protocol.second_factors import factor_to_prove, kinds_to_enrol
from oidc_server.sessions.assurance import AMR_PASSWORD, acr_of, level_of, reaches

_ACR = "acr"


def wanted_level(request: AuthorizationRequest | None) -> str | None:
    """The level that a sign-in has to reach for this request, or None when any will do.

    One of the values is enough, so the lowest counts; values that are none of ours are ignored. An essential ``acr``
    and ``acr_values`` both have to be reached."""
    if request is None:
        return None
    essential = _levels(request.claims.wanted(_ACR)) if request.claims.is_essential(_ACR) else []
    lowest = [min(levels, key=level_of) for levels in (essential, _levels(request.acr_values)) if levels]
    return max(lowest, key=level_of, default=None)


def can_never_be_met(request: AuthorizationRequest) -> bool:
    """Whether the client cannot do without an ``acr`` of which this server knows no value (Core §5.5.1.1)."""
    wanted = request.claims.wanted(_ACR) if request.claims.is_essential(_ACR) else ()
    return bool(wanted) and not _levels(wanted)


def granted_acr(request: AuthorizationRequest, acr: str) -> str:
    """The ``acr`` that the client is told: the first value that it asked for and the sign-in at ``acr`` reaches, or
    that of the sign-in itself; never a higher one (attack M26)."""
    asked = _levels((*request.claims.wanted(_ACR), *request.acr_values))
    return next((level for level in asked if reaches(acr, level)), acr)


def second_factor_owed(
    policy: Policy, account: Enrolled, wanted: str | None, *, amr: Collection[str], acr: str | None, now: datetime
) -> Demand:
    """What a person owes who has signed in by ``amr``, at ``acr``: what the policy demands, and what it takes to reach
    the ``wanted`` level. Of a level that the person cannot reach nothing is asked: that is the client's to be told."""
    owed = demand(policy, account, amr=amr, acr=acr, now=now)
    if wanted is None or reaches(acr, wanted):
        return owed
    helpful = _kinds_that_reach(wanted)
    if owed:
        return replace(owed, kinds=owed.kinds & helpful or owed.kinds)
    if account.second_factors:
        step_up = Demand(Owed.FACTOR, factor_to_prove(policy, account).kinds & helpful)
    else:
        step_up = Demand(Owed.ENROLMENT, kinds_to_enrol(policy, account) & helpful)
    return step_up if step_up.kinds else owed


def _kinds_that_reach(wanted: str) -> frozenset[FactorKind]:
    return frozenset(kind for kind in FactorKind if reaches(acr_of(amr_with([AMR_PASSWORD], kind.amr)), wanted))


def _levels(values: Collection[object]) -> list[str]:
    """Those of the values that are levels of ours; what a client asks for may be anything that JSON can say."""
    return [value for value in values if isinstance(value, str) and level_of(value)]
