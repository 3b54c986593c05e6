"""Attempts to give a second factor: counted before anything is looked at, and refused alike when there were too many.

Whoever guesses here knows the password already, and may have many addresses: so the count is the account's, and only a
browser in which the person has signed in before has one of its own, which strangers cannot fill (attack R06)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core.errors import Reason
from oidc_server.core.limit_rules import MFA_ATTEMPTS, THROTTLE_RECORDS
from oidc_server.mfa.proof import FactorWrong

if TYPE_CHECKING:
    from oidc_server.mfa.factors import SecondFactors

Outcome = TypeVar("Outcome")


def admit(factors: SecondFactors, user_id: uuid.UUID, known_device: str | None) -> None:
    """Count an attempt, from the browser ``known_device`` or from elsewhere. Call it outside of any transaction.

    Raises :class:`FactorWrong` when there were too many: whoever gives the right factor then is told the same as
    whoever gives a wrong one (attack M10)."""
    account, by = str(user_id), _by(known_device)
    rule = factors.limits.hit_all(MFA_ATTEMPTS, account, by)
    if rule is None:
        return
    if factors.limits.hit(THROTTLE_RECORDS, account, f"mfa {by}"):
        with factors.database.transaction() as session:
            _record(session, Event.MFA_THROTTLED, user_id, rule.name)
    raise FactorWrong(rule.name, Reason.SECOND_FACTOR_THROTTLED)


def forget(factors: SecondFactors, user_id: uuid.UUID, known_device: str | None) -> None:
    """A right factor was given: forget the attempts from this browser. Of those from elsewhere only this one is
    forgotten, because the others may be somebody else's (attack R05)."""
    if known_device is not None:
        factors.limits.clear_all(MFA_ATTEMPTS, str(user_id), _by(known_device))
    else:
        factors.limits.take_back(MFA_ATTEMPTS, str(user_id), _by(known_device))


def settle(factors: SecondFactors, user_id: uuid.UUID, check: Callable[[Session], Outcome]) -> Outcome:
    """Have an attempt that was counted checked, in a transaction of its own. A check that raises :class:`FactorWrong`
    is recorded, together with what it has written until then: what was found out stays.

    Raises :class:`FactorWrong`, and what ``check`` raises."""
    outcome: Outcome | FactorWrong
    with factors.database.transaction() as session:
        try:
            outcome = check(session)
        except FactorWrong as wrong:
            _record(session, Event.MFA_FAILED, user_id, wrong.detail)
            outcome = wrong
    if isinstance(outcome, FactorWrong):
        raise outcome
    return outcome


def _by(known_device: str | None) -> str:
    return "elsewhere" if known_device is None else f"device {known_device}"


def _record(session: Session, event: Event, user_id: uuid.UUID, detail: str | None) -> None:
    record(
        session, event, actor=Actor("user"), subject=str(user_id), user_id=user_id, detail={"detail": detail}
    )  # fmt: skip
