"""The second factors that people have: finding, naming, ordering and removing them, and what follows from a change."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.core import clock
from oidc_server.core.errors import Reason, Refusal
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue
from oidc_server.mfa.kinds import KINDS, FactorKind, kinds_of
from oidc_server.mfa.models import Method
from oidc_server.mfa.pending import end_pending
from oidc_server.mfa.policy import Level
from oidc_server.mfa.recovery_codes import void_codes
from oidc_server.mfa.trusted_devices import end_trusted
from oidc_server.users.models import User

if TYPE_CHECKING:
    from oidc_server.mfa.factors import SecondFactors

NAME_CHARACTERS = 100


class MethodUnknown(Refusal):
    """The person has no such second factor, or no such set-up waits to be finished."""

    status = 404

    def __init__(self, detail: str = "unknown") -> None:
        super().__init__(Reason.SECOND_FACTOR_UNKNOWN, detail)


class LastMethod(Refusal):
    """A second factor is demanded, and without this one none is left that would do."""

    status = 409

    def __init__(self) -> None:
        super().__init__(Reason.SECOND_FACTOR_LAST)


def methods_of(session: Session, user_id: uuid.UUID, kinds: Collection[FactorKind] | None = None) -> list[Method]:
    """The second factors that a user has set up, in their order; of these ``kinds``, where only they count."""
    query = select(Method).where(Method.user_id == user_id, Method.confirmed_at.is_not(None))
    if kinds is not None:
        query = query.where(Method.kind.in_([kind.value for kind in kinds]))
    return list(session.scalars(query.order_by(Method.position, Method.id)))


def method_of(session: Session, user_id: uuid.UUID, method_id: uuid.UUID) -> Method:
    """A second factor that a user has set up. Raises :class:`MethodUnknown`."""
    query = select(Method).where(Method.id == method_id, Method.user_id == user_id, Method.confirmed_at.is_not(None))
    method = session.scalar(query)
    if method is None:
        raise MethodUnknown
    return method


def fit_name(name: str) -> str:
    """A name as it is kept: one line, of printable characters."""
    printable = "".join(character if character.isprintable() else " " for character in name)
    return " ".join(printable.split())[:NAME_CHARACTERS].rstrip()


def rename_method(session: Session, method: Method, name: str) -> None:
    """Call a second factor so; a name of nothing that can be seen changes nothing."""
    method.name = fit_name(name) or method.name
    session.flush()


def make_first(session: Session, method: Method) -> None:
    """Put a second factor before the others of its owner: it is the one that is asked for."""
    lock_owner(session, method.user_id)
    others = [one for one in methods_of(session, method.user_id) if one.id != method.id]
    for position, one in enumerate([method, *others]):
        one.position = position
    session.flush()


def remove_method(
    session: Session,
    factors: SecondFactors,
    user: User,
    method: Method,
    *,
    actor: Actor,
    client_policy: Mapping[str, Any] | None = None,
) -> None:
    """Remove a second factor; with the last one the recovery codes end too. Raises :class:`LastMethod` where the
    policy demands one (attack M15), and :class:`MethodUnknown` when it was removed at this moment.

    The lock on the account closes the race of two who each remove one of the last two."""
    lock_owner(session, user.id)
    session.refresh(user)
    method = method_of(session, user.id, method.id)
    left = [one for one in methods_of(session, user.id) if one.id != method.id]
    policy = factors.policy.with_stored(client_policy, user.mfa_policy)
    if policy.level is Level.REQUIRED and not kinds_of(one.kind for one in left) & policy.kinds:
        raise LastMethod
    kind = method.kind
    _record_removal(session, method, actor)
    session.delete(method)
    session.flush()
    if not left:
        void_codes(session, user.id)
    note_change(session, user)
    enqueue(
        session, kind=Kind.MFA_METHOD_REMOVED, user_id=user.id, recipient=user.email, parameters={"kind": kind}
    )  # fmt: skip


def remove_all(session: Session, user: User, *, actor: Actor) -> None:
    """Remove every second factor of a user, set up or not, and the recovery codes. It tells nobody: the caller does,
    who knows why."""
    lock_owner(session, user.id)
    for method in methods_of(session, user.id):
        _record_removal(session, method, actor)
    session.execute(delete(Method).where(Method.user_id == user.id))
    void_codes(session, user.id)
    note_change(session, user)


def note_change(session: Session, user: User, *, but: str | None = None) -> None:
    """Bring what follows from a person's second factors up to date: what their account says of them, the browsers that
    were trusted, and logins that wait for a factor, but for the one that ``but`` names by what it is bound to.

    The lock on the account closes the race of two changes at once, of which each would count without the other."""
    session.flush()
    lock_owner(session, user.id)
    found = set(session.scalars(select(Method.kind).where(Method.user_id == user.id, Method.confirmed_at.is_not(None))))
    user.second_factors = [kind.value for kind in KINDS if kind.value in found] or None
    user.second_factors_changed_at = clock.now()
    end_trusted(session, user.id)
    end_pending(session, user_id=user.id, but=but)
    session.flush()


def lock_owner(session: Session, user_id: uuid.UUID) -> None:
    """Wait until nobody else changes the second factors of this account."""
    session.execute(select(User.id).where(User.id == user_id).with_for_update())


def _record_removal(session: Session, method: Method, actor: Actor) -> None:
    record(
        session, Event.MFA_METHOD_REMOVED, actor=actor, subject=str(method.user_id), user_id=method.user_id,
        detail={"method_id": str(method.id), "kind": method.kind},
    )  # fmt: skip


def in_their_order(methods: Sequence[Method]) -> dict[FactorKind, list[Method]]:
    """The methods by their kinds, in the order in which the person has put them."""
    found: dict[FactorKind, list[Method]] = {}
    for method in methods:
        found.setdefault(FactorKind(method.kind), []).append(method)
    return found
