"""Giving second factors to the services, as every way in does."""

from __future__ import annotations

import uuid

from oidc_server.core.errors import Reason
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.proof import FactorProof, FactorWrong, Given
from oidc_server.mfa.proving import prove_factor
from tests.relying_party import TestUser

HERE = "192.0.2.1"
ALL = frozenset(FactorKind)
# Of somebody who has given the password and a factor.
PROVEN = ("pwd", "otp", "mfa")
BOUND_TO = "session 01890a5d-ac96-774b-bcce-b302099a8057"


def prove(
    factors: SecondFactors, user: TestUser, given: Given, *, device: str | None = None, bound_to: str = BOUND_TO
) -> FactorProof:
    """Give a second factor, of any kind."""
    return prove_factor(factors, user.id, given, bound_to=bound_to, kinds=ALL, address=HERE, known_device=device)


def give(
    factors: SecondFactors, user: TestUser, method_id: uuid.UUID | None, code: str, device: str | None = None
) -> bool:
    """Whether a code was right."""
    return refusal(factors, user, Given(method_id, code), device) is None


def refusal(factors: SecondFactors, user: TestUser, given: Given, device: str | None = None) -> Reason | None:
    """Why something was refused, which is told to the admin only; None when it was right."""
    try:
        prove(factors, user, given, device=device)
    except FactorWrong as error:
        return error.reason
    return None
