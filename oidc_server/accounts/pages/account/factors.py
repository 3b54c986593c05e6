"""The second factors and trusted browsers of a person, as the pages of their account show them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from oidc_server.accounts.factor_words import KIND_WORDS
from oidc_server.accounts.refusals import AccountGone
from oidc_server.mfa.factors import current_second_factors
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.methods import methods_of
from oidc_server.mfa.models import Method
from oidc_server.mfa.sent_codes import mask
from oidc_server.mfa.trusted_devices import trusted_devices_of
from oidc_server.protocol.second_factors import kinds_to_enrol
from oidc_server.sessions.browser import BrowserSession
from oidc_server.sessions.programs import in_words, program_of
from oidc_server.users.models import User


@dataclass(frozen=True)
class ShownMethod:
    """A second factor. ``sent_to`` is the address or number that its codes go to, of which only a part is
    shown; empty where none are sent."""

    id: uuid.UUID
    kind: str
    name: str
    sent_to: str
    added_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True)
class ShownBrowser:
    """A browser in which no second factor is asked for until ``expires_at``."""

    id: uuid.UUID
    program: str | None
    trusted_at: datetime
    last_used_at: datetime
    expires_at: datetime


def user_of(session: Session, user_id: uuid.UUID, *, locked: bool = False) -> User:
    """The account of who is signed in, ``locked`` to change its second factors. Raises ``AccountGone``."""
    user = session.get(User, user_id, with_for_update=locked or None)
    if user is None:
        raise AccountGone
    return user


def shown_methods(session: Session, user_id: uuid.UUID) -> list[ShownMethod]:
    """All of them, the one that is asked for first at the beginning."""
    user = user_of(session, user_id)
    return [_shown(method, user) for method in methods_of(session, user_id)]


def _shown(method: Method, user: User) -> ShownMethod:
    kind = FactorKind(method.kind)
    return ShownMethod(
        id=method.id,
        kind=str(KIND_WORDS[kind]),
        name=method.name,
        sent_to=mask(method, user),
        added_at=method.confirmed_at or method.created_at,
        last_used_at=method.last_used_at,
    )


def shown_browsers(session: Session, user_id: uuid.UUID) -> list[ShownBrowser]:
    """Those that are trusted now."""
    return [
        ShownBrowser(
            one.id, in_words(program_of(one.user_agent)), one.created_at, one.last_used_at, one.expires_at
        )
        for one in trusted_devices_of(session, user_id)
    ]  # fmt: skip


def allowed_kinds(login: BrowserSession) -> frozenset[FactorKind]:
    """The kinds that this person may set up; none where nobody is asked for a second factor."""
    return kinds_to_enrol(current_second_factors().policy, login)


def bound_to(login: BrowserSession) -> str:
    """What codes and challenges are bound to that are for this session."""
    return f"session {login.id}"
