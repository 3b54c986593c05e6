"""The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.5): one code for its tokens, once."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import grants
from sqlalchemy.orm import Session

from oidc_server.authorizations.codes import Redemption, RedemptionRefused, redeem
from oidc_server.authorizations.refresh import first_refresh_token
from oidc_server.clients.metadata import AUTHORIZATION_CODE, REFRESH_TOKEN
from oidc_server.core.database import transaction
from oidc_server.core.errors import Reason
from oidc_server.protocol.errors import InvalidGrant, InvalidRequest, InvalidTarget, UnauthorizedClient
from oidc_server.protocol.issue import Issuance
from oidc_server.protocol.named_claims import id_token_claims
from oidc_server.protocol.scope import requested_resources
from oidc_server.protocol.second_factors import with_grace


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    """Authlib's place in the token endpoint; the code is redeemed by one conditional write in ``authorizations.codes``.

    A scope in this request is ignored: what was granted is settled (RFC 6749 §4.1.3 knows no such parameter)."""

    def validate_token_request(self) -> None:
        client = self.authenticate_token_endpoint_client()
        self.request.client = client
        if not client.check_grant_type(AUTHORIZATION_CODE):
            raise UnauthorizedClient(Reason.GRANT_NOT_ALLOWED)
        form = self.request.form
        if not form.get("code"):
            raise InvalidRequest(Reason.MALFORMED_REQUEST, "code")

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        form = self.request.form
        resource = requested_resources(form)
        with transaction() as session:
            outcome = redeem(
                session, form["code"], client_id=self.request.client.client_id,
                redirect_uri=form.get("redirect_uri", ""), code_verifier=form.get("code_verifier"),
            )  # fmt: skip
            # Tokens are signed before the commit: if no key may sign, the code stays unused.
            response = self._issue(session, outcome, resource) if isinstance(outcome, Redemption) else None
        if isinstance(outcome, RedemptionRefused) or response is None:
            raise InvalidGrant(outcome.reason if isinstance(outcome, RedemptionRefused) else Reason.INTERNAL_ERROR)
        return 200, response, self.TOKEN_RESPONSE_HEADER

    def _issue(self, session: Session, redemption: Redemption, resource: list[str]) -> dict[str, Any]:
        """The access token is for the resources that this request names, which must be among those that were granted
        (RFC 8707 §2.2); the refresh token is for all of them."""
        standing = with_grace(self.server, session, self.request.client, redemption.standing)
        refresh_token = None
        if not set(resource) <= set(standing.granted_resource):
            raise InvalidTarget(Reason.RESOURCE_UNKNOWN)
        if self.request.client.check_grant_type(REFRESH_TOKEN):
            refresh_token = first_refresh_token(
                session, self.server.refresh_policy, standing, scope=standing.granted_scope,
                resource=standing.granted_resource,
            )  # fmt: skip
        issuance = Issuance(
            AUTHORIZATION_CODE, self.request.client, standing.granted_scope, resource or standing.granted_resource,
            standing, refresh_token, nonce=redemption.nonce, code=self.request.form["code"],
            id_token_claims=id_token_claims(session, standing),
        )  # fmt: skip
        response: dict[str, Any] = self.server.issue(issuance)
        return response
