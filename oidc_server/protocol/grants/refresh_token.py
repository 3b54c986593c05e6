"""Refreshing (RFC 6749 §6, RFC 9700 §4.14): one locked rotation in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import grants
from sqlalchemy.orm import Session

from oidc_server.authorizations.refresh import Rotation, RotationRefused, rotate
from oidc_server.clients.metadata import REFRESH_TOKEN
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core.database import transaction
from oidc_server.core.errors import Reason
from oidc_server.protocol.errors import InvalidGrant, InvalidRequest, InvalidScope, InvalidTarget, OAuthRefusal
from oidc_server.protocol.issue import Issuance
from oidc_server.protocol.named_claims import id_token_claims
from oidc_server.protocol.scope import requested_resources, requested_words
from oidc_server.protocol.second_factors import with_grace

if TYPE_CHECKING:
    from oidc_server.protocol.server import AuthorizationServer

_KIND_OF_REASON: dict[Reason, type[OAuthRefusal]] = {
    Reason.SCOPE_NOT_ALLOWED: InvalidScope,
    Reason.RESOURCE_UNKNOWN: InvalidTarget,
}


class RefreshTokenGrant(grants.RefreshTokenGrant):
    """Authlib's client checks; the token is redeemed under a lock by ``authorizations.refresh``."""

    def validate_token_request(self) -> None:
        self.request.client = self._validate_request_client()
        if not self.request.form.get("refresh_token"):
            raise InvalidRequest(Reason.MALFORMED_REQUEST, "refresh_token")

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        form = self.request.form
        scope, resource = requested_words(form.get("scope")), requested_resources(form)
        response = refresh(self.server, self.request.client, form["refresh_token"], scope or None, resource)
        return 200, response, self.TOKEN_RESPONSE_HEADER


def refresh(
    server: AuthorizationServer,
    client: ClientSnapshot,
    token: str,
    scope: str | None = None,
    resource: Sequence[str] = (),
) -> dict[str, Any]:
    """The token response for a refresh token of the client; ``scope`` and ``resource`` narrow what was granted.

    Raises :class:`InvalidGrant`, :class:`InvalidScope`, :class:`InvalidTarget`, and what ``issue`` raises."""
    with transaction() as session:
        outcome = rotate(
            session, server.refresh_policy, token, client_id=client.client_id, scope=scope, resource=list(resource)
        )
        # A token is signed before the commit: if no key may sign, the old refresh token stays unused.
        response = _issue(server, client, session, outcome) if isinstance(outcome, Rotation) else None
    if isinstance(outcome, RotationRefused) or response is None:
        reason = outcome.reason if isinstance(outcome, RotationRefused) else Reason.INTERNAL_ERROR
        raise _KIND_OF_REASON.get(reason, InvalidGrant)(reason)
    return response


def _issue(server: AuthorizationServer, client: ClientSnapshot, session: Session, rotation: Rotation) -> dict[str, Any]:
    standing = with_grace(server, session, client, rotation.standing)
    return server.issue(
        Issuance(
            grant_type=REFRESH_TOKEN,
            client=client,
            scope=rotation.scope,
            resource=rotation.resource,
            standing=standing,
            refresh_token=rotation.refresh_token,
            id_token_claims=id_token_claims(session, standing),
        )
    )
