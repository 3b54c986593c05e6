"""Consent: what a person has allowed a client, remembered until they withdraw it."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.authorizations.models import Consent
from oidc_server.core import clock


@dataclass(frozen=True)
class Asked:
    """What a client asks a person for: scopes, and claims one by one."""

    scopes: frozenset[str]
    claims: frozenset[str] = frozenset()

    def __or__(self, other: "Asked") -> "Asked":
        return Asked(self.scopes | other.scopes, self.claims | other.claims)

    def __sub__(self, other: "Asked") -> "Asked":
        return Asked(self.scopes - other.scopes, self.claims - other.claims)

    def __bool__(self) -> bool:
        return bool(self.scopes or self.claims)


NOTHING = Asked(frozenset())


def remembered(session: Session, *, user_id: uuid.UUID, client_id: str) -> Asked:
    """What the person has allowed the client so far."""
    consent = session.get(Consent, (user_id, client_id))
    return NOTHING if consent is None else Asked(frozenset(consent.scope.split()), frozenset(consent.claims))


def remember(session: Session, *, user_id: uuid.UUID, client_id: str, asked: Asked) -> None:
    """Add to what the person has allowed the client."""
    consent = _locked(session, user_id, client_id)
    together = asked | Asked(frozenset(consent.scope.split()), frozenset(consent.claims))
    consent.scope = words(together.scopes)
    consent.claims = sorted(together.claims)
    consent.granted_at = clock.now()
    session.flush()
    record(
        session, Event.CONSENT_GRANTED, actor=Actor("user", str(user_id)), subject=f"{user_id}:{client_id}",
        client_id=client_id, user_id=user_id, detail={"scope": words(asked.scopes), "claims": sorted(asked.claims)},
    )  # fmt: skip


def _locked(session: Session, user_id: uuid.UUID, client_id: str) -> Consent:
    """The consent under a lock, made when there is none. The primary key closes the race of two that are the first."""
    found = session.get(Consent, (user_id, client_id), with_for_update=True)
    if found is not None:
        return found
    try:
        with session.begin_nested():
            made = Consent(user_id=user_id, client_id=client_id, scope="", claims=[], granted_at=clock.now())
            session.add(made)
        return made
    except IntegrityError:
        return session.get_one(Consent, (user_id, client_id), with_for_update=True)


def words(scopes: Iterable[str]) -> str:
    """Scopes as one text, in an order that is always the same."""
    return " ".join(sorted(scopes))
