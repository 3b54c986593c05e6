"""What the second factors of one application need: the policy, the limits, keys, and whom passkeys are made for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from flask import current_app

from oidc_server.core import crypto
from oidc_server.core.crypto import Sealer
from oidc_server.core.database import Database
from oidc_server.core.limits import Limits
from oidc_server.core.settings import Settings
from oidc_server.mfa.policy import Policy, relying_party_id
from oidc_server.users.passwords import Passwords

EXTENSION = "oidc_server.second_factors"


@dataclass(frozen=True)
class RelyingParty:
    """Whom passkeys are made for (Web Authentication Level 3 §5.4.2), and the origins at which they are used."""

    id: str
    name: str
    origins: tuple[str, ...]


@dataclass(frozen=True)
class SecondFactors:
    """The second factors of one application."""

    settings: Settings
    database: Database
    limits: Limits
    passwords: Passwords

    @cached_property
    def policy(self) -> Policy:
        """What the deployment asks for."""
        return Policy.of(self.settings)

    @cached_property
    def sealer(self) -> Sealer:
        """Seals the secrets of authenticator apps."""
        current, *previous = self.settings.sealing_keys
        return Sealer(current, tuple(previous))

    @cached_property
    def code_keys(self) -> tuple[bytes, ...]:
        """From these and its row comes a code that is sent; the present one first."""
        return crypto.derive_each(self.settings.secret_keys, "oidc-server/sent-codes")

    @cached_property
    def challenge_keys(self) -> tuple[bytes, ...]:
        """These mark the challenges of WebAuthn ceremonies as ours; the present one first."""
        return crypto.derive_each(self.settings.secret_keys, "oidc-server/webauthn-challenges")

    @cached_property
    def device_keys(self) -> tuple[bytes, ...]:
        """From these and the one before comes the next secret of a trusted browser; the present one first."""
        return crypto.derive_each(self.settings.secret_keys, "oidc-server/trusted-devices")

    @cached_property
    def relying_party(self) -> RelyingParty:
        """Whom passkeys are made for."""
        parts = urlsplit(self.settings.issuer)
        own = f"{parts.scheme}://{parts.netloc}"
        return RelyingParty(
            relying_party_id(self.settings), self.settings.theme_name,
            (own, *self.settings.webauthn_origins),
        )  # fmt: skip


def current_second_factors() -> SecondFactors:
    """The second factors of the current application."""
    factors: SecondFactors = current_app.extensions[EXTENSION]
    return factors
