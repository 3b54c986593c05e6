"""Proving a second factor: one function for every way in, and for whoever steps up in a session."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.core.statements import HotStatement
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue
from oidc_server.mfa.guessing import admit, forget, settle
from oidc_server.mfa.kinds import RECOVERY_AMR, FactorKind
from oidc_server.mfa.methods import lock_owner, method_of
from oidc_server.mfa.models import Method
from oidc_server.mfa.proof import FactorProof, FactorWrong, Given
from oidc_server.mfa.recovery_codes import count_left, find_code, use_code
from oidc_server.mfa.sent_codes import redeem_sent_code
from oidc_server.mfa.totp import verify_totp
from oidc_server.mfa.webauthn_ceremonies import verify_assertion
from oidc_server.users.models import User
from oidc_server.users.service import refusal_of

if TYPE_CHECKING:
    from oidc_server.mfa.factors import SecondFactors


def prove_factor(
    factors: SecondFactors,
    user_id: uuid.UUID,
    given: Given,
    *,
    bound_to: str,
    kinds: frozenset[FactorKind],
    address: str,
    known_device: str | None = None,
) -> FactorProof:
    """Use up the second factor that a person gave at ``address``, one of these ``kinds`` or a recovery code.
    ``bound_to`` is what codes and challenges have to be for: ``login <id>`` or ``session <id>``. ``known_device`` names
    the browser, when the person has signed in with it before.

    It opens its own transactions. Raises :class:`FactorWrong`, whatever was wrong, and ``Unavailable``."""
    if given.method_id is None:
        with factors.passwords.admission():  # who cannot be served is refused before the attempt is counted
            admit(factors, user_id, known_device)
            proof = _prove_recovery_code(factors, user_id, given.code, address)
    else:
        admit(factors, user_id, known_device)
        proof = _prove_method(factors, user_id, given.method_id, given, bound_to, kinds)
    forget(factors, user_id, known_device)
    return proof


def _prove_method(
    factors: SecondFactors,
    user_id: uuid.UUID,
    method_id: uuid.UUID,
    given: Given,
    bound_to: str,
    kinds: frozenset[FactorKind],
) -> FactorProof:
    def check(session: Session) -> FactorProof:
        found = _OF_USER.one_or_none(session.connection(), user_id=user_id, method_id=method_id)
        if found is None:
            raise FactorWrong("no such method")
        kind = FactorKind(found.kind)
        if kind not in kinds:
            raise FactorWrong(f"{kind} is not used here")
        _check_account(found.suspended_at, found.locked_until)
        by_mail = found.password_set_by_mail_at is not None
        if by_mail:
            lock_owner(session, user_id)  # before the method, as everybody locks them
        used_id = method_id
        if kind is FactorKind.TOTP:
            verify_totp(session, factors, method_id, found.totp_secret, given.code)
        else:
            used_id = _verify(session, factors, user_id, method_id, given, bound_to)
        if by_mail and kind is not FactorKind.EMAIL:
            _more_than_mail(session, user_id)
        return FactorProof(user_id, kind.amr, used_id)

    return settle(factors, user_id, check)


_OF_USER = HotStatement(
    "method_of_user",
    select(Method.kind, Method.totp_secret, User.suspended_at, User.locked_until, User.password_set_by_mail_at)
    .join(User, User.id == Method.user_id)
    .where(Method.id == bindparam("method_id"), User.id == bindparam("user_id"), Method.confirmed_at.is_not(None)),
)


def _check_account(suspended_at: datetime | None, locked_until: datetime | None) -> None:
    if (reason := refusal_of(suspended_at, locked_until, clock.now())) is not None:
        raise FactorWrong(reason)


def _more_than_mail(session: Session, user_id: uuid.UUID) -> None:
    """Whoever set the password by a mail has a factor that is none."""
    session.execute(update(User).where(User.id == user_id).values(password_set_by_mail_at=None))


def _verify(
    session: Session, factors: SecondFactors, user_id: uuid.UUID, method_id: uuid.UUID, given: Given, bound_to: str
) -> uuid.UUID:
    """Use up a code that was sent or the answer of a security key; the method that it was of, which for keys may be
    another one of the person's."""
    method = method_of(session, user_id, method_id)
    if FactorKind(method.kind) is FactorKind.WEBAUTHN:
        return verify_assertion(session, factors, given.credential, bound_to=bound_to, user_id=user_id).id
    user = session.get_one(User, user_id)
    redeem_sent_code(session, factors, method, user, given.code, bound_to=bound_to)
    method.last_used_at = clock.now()
    return method.id


def _prove_recovery_code(factors: SecondFactors, user_id: uuid.UUID, typed: str, address: str) -> FactorProof:
    """It is hashed outside of any transaction, and used up in one."""
    code_id = find_code(factors.database, factors.passwords, user_id, typed)

    def use(session: Session) -> FactorProof:
        user = session.get(User, user_id)
        if code_id is None or user is None:
            raise FactorWrong("no recovery code of this account")
        _check_account(user.suspended_at, user.locked_until)
        use_code(session, code_id)
        _more_than_mail(session, user_id)
        left = count_left(session, user_id)
        record(
            session, Event.MFA_RECOVERY_CODE_USED, actor=Actor("user", str(user_id)), subject=str(user_id),
            user_id=user_id, detail={"left": left},
        )  # fmt: skip
        enqueue(
            session, kind=Kind.MFA_RECOVERY_CODES, user_id=user_id, recipient=user.email,
            parameters={"left": left, "address": address},
        )  # fmt: skip
        return FactorProof(user_id, RECOVERY_AMR)

    return settle(factors, user_id, use)
