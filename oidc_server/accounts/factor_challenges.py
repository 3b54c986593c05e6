"""Asking for a second factor: a code is sent, or an authenticator is asked, for one login or session."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from oidc_server.core import clock
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.methods import MethodUnknown
from oidc_server.mfa.models import Method, SentCode, WebauthnCredential
from oidc_server.mfa.proof import FactorWrong
from oidc_server.mfa.sent_codes import mask, send_code
from oidc_server.mfa.setups import KindNotAllowed
from oidc_server.mfa.webauthn_ceremonies import request_options
from oidc_server.users.models import User


@dataclass(frozen=True)
class Challenge:
    """What the person is asked for. ``challenge_id`` names the code that was sent to ``sent_to``; ``request_options``
    are for the browser's or the system's call for an authenticator. An authenticator app has to be asked nothing."""

    kind: FactorKind
    challenge_id: uuid.UUID | None = None
    sent_to: str | None = None
    request_options: dict[str, Any] | None = None


def challenge(
    factors: SecondFactors,
    user_id: uuid.UUID,
    method_id: uuid.UUID,
    *,
    bound_to: str,
    kinds: frozenset[FactorKind],
    setting_up: bool,
    address: str,
) -> Challenge:
    """Ask for a method that is in use and of one of these ``kinds``, or, when ``setting_up``, for one whose set-up is
    not finished: its code is sent once more.

    It opens its own transactions. Raises ``MethodUnknown``, ``KindNotAllowed``, ``PhoneNumberRefused`` and
    ``Throttled``."""
    with factors.database.reading() as session:
        method, user = _find(session, user_id, method_id, setting_up=setting_up)
        kind = FactorKind(method.kind)
        if method.confirmed_at is not None and kind not in kinds:
            raise KindNotAllowed(kind)
        sent_to = mask(method, user) or None
        if kind is FactorKind.WEBAUTHN:
            options = request_options(factors, _keys_of(session, user_id), bound_to=bound_to)
            return Challenge(kind, request_options=options)
    if kind is FactorKind.TOTP:
        return Challenge(kind)
    challenge_id = send_code(factors, user_id, method_id, bound_to=bound_to, address=address)
    return Challenge(kind, challenge_id, sent_to)


def check_challenge_id(
    factors: SecondFactors, challenge_id: uuid.UUID, method_id: uuid.UUID | None, *, bound_to: str
) -> None:
    """Whether a caller means the code that is waited for: the one last sent to this method for this. Raises
    ``FactorWrong``."""
    query = select(SentCode.id).where(
        SentCode.id == challenge_id, SentCode.method_id == method_id, SentCode.bound_to == bound_to,
        SentCode.cancelled_at.is_(None),
    )  # fmt: skip
    with factors.database.reading() as session:
        if session.scalar(query) is None:
            raise FactorWrong("another challenge")


def _find(session: Session, user_id: uuid.UUID, method_id: uuid.UUID, *, setting_up: bool) -> tuple[Method, User]:
    usable: ColumnElement[bool] = Method.confirmed_at.is_not(None)
    if setting_up:  # an authenticator that is being set up is asked nothing but what set-up asked it
        sent = Method.kind.in_([FactorKind.EMAIL.value, FactorKind.SMS.value])
        usable = or_(usable, sent & (Method.expires_at > clock.now()))
    query = select(Method, User).join(User, User.id == Method.user_id)
    found = session.execute(query.where(Method.id == method_id, Method.user_id == user_id, usable)).one_or_none()
    if found is None:
        raise MethodUnknown
    method, user = found
    return method, user


def _keys_of(session: Session, user_id: uuid.UUID) -> list[WebauthnCredential]:
    query = select(WebauthnCredential).join(Method, Method.id == WebauthnCredential.method_id)
    return list(session.scalars(query.where(Method.user_id == user_id, Method.confirmed_at.is_not(None))))
