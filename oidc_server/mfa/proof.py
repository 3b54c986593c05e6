"""What somebody gives as a second factor, and what it proves."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from oidc_server.core.errors import Reason, Refusal


@dataclass(frozen=True)
class Given:
    """A second factor as it was given: for a method, a ``code`` or an authenticator's answer (``credential``, JSON);
    without a method a recovery code."""

    method_id: uuid.UUID | None
    code: str = ""
    credential: str = ""

    def __repr__(self) -> str:
        return f"Given({self.method_id})"


@dataclass(frozen=True)
class FactorProof:
    """Who has just given a second factor, and the ``amr`` values that say which (RFC 8176)."""

    user_id: uuid.UUID
    amr: tuple[str, ...]
    method_id: uuid.UUID | None = None


class FactorWrong(Refusal):
    """Wrong, too old, used before, for something else, or given too often: the caller is told the same of each."""

    status = 422

    def __init__(self, detail: str, reason: Reason = Reason.SECOND_FACTOR_WRONG) -> None:
        super().__init__(reason, detail)
