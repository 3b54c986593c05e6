"""Client credentials (RFC 6749 §4.4): a client acts for itself. No row is written."""

from typing import Any

from authlib.oauth2.rfc6749 import grants

from oidc_server.clients.registry import ClientSnapshot
from oidc_server.protocol.issue import Issuance
from oidc_server.protocol.scope import allowed_resources, allowed_scope


class ClientCredentialsGrant(grants.ClientCredentialsGrant):
    """Authlib's checks, our decision on scope and resource, and no refresh token (RFC 6749 §4.4.3)."""

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        form = self.request.form
        client: ClientSnapshot = self.request.client
        issuance = Issuance(
            grant_type=self.GRANT_TYPE,
            client=client,
            scope=allowed_scope(form.get("scope"), client),
            resource=allowed_resources(form, client),
        )
        return 200, self.server.issue(issuance), self.TOKEN_RESPONSE_HEADER
