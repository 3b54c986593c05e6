"""What the person has to be asked before an authorization request can be answered (OpenID Connect Core §3.1.2.3 f.).

Everything is decided anew whenever a page comes back, from what the database knows then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import takewhile
from typing import NamedTuple

from oidc_server.authorizations.consents import Asked
from oidc_server.authorizations.models import Interaction
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.mfa.policy import NOTHING, Demand, Policy
from oidc_server.protocol.authorization_request import CONSENT, CREATE, LOGIN, SELECT_ACCOUNT, AuthorizationRequest
from oidc_server.protocol.errors import (
    AccountSelectionRequired,
    ConsentRequired,
    InteractionRequired,
    LoginRequired,
    OAuthRefusal,
)
from oidc_server.protocol.step_up import can_never_be_met, second_factor_owed, wanted_level
from oidc_server.protocol.subjects import subject_of
from oidc_server.sessions.assurance import reaches
from oidc_server.sessions.browser import BrowserSession
from oidc_server.users.service import login_key

SECOND_FACTOR = "second_factor"  # no client asks for it by this name: it is owed, or it is not


@dataclass(frozen=True)
class Situation:
    """A request, who is signed in in this browser, and what was asked of them so far for this request; ``policy`` is
    what the deployment and the client say about second factors."""

    request: AuthorizationRequest
    client: ClientSnapshot
    login: BrowserSession | None
    interaction: Interaction | None
    consented: Asked
    policy: Policy
    now: datetime

    @cached_property
    def second_factor(self) -> Demand:
        """The second factor that the person owes for this request: by policy, or for the level that it asks for."""
        login = self.login
        if login is None:
            return NOTHING
        wanted = wanted_level(self.request)
        return second_factor_owed(self.policy, login, wanted, amr=login.amr, acr=login.acr, now=self.now)

    @property
    def wants_another_account(self) -> bool:
        """Whether the person has said that they are not who is signed in here, and nobody has signed in since."""
        wanted_at = self.interaction.another_account_wanted_at if self.interaction is not None else None
        return wanted_at is not None and self.login is not None and self.login.auth_time < wanted_at

    def was_done_here(self, instant: datetime | None) -> bool:
        """Whether something was done for this very request."""
        return instant is not None and self.interaction is not None and instant >= self.interaction.created_at


def must_register(situation: Situation) -> bool:
    """``prompt=create`` (Initiating User Registration via OpenID Connect 1.0 §4.1), until somebody has signed in for
    this very request: with the new account or, since they may find that they have one, with another."""
    login = situation.login
    return CREATE in situation.request.prompt and (login is None or not situation.was_done_here(login.auth_time))


def must_choose_account(situation: Situation) -> bool:
    """``prompt=select_account``; to sign in with any account is to choose it."""
    if SELECT_ACCOUNT not in situation.request.prompt or situation.login is None:
        return False
    interaction = situation.interaction
    if interaction is None or situation.was_done_here(situation.login.auth_time):
        return interaction is None
    return not (interaction.account_chosen_at or interaction.another_account_wanted_at)


def must_sign_in(situation: Situation) -> bool:
    """Nobody is signed in, or too long ago, or somebody else than the client means."""
    request, login = situation.request, situation.login
    if login is None:
        return True
    if situation.wants_another_account:
        return True
    if situation.was_done_here(login.auth_time):
        return False
    if LOGIN in request.prompt:
        return True
    if request.max_age is not None and login.auth_time + timedelta(seconds=request.max_age) <= situation.now:
        return True
    return is_somebody_else(situation) or _is_not_hinted(request, login)


def must_give_second_factor(situation: Situation) -> bool:
    """The policy demands a second factor, or that one is enrolled, or the client a level that one would reach."""
    return bool(situation.second_factor)


def must_consent(situation: Situation) -> bool:
    """The person has not allowed all of it, or is to be asked again. Our own apps need no consent."""
    interaction, login = situation.interaction, situation.login
    here = interaction is not None and interaction.consented_at is not None and login is not None
    if here and interaction.session_id == login.id:  # type: ignore[union-attr]
        return False
    if CONSENT in situation.request.prompt:
        return True
    return not situation.client.first_party and bool(situation.request.asked - situation.consented)


def is_somebody_else(situation: Situation) -> bool:
    """Whether the person is not the one whom the client named, by an ID Token or by the ``sub`` that the new one must
    have (Core §3.1.2.1, §5.5.1). Who has just signed in as somebody else meant to; then the client is told."""
    request, login = situation.request, situation.login
    # A list: what a client asks for may be anything that JSON can say.
    wanted = [sub for sub in (request.hinted_sub, *request.claims.wanted("sub")) if sub is not None]
    return bool(wanted) and login is not None and subject_of(situation.client, login.user_id) not in wanted


def reaches_acr(situation: Situation) -> bool:
    """Whether the person signed in as the client cannot do without (Core §5.5.1.1, RFC 9470 §5)."""
    login, wanted = situation.login, wanted_level(situation.request)
    if can_never_be_met(situation.request):
        return False
    return wanted is None or (login is not None and reaches(login.acr, wanted))


def _is_not_hinted(request: AuthorizationRequest, login: BrowserSession) -> bool:
    """A hint that is no name of an account here says nothing."""
    hinted = login_key(request.login_hint) if request.login_hint else None
    return hinted is not None and hinted not in login.login_keys


class Prompt(NamedTuple):
    """A page that may be owed: its name, when it is, and the answer when no page may be shown."""

    name: str
    is_owed: Callable[[Situation], bool]
    refusal: type[OAuthRefusal]


PROMPTS = (
    Prompt(CREATE, must_register, LoginRequired),
    Prompt(SELECT_ACCOUNT, must_choose_account, AccountSelectionRequired),
    Prompt(LOGIN, must_sign_in, LoginRequired),
    Prompt(SECOND_FACTOR, must_give_second_factor, InteractionRequired),
    Prompt(CONSENT, must_consent, ConsentRequired),
)


def first_owed(situation: Situation) -> Prompt | None:
    """The page that comes next, or None when the request can be answered."""
    return next((prompt for prompt in PROMPTS if prompt.is_owed(situation)), None)


def second_factor_comes_next(situation: Situation) -> bool:
    """Whether nothing is owed before the second factor, which alone stands in for no sign-in (attack A20)."""
    before = takewhile(lambda prompt: prompt.name != SECOND_FACTOR, PROMPTS)
    return not any(prompt.is_owed(situation) for prompt in before)
