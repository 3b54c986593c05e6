"""How the JSON API says that a login owes a second factor."""

from __future__ import annotations

from typing import Any

from oidc_server.api.codes import Code
from oidc_server.api.problems import Problem
from oidc_server.core.errors import Reason
from oidc_server.protocol.password_login import SecondFactorOwed


def tokens_or_problem(outcome: dict[str, Any] | SecondFactorOwed) -> dict[str, Any]:
    """The tokens of a login. Raises :class:`Problem` with what it takes to go on, when a second factor is owed."""
    if not isinstance(outcome, SecondFactorOwed):
        return outcome
    if outcome.must_enrol:
        raise Problem(
            Code.MFA_ENROLMENT_REQUIRED, Reason.SECOND_FACTOR_ENROLMENT_REQUIRED, members=outcome.members
        )  # fmt: skip
    raise Problem(Code.MFA_REQUIRED, Reason.SECOND_FACTOR_REQUIRED, members=outcome.members)
