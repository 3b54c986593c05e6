"""An authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1): as it was sent, and once it is checked.

The checked one is kept while the person signs in; nothing that a page sends back changes it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from oidc_server.authorizations.consents import Asked
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core.settings import Settings
from oidc_server.protocol.claims_parameter import ClaimsRequest

QUERY = "query"
FORM_POST = "form_post"
RESPONSE_MODES = (QUERY, FORM_POST)
RESPONSE_TYPES = ("code",)
NO_PROMPT, LOGIN, CONSENT, SELECT_ACCOUNT = "none", "login", "consent", "select_account"
CREATE = "create"  # Initiating User Registration via OpenID Connect 1.0 §4
PROMPT_VALUES = (NO_PROMPT, LOGIN, CONSENT, SELECT_ACCOUNT, CREATE)


def prompt_values(settings: Settings) -> tuple[str, ...]:
    """What ``prompt`` may hold: where nobody can register, no client asks for that (attack G27)."""
    return tuple(value for value in PROMPT_VALUES if value != CREATE or settings.people_can_register)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the answer goes, which is settled before anything else: a registered redirect URI."""

    redirect_uri: str
    response_mode: str
    state: str | None


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a client sent by way of a browser, by a client and to a redirect URI that are known to belong together.
    ``prompt_values`` are those that this server knows."""

    client: ClientSnapshot
    parameters: MultiDict[str, str]
    prompt_values: tuple[str, ...]

    def get(self, name: str) -> str | None:
        """A parameter; one that was sent empty counts as not sent (RFC 6749 §3.1)."""
        return self.parameters.get(name) or None


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request in which everything is as it may be. ``hinted_sub`` is the subject of a verified ``id_token_hint``."""

    client_id: str
    redirect_uri: str
    response_mode: str
    scope: str
    resource: list[str]
    state: str | None
    nonce: str | None
    code_challenge: str | None
    prompt: list[str]
    max_age: int | None
    login_hint: str | None
    hinted_sub: str | None
    acr_values: list[str]
    ui_locales: str | None
    claims: ClaimsRequest = field(default_factory=ClaimsRequest)

    @property
    def asked(self) -> Asked:
        """What consent has to cover: every scope, and every claim that was asked for by name."""
        return Asked(frozenset(self.scope.split()), frozenset({*self.claims.userinfo, *self.claims.id_token}))

    @property
    def target(self) -> Target:
        """Where its answer goes."""
        return Target(self.redirect_uri, self.response_mode, self.state)

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> AuthorizationRequest:
        """As it was kept; a member that a later version added is ignored."""
        known = {name: kept[name] for name in cls.__dataclass_fields__ if name in kept}
        return cls(**known | {"claims": ClaimsRequest(**known["claims"])})
