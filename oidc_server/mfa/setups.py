"""Second factors that are being set up: how many there can be, for how long they wait, and what they are called."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from oidc_server.core import clock
from oidc_server.core.errors import Reason, Refusal
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.methods import MethodUnknown
from oidc_server.mfa.models import Method
from oidc_server.mfa.totp import TotpSetup
from oidc_server.pages.languages import lazy_gettext

SETUP_LIFETIME = timedelta(minutes=15)
SETUPS_MOST = 5  # that wait; the oldest one makes place
METHODS_MOST = 20
_NAMES = {
    FactorKind.TOTP: lazy_gettext("Authenticator app"),
    FactorKind.EMAIL: lazy_gettext("Email"),
    FactorKind.SMS: lazy_gettext("Text message"),
    FactorKind.WEBAUTHN: lazy_gettext("Passkey"),
}


class KindNotAllowed(Refusal):
    """Second factors of this kind are not used here."""

    status = 422

    def __init__(self, kind: FactorKind) -> None:
        super().__init__(Reason.SECOND_FACTOR_KIND_NOT_ALLOWED, kind.value)


class TooManyMethods(Refusal):
    """There are as many second factors as there can be, of this kind or altogether."""

    status = 409

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.SECOND_FACTORS_TOO_MANY, detail)


@dataclass(frozen=True)
class Setup:
    """A second factor that is being set up, and what is needed to finish: for an authenticator app its secret, for a
    security key what the browser is asked (``creation_options``, JSON), for a code where it was sent, masked."""

    method_id: uuid.UUID
    kind: FactorKind
    name: str
    totp: TotpSetup | None = None
    creation_options: dict[str, Any] | None = None
    sent_to: str | None = None


@dataclass(frozen=True)
class Enrolled:
    """A second factor that was set up, and the ``amr`` values that say that it was given just now. The recovery codes
    come with the first one, once."""

    method_id: uuid.UUID
    kind: FactorKind
    amr: tuple[str, ...]
    recovery_codes: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        return f"Enrolled({self.method_id})"


def waiting_method(session: Session, user_id: uuid.UUID, method_id: uuid.UUID) -> Method:
    """The set-up of a user that waits to be finished. Raises ``MethodUnknown``."""
    waits = (Method.confirmed_at.is_(None), Method.expires_at > clock.now())
    method = session.scalar(select(Method).where(Method.id == method_id, Method.user_id == user_id, *waits))
    if method is None:
        raise MethodUnknown("no such set-up waits")
    return method


def check_room(existing: list[Method], kind: FactorKind, number: str | None) -> None:
    """Whether another method fits in. All mail goes to the one address of the account, so codes by mail are one method;
    likewise those to one number. Raises :class:`TooManyMethods`."""
    if len(existing) >= METHODS_MOST:
        raise TooManyMethods("altogether")
    if kind in {FactorKind.EMAIL, FactorKind.SMS} and any(
        one.kind == kind and one.phone_number == number for one in existing
    ):
        raise TooManyMethods(f"this {kind.value}")


def end_oldest_setups(session: Session, user_id: uuid.UUID) -> None:
    """Make place for another set-up of a user."""
    waiting = select(Method.id).where(Method.user_id == user_id, Method.confirmed_at.is_(None))
    newest = waiting.where(Method.expires_at > clock.now()).order_by(Method.id.desc()).limit(SETUPS_MOST - 1)
    kept = session.scalars(newest).all()
    session.execute(delete(Method).where(Method.id.in_(waiting), Method.id.not_in(kept)))


def name_for(kind: FactorKind, existing: list[Method]) -> str:
    """What a method is called whose owner gave it no name, in the language that is spoken now."""
    name, taken = str(_NAMES[kind]), {method.name for method in existing}
    numbered = (f"{name} {number}" for number in range(2, METHODS_MOST + 2))
    return name if name not in taken else next(other for other in numbered if other not in taken)
