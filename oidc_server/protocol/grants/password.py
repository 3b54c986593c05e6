"""The password grant (RFC 6749 §4.3), for first-party clients that are allowed it, and nobody else (RFC 9700 §2.4)."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import grants

from oidc_server.clients.metadata import PASSWORD
from oidc_server.core.database import transaction
from oidc_server.core.errors import Reason
from oidc_server.core.http import client_address
from oidc_server.protocol.errors import InvalidGrant, InvalidRequest, UnauthorizedClient
from oidc_server.protocol.password_login import Ask, log_in
from oidc_server.protocol.scope import allowed_resources, allowed_scope
from oidc_server.sessions.service import Device
from oidc_server.users.sign_in import CredentialsWrong, ProofOutdated, prove_password


class PasswordGrant(grants.ResourceOwnerPasswordCredentialsGrant):
    """The password is checked outside of any transaction; what follows from it is one transaction."""

    def validate_token_request(self) -> None:
        client = self.authenticate_token_endpoint_client()
        self.request.client = client
        if not client.check_grant_type(PASSWORD) or not client.first_party:
            raise UnauthorizedClient(Reason.GRANT_NOT_ALLOWED)
        form = self.request.form
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
                response = log_in(server, session, proof, self._ask)
        except (CredentialsWrong, ProofOutdated) as error:
            raise InvalidGrant(error.reason, error.detail) from error
        return 200, response, self.TOKEN_RESPONSE_HEADER
