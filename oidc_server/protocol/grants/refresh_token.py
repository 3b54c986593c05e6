"""Refreshing (RFC 6749 §6, RFC 9700 §4.14): one locked rotation in one transaction."""

from typing import Any

from authlib.oauth2.rfc6749 import grants
from sqlalchemy.orm import Session

from oidc_server.authorizations.refresh import Rotation, RotationRefused, rotate
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core.database import transaction
from oidc_server.core.errors import Reason
from oidc_server.protocol.errors import InvalidGrant, InvalidRequest, InvalidScope, InvalidTarget, OAuthRefusal
from oidc_server.protocol.issue import Issuance
from oidc_server.protocol.named_claims import id_token_claims
from oidc_server.protocol.scope import requested_resources, requested_words

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
        client: ClientSnapshot = self.request.client
        scope, resource = requested_words(form.get("scope")), requested_resources(form)
        with transaction() as session:
            outcome = rotate(
                session, self.server.refresh_policy, form["refresh_token"],
                client_id=client.client_id, scope=scope or None, resource=resource,
            )  # fmt: skip
            # A token is signed before the commit: if no key may sign, the old refresh token stays unused.
            response = self._issue(session, outcome) if isinstance(outcome, Rotation) else None
        if isinstance(outcome, RotationRefused) or response is None:
            reason = outcome.reason if isinstance(outcome, RotationRefused) else Reason.INTERNAL_ERROR
            raise _KIND_OF_REASON.get(reason, InvalidGrant)(reason)
        return 200, response, self.TOKEN_RESPONSE_HEADER

    def _issue(self, session: Session, rotation: Rotation) -> dict[str, Any]:
        issuance = Issuance(
            grant_type=self.GRANT_TYPE,
            client=self.request.client,
            scope=rotation.scope,
            resource=rotation.resource,
            standing=rotation.standing,
            refresh_token=rotation.refresh_token,
            id_token_claims=id_token_claims(session, rotation.standing),
        )
        response: dict[str, Any] = self.server.issue(issuance)
        return response
