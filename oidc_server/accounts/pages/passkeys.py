"""What the sign-in page offers to whoever has a passkey, and for which browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import request

from oidc_server.accounts.addresses import PASSKEY_SIGN_IN
from oidc_server.accounts.pages.account.notices import Notice
from oidc_server.accounts.pages.destinations import Destination
from oidc_server.core import crypto
from oidc_server.mfa.factors import SecondFactors, current_second_factors
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.webauthn_ceremonies import request_options
from oidc_server.pages import cookies, forms


@dataclass(frozen=True)
class PasskeyOffer:
    """``options`` are for the browser, which posts the answer to ``answer_to``. ``conditional``: it may offer passkeys
    where a name is typed in."""

    options: dict[str, Any]
    answer_to: str
    conditional: bool


def passkey_offer(destination: Destination) -> PasskeyOffer | None:
    """What the page offers on the way there; None where people have no passkeys."""
    factors = current_second_factors()
    if not has_passkeys(factors):
        return None
    options = request_options(factors, (), bound_to=this_browser(), passwordless=True)
    # What fills in the same passkey by itself would otherwise send it again and again.
    was_refused = cookies.current_cookies().get(request, cookies.NOTICE) == Notice.PASSKEY_REFUSED
    is_conditional = destination.account is None and not was_refused
    return PasskeyOffer(options, destination.on_the_way(PASSKEY_SIGN_IN), is_conditional)


def has_passkeys(factors: SecondFactors) -> bool:
    """Whether people sign in with passkeys here."""
    return FactorKind.WEBAUTHN in factors.policy.kinds


def this_browser() -> str:
    """What the challenge of a sign-in is bound to, when nobody is known yet."""
    return f"browser {crypto.urlsafe(crypto.digest(forms.form_secret()))}"
