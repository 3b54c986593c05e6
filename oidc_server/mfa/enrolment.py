"""Setting up a second factor: it counts from the moment at which its owner has shown that it works, and not before.

A set-up that is abandoned changes nothing and ends by itself; what was there before stays (attack M14)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.core.identity import new_id
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue
from oidc_server.mfa.guessing import admit, settle
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.methods import MethodUnknown, fit_name, lock_owner, methods_of, note_change
from oidc_server.mfa.models import Method, WebauthnCredential
from oidc_server.mfa.phone_numbers import parse_number
from oidc_server.mfa.proof import FactorWrong, Given
from oidc_server.mfa.recovery_codes import NewCodes, make_codes, store_codes
from oidc_server.mfa.sent_codes import mask, redeem_sent_code, send_code
from oidc_server.mfa.setups import (
    SETUP_LIFETIME,
    Enrolled,
    KindNotAllowed,
    Setup,
    TooManyMethods,
    check_room,
    end_oldest_setups,
    name_for,
    waiting_method,
)
from oidc_server.mfa.totp import new_secret, seal_secret, setup_of, verify_totp
from oidc_server.mfa.webauthn_ceremonies import creation_options, register_credential
from oidc_server.sessions.assurance import ACR_MFA, acr_of, reaches
from oidc_server.users.models import User
from oidc_server.users.service import refusal_of

if TYPE_CHECKING:
    from oidc_server.mfa.factors import SecondFactors

__all__ = [
    "SETUP_LIFETIME", "Enrolled", "KindNotAllowed", "Setup", "TooManyMethods", "begin_enrolment", "confirm_enrolment",
]  # fmt: skip


def begin_enrolment(
    factors: SecondFactors,
    user_id: uuid.UUID,
    kind: FactorKind,
    *,
    name: str | None,
    phone_number: str | None = None,
    bound_to: str,
    address: str,
    kinds: frozenset[FactorKind],
) -> Setup:
    """Begin to set up a second factor of a kind that is among ``kinds``, as asked for from ``address``. The code that
    is sent, or the challenge, is good for ``bound_to`` only.

    It opens its own transactions. Raises :class:`KindNotAllowed`, :class:`TooManyMethods`, ``PhoneNumberRefused``, and
    ``Throttled`` when no code is sent now."""
    if kind not in kinds:
        raise KindNotAllowed(kind)
    number = parse_number(phone_number or "", factors.settings.sms_countries) if kind is FactorKind.SMS else None
    secret = new_secret() if kind is FactorKind.TOTP else None
    method_id, now, options = new_id(), clock.now(), None
    with factors.database.transaction() as session:
        user = _account(session, user_id)
        existing = methods_of(session, user_id)
        check_room(existing, kind, number)
        end_oldest_setups(session, user_id)
        method = Method(
            id=method_id, user_id=user_id, kind=kind.value, name=fit_name(name or "") or name_for(kind, existing),
            position=len(existing), totp_secret=secret and seal_secret(factors, method_id, secret),
            phone_number=number, created_at=now, expires_at=now + SETUP_LIFETIME,
        )  # fmt: skip
        session.add(method)
        session.flush()
        if kind is FactorKind.WEBAUTHN:
            options = creation_options(factors, user, _keys_of(session, user_id), bound_to=bound_to)
    if kind in {FactorKind.EMAIL, FactorKind.SMS}:
        send_code(factors, user_id, method_id, bound_to=bound_to, address=address)
    totp = None if secret is None else setup_of(factors, secret, user.email)
    return Setup(method_id, kind, method.name, totp, options, mask(method, user) or None)


def confirm_enrolment(
    factors: SecondFactors,
    user_id: uuid.UUID,
    method_id: uuid.UUID,
    given: Given,
    *,
    amr: Sequence[str],
    bound_to: str,
    address: str,
    known_device: str | None = None,
) -> Enrolled:
    """Finish setting up a second factor with what its owner gave; the first one also brings ten recovery codes. The
    code counts as used, and guessing here counts as guessing at a sign-in does. ``amr`` is what they have proven: the
    password alone adds no factor to an account that has one, even if it has it only since a moment (attack M13).

    It opens its own transactions. Raises :class:`FactorWrong`, ``MethodUnknown`` when no such set-up waits any more,
    :class:`TooManyMethods`, and ``Unavailable``. The lock on the account closes the race of two set-ups that each take
    themselves for the first."""
    admit(factors, user_id, known_device)
    with factors.database.reading() as session:
        has_none = not methods_of(session, user_id)
    codes = make_codes(factors.passwords) if has_none else None

    def check(session: Session) -> Enrolled:
        user = _account(session, user_id)
        method = waiting_method(session, user_id, method_id)
        others = methods_of(session, user_id)
        if others and not reaches(acr_of(amr), ACR_MFA):
            raise FactorWrong("the account has a factor, and it was not given")
        kind = FactorKind(method.kind)
        check_room(others, kind, method.phone_number)
        _verify(session, factors, user, method, given, bound_to)
        return _finish(session, user, method, others, None if others else codes, bound_to, address)

    return settle(factors, user_id, check)


def _verify(session: Session, factors: SecondFactors, user: User, method: Method, given: Given, bound_to: str) -> None:
    match FactorKind(method.kind):
        case FactorKind.TOTP:
            verify_totp(session, factors, method.id, method.totp_secret or "", given.code)
        case FactorKind.WEBAUTHN:
            register_credential(session, factors, method, given.credential, bound_to=bound_to)
        case FactorKind.EMAIL | FactorKind.SMS:
            redeem_sent_code(session, factors, method, user, given.code, bound_to=bound_to)


def _finish(
    session: Session,
    user: User,
    method: Method,
    others: list[Method],
    codes: NewCodes | None,
    bound_to: str,
    address: str,
) -> Enrolled:
    kind, actor = FactorKind(method.kind), Actor("user", str(user.id))
    method.confirmed_at, method.expires_at = clock.now(), None
    method.position = max((one.position for one in others), default=-1) + 1
    user.second_factor_forced_at = None
    note_change(session, user, but=bound_to)
    if codes is not None:
        store_codes(session, user, codes, actor, tell=False)  # the mail about the factor says enough
    record(
        session, Event.MFA_METHOD_ADDED, actor=actor, subject=str(user.id), user_id=user.id,
        detail={"method_id": str(method.id), "kind": kind.value},
    )  # fmt: skip
    enqueue(
        session, kind=Kind.MFA_METHOD_ADDED, user_id=user.id, recipient=user.email,
        parameters={"kind": kind.value, "address": address},
    )  # fmt: skip
    return Enrolled(method.id, kind, kind.amr, None if codes is None else codes.codes)


def _account(session: Session, user_id: uuid.UUID) -> User:
    """The account, locked. Raises ``FactorWrong`` when it may not sign in."""
    lock_owner(session, user_id)
    user = session.get(User, user_id)
    if user is None:
        raise MethodUnknown("no such account")
    if (reason := refusal_of(user.suspended_at, user.locked_until, clock.now())) is not None:
        raise FactorWrong(reason)
    return user


def _keys_of(session: Session, user_id: uuid.UUID) -> list[WebauthnCredential]:
    query = select(WebauthnCredential).join(Method, Method.id == WebauthnCredential.method_id)
    return list(session.scalars(query.where(Method.user_id == user_id)))
