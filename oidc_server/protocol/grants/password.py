"""The password grant (RFC 6749 §4.3), for first-party clients that are allowed it, and nobody else (RFC 9700 §2.4)."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import grants

from oidc_server.clients.metadata import PASSWORD
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core.database import transaction
from oidc_server.core.errors import Reason
from oidc_server.core.http import client_address
from oidc_server.mfa.pending import Channel
from oidc_server.protocol.errors import (
    InvalidGrant,
    InvalidRequest,
    MfaEnrolmentRequired,
    MfaRequired,
    UnauthorizedClient,
)
from oidc_server.protocol.password_login import Ask, SecondFactorOwed, log_in
from oidc_server.protocol.scope import allowed_resources, allowed_scope
from oidc_server.sessions.service import Device
from oidc_server.users.sign_in import CredentialsWrong, ProofOutdated, prove_password


class PasswordGrant(grants.ResourceOwnerPasswordCredentialsGrant):
    """The password is checked outside of any transaction; what follows from it is one transaction."""

    def validate_token_request(self) -> None:
        client, form = client_for_passwords(self), self.request.form
        if not form.get("username") or not form.get("password"):
            raise InvalidRequest(Reason.MALFORMED_REQUEST, "username or password")
        self._ask = Ask(
            client=client, scope=allowed_scope(form.get("scope"), client), resource=allowed_resources(form, client),
            device=Device(self.request.headers.get("User-Agent", ""), client_address()),
        )  # fmt: skip

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        form, server = self.request.form, self.server
        try:
            proof = prove_password(
                server.limits, server.passwords, form["username"], form["password"], client_address()
            )
            with transaction() as session:
                outcome = log_in(server, session, proof, self._ask, Channel.TOKEN)
        except (CredentialsWrong, ProofOutdated) as error:
            raise InvalidGrant(error.reason, error.detail) from error
        return 200, tokens_or_refusal(outcome), self.TOKEN_RESPONSE_HEADER


def client_for_passwords(grant: grants.BaseGrant) -> ClientSnapshot:
    """The client of the request, which may sign people in by their passwords. Raises :class:`UnauthorizedClient`."""
    client: ClientSnapshot = grant.authenticate_token_endpoint_client()
    grant.request.client = client
    if not client.check_grant_type(PASSWORD) or not client.first_party:
        raise UnauthorizedClient(Reason.GRANT_NOT_ALLOWED)
    return client


def tokens_or_refusal(outcome: dict[str, Any] | SecondFactorOwed) -> dict[str, Any]:
    """The token response of a login. Raises :class:`MfaRequired` and :class:`MfaEnrolmentRequired`."""
    if not isinstance(outcome, SecondFactorOwed):
        return outcome
    raise (MfaEnrolmentRequired if outcome.must_enrol else MfaRequired)(outcome.members)
