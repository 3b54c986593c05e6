"""The one function that issues tokens. Whatever the grant, everything that can forbid a token is asked here again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from oidc_server.authorizations.standing import Standing
from oidc_server.clients.metadata import OPENID
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core import clock, metrics
from oidc_server.core.errors import Reason
from oidc_server.core.settings import Settings
from oidc_server.keys.ring import KeyRing
from oidc_server.mfa.policy import Owed, Policy, demand
from oidc_server.protocol.access_token import sign_access_token
from oidc_server.protocol.errors import InvalidClient, InvalidGrant, InvalidScope
from oidc_server.protocol.id_token import sign_id_token
from oidc_server.sessions.assurance import acr_of


@dataclass(frozen=True, slots=True)
class Issuance:
    """What a grant has established. ``standing`` is what this request's transaction read; a client acting for itself
    has none."""

    grant_type: str
    client: ClientSnapshot
    scope: str
    resource: list[str]
    standing: Standing | None = None
    refresh_token: str | None = None
    nonce: str | None = None
    code: str | None = None
    id_token_claims: dict[str, Any] = field(default_factory=dict)


def issue(ring: KeyRing, settings: Settings, mfa: Policy, issuance: Issuance) -> dict[str, Any]:
    """The token response (RFC 6749 §5.1). Raises :class:`InvalidClient`, :class:`InvalidGrant`,
    :class:`InvalidScope`, and ``Unavailable`` when no key may sign."""
    client, standing = issuance.client, issuance.standing
    if client.disabled:
        raise InvalidClient(Reason.CLIENT_DISABLED)
    if standing is not None and (reason := standing.refusal(clock.now())) is not None:
        raise InvalidGrant(reason)
    if standing is not None:
        _check_second_factor(mfa, client, standing)
    scope = _still_allowed(issuance.scope, client, standing)
    access_token = sign_access_token(
        ring, settings, client=client, scope=scope, resource=issuance.resource, standing=standing
    )
    response: dict[str, Any] = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": settings.access_token_lifetime,
        "scope": scope,
    }
    if issuance.refresh_token is not None:
        response["refresh_token"] = issuance.refresh_token
    if standing is not None and OPENID in scope.split():
        alg = client.id_token_signed_response_alg or settings.signing_alg
        response["id_token"] = sign_id_token(ring, settings, issuance, alg=alg, access_token=access_token)
    metrics.count_token(issuance.grant_type)
    return response


def _check_second_factor(mfa: Policy, client: ClientSnapshot, standing: Standing) -> None:
    """Nothing is issued to who owes a second factor, however they came and whatever they were granted before. A grace
    that was not noted has not begun. What was done counts: the client may have been told a lower ``acr``."""
    amr = standing.amr or []
    owed = demand(mfa.with_stored(client.mfa_policy), standing, amr=amr, acr=acr_of(amr), now=clock.now())
    if owed.owed is Owed.ENROLMENT or owed.begins_grace:
        raise InvalidGrant(Reason.SECOND_FACTOR_ENROLMENT_REQUIRED)
    if owed:
        raise InvalidGrant(Reason.SECOND_FACTOR_REQUIRED)


def _still_allowed(scope: str, client: ClientSnapshot, standing: Standing | None) -> str:
    """The scope without what the client has lost since it was granted."""
    allowed = client.scopes if standing is None else frozenset(standing.client_scope.split())
    words = scope.split()
    kept = [word for word in words if word in allowed]
    if words and not kept:
        raise InvalidScope(Reason.SCOPE_NOT_ALLOWED, "the client lost every scope that was granted")
    return scope if len(kept) == len(words) else " ".join(kept)
