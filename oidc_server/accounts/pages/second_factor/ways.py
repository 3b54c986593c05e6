"""The ways in which somebody can give their second factor, as the page offers them: one at a time, the others by links.

Who has only given the password is told no more of the person than where codes go, masked."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlalchemy import select
from sqlalchemy.orm import Session

from oidc_server.accounts.factor_words import KIND_WORDS
from oidc_server.accounts.pages.second_factor.visitor import Known, Visitor
from oidc_server.mfa.kinds import RECOVERY, FactorKind
from oidc_server.mfa.methods import in_their_order, methods_of
from oidc_server.mfa.models import Method, WebauthnCredential
from oidc_server.mfa.recovery_codes import count_left
from oidc_server.mfa.sent_codes import mask
from oidc_server.pages.languages import gettext
from oidc_server.protocol.server import current_server
from oidc_server.sessions.assurance import ACR_MFA, reaches


@dataclass(frozen=True)
class Way:
    """One of them: ``key`` names it in addresses, ``name`` is what it is called, ``sent_to`` where codes go, masked.
    Without a ``kind`` it is the recovery codes; all security keys are one."""

    key: str
    name: str
    kind: FactorKind | None = None
    method_id: uuid.UUID | None = None
    sent_to: str = ""

    @property
    def is_sent(self) -> bool:
        """Whether a code has to be sent first."""
        return self.kind in {FactorKind.EMAIL, FactorKind.SMS}


def ways_of(session: Session, visitor: Visitor, known: Known) -> list[Way]:
    """The methods that help, in the order in which the person has put them, and at the end the recovery codes, unless
    the app asks for a level that they do not reach."""
    ways: list[Way] = []
    for kind, methods in in_their_order(methods_of(session, known.user.id, visitor.demand.kinds)).items():
        offered = methods[:1] if kind is FactorKind.WEBAUTHN else methods
        ways += [_way(kind, method, known, alone=len(offered) == 1) for method in offered]
    wanted = visitor.destination.wanted
    if (wanted is None or reaches(ACR_MFA, wanted)) and count_left(session, known.user.id):
        ways.append(Way(RECOVERY, gettext("Recovery code")))
    return ways


def chosen_way(ways: list[Way]) -> Way | None:
    """The one that the page's address names, or the first; None where none is left."""
    named = request.args.get("method")
    return next((way for way in ways if way.key == named), ways[0] if ways else None)


def key_options(session: Session, known: Known) -> dict[str, Any]:
    """What the browser is given to ask one of the person's security keys."""
    from oidc_server.mfa.webauthn_ceremonies import request_options  # noqa: PLC0415 - only whoever has a key needs it

    owned = select(WebauthnCredential).join(Method, Method.id == WebauthnCredential.method_id)
    theirs = owned.where(Method.user_id == known.user.id, Method.confirmed_at.is_not(None))
    return request_options(current_server().factors, session.scalars(theirs).all(), bound_to=known.bound_to)


def _way(kind: FactorKind, method: Method, known: Known, *, alone: bool) -> Way:
    words, sent_to = str(KIND_WORDS[kind]), mask(method, known.user)
    more = sent_to if sent_to else "" if alone else method.name
    return Way(str(method.id), f"{words}: {more}" if more else words, kind, method.id, sent_to)
