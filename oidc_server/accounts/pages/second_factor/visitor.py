"""Who opens a page that asks for a second factor: the login of the browser that waits for it, or else whoever is signed
in there and owes one for where they want to go."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from flask import request
from sqlalchemy.orm import Session

from oidc_server.accounts.addresses import ENROL, SECOND_FACTOR
from oidc_server.accounts.pages.blueprint import SIGN_IN
from oidc_server.accounts.pages.destinations import Destination, asked_destination
from oidc_server.accounts.pages.letting_in import known_device
from oidc_server.accounts.pages.second_factor.waiting_login import policy_of, waiting_login
from oidc_server.accounts.pages.waiting import waiting_if_any
from oidc_server.core import clock
from oidc_server.mfa.pending import Pending
from oidc_server.mfa.policy import NOTHING, Demand, Owed
from oidc_server.pages import cookies
from oidc_server.protocol.access_classes import RECENT
from oidc_server.protocol.prompts import second_factor_comes_next
from oidc_server.protocol.server import current_server
from oidc_server.protocol.situations import situation_of
from oidc_server.sessions import browser
from oidc_server.sessions.assurance import ACR_MFA, reaches
from oidc_server.sessions.browser import BrowserSession
from oidc_server.users.models import User


@dataclass(frozen=True)
class Known:
    """Somebody of whom something is known: that they have given the password, or that they are signed in."""

    user: User
    pending: Pending | None
    login: BrowserSession | None

    @property
    def bound_to(self) -> str:
        """What codes, challenges and forms for them are bound to."""
        return self.pending.bound_to if self.pending is not None else f"session {self.session_id}"

    @property
    def amr(self) -> list[str]:
        """What they have proven."""
        if self.pending is not None:
            return self.pending.login.amr
        return [] if self.login is None else self.login.amr

    @property
    def session_id(self) -> uuid.UUID | None:
        """Their session, when they are signed in."""
        return None if self.login is None else self.login.id

    @cached_property
    def device(self) -> str | None:
        """The name of this browser, when they have signed in with it before."""
        return known_device(self.user)

    @property
    def may_enrol(self) -> bool:
        """Whether they have proven lately all that they can: nobody sets a factor up by a session alone (attack
        M13)."""
        if self.login is None:
            return True
        lately = self.login.auth_time + RECENT >= clock.now()
        return lately and (not self.login.second_factors or reaches(self.login.acr, ACR_MFA))


@dataclass(frozen=True)
class Visitor:
    """Who it is, where they want to go, and what they owe before; ``trust`` is for how long their browser may be
    trusted, which nobody is asked in a session that they have already."""

    destination: Destination
    known: Known | None
    demand: Demand
    trust: timedelta = timedelta(0)

    def elsewhere(self, here: str) -> str | None:
        """The address of the page that they belong on, unless it is that ``here``."""
        known, owed = self.known, self.demand.owed
        if known is None or (owed is Owed.NOTHING and known.pending is not None):
            return self.destination.on_the_way(SIGN_IN)
        may_enrol_here = here == ENROL and self.demand.due_at is not None
        if owed is Owed.NOTHING and not may_enrol_here:
            return self.destination.leads_to
        page = SECOND_FACTOR if owed is Owed.FACTOR else ENROL
        if page == ENROL and not known.may_enrol:
            return self.destination.on_the_way(SIGN_IN)
        return None if page == here else self.destination.on_the_way(page)


def visitor_here(session: Session) -> Visitor:
    """The visitor of a page whose address names the destination as that of the sign-in page does. Raises
    ``InteractionGone``."""
    destination = asked_destination(session)
    pending = waiting_login(session)
    account = destination.account
    if pending is not None and (account is None or account.user_id == pending.user.id):
        also = policy_of(pending)
        owed = destination.owed_by(pending.user, pending.login.amr, also)
        trust = destination.policy(also, pending.user.mfa_policy).trust
        return Visitor(destination, Known(pending.user, pending, None), owed, trust)
    login = account or browser.resume(session, current_server().session_policy, cookies.session_secret(request))
    user = None if login is None else session.get(User, login.user_id)
    if login is None or user is None:
        return Visitor(destination, None, NOTHING)
    owed = NOTHING if _has_to_sign_in_first(session, login) else destination.owed_in(login)
    return Visitor(destination, Known(user, None, login), owed)


def _has_to_sign_in_first(session: Session, login: BrowserSession) -> bool:
    """Whether an app's request asks for a new sign-in, which no factor alone stands in for (attack A20)."""
    waiting = waiting_if_any(session)
    if waiting is None:
        return False
    situation = situation_of(
        session, current_server(), waiting.client, waiting.request, waiting.interaction, login
    )  # fmt: skip
    return not second_factor_comes_next(situation)
