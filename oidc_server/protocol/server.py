"""The grant engine: Authlib's AuthorizationServer, built once per application, with what is ours put in."""

from __future__ import annotations

from typing import Any

from authlib.oauth2 import AuthorizationServer as AuthlibServer
from authlib.oauth2 import OAuth2Error
from flask import Request, Response, current_app

from oidc_server.authorizations.refresh import RefreshPolicy
from oidc_server.clients.registry import ClientRegistry, ClientSnapshot
from oidc_server.core import crypto
from oidc_server.core.database import Database
from oidc_server.core.http import JsonResponse
from oidc_server.core.limits import Limits
from oidc_server.core.settings import Settings
from oidc_server.keys.ring import KeyRing
from oidc_server.mfa.factors import SecondFactors
from oidc_server.protocol.client_authentication import authenticate_client
from oidc_server.protocol.errors import from_authlib
from oidc_server.protocol.grants.authorization_code import AuthorizationCodeGrant
from oidc_server.protocol.grants.client_credentials import ClientCredentialsGrant
from oidc_server.protocol.grants.password import PasswordGrant
from oidc_server.protocol.grants.refresh_token import RefreshTokenGrant
from oidc_server.protocol.grants.second_factor import SecondFactorGrant
from oidc_server.protocol.issue import Issuance, issue
from oidc_server.protocol.requests import IssuerRequest
from oidc_server.sessions.browser import SessionPolicy
from oidc_server.users.passwords import Passwords

EXTENSION = "oidc_server.server"
_HEADERS = [("Cache-Control", "no-store"), ("Pragma", "no-cache")]
GRANTS = (AuthorizationCodeGrant, ClientCredentialsGrant, PasswordGrant, RefreshTokenGrant, SecondFactorGrant)


class AuthorizationServer(AuthlibServer):
    """The engine with everything it needs: no globals, so two applications in one process do not meet."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clients: ClientRegistry,
        limits: Limits,
        ring: KeyRing,
        passwords: Passwords,
        refresh_policy: RefreshPolicy,
        factors: SecondFactors,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.database = database
        self.clients = clients
        self.limits = limits
        self.ring = ring
        self.passwords = passwords
        self.refresh_policy = refresh_policy
        self.session_policy = SessionPolicy.of(settings)
        self.device_keys = crypto.derive_each(settings.secret_keys, "oidc-server/device-cookies")
        self.factors = factors
        for grant in GRANTS:
            self.register_grant(grant)

    def query_client(self, client_id: str) -> ClientSnapshot | None:
        return self.clients.find(client_id)

    def authenticate_client(
        self, request: IssuerRequest, methods: Any = None, endpoint: str = "token"
    ) -> ClientSnapshot:
        return authenticate_client(request._request, self.clients, self.limits, self.settings.issuer)

    def create_oauth2_request(self, request: Request) -> IssuerRequest:
        return IssuerRequest(request, self.settings.issuer)

    def validate_requested_scope(self, scope: str | None) -> None:
        """Nothing: ``protocol.scope`` decides, where the client is known."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nothing: what happens is called by name, not signalled."""

    def save_token(self, token: dict[str, Any], request: IssuerRequest) -> None:
        """Nothing: a JWT has no row; refresh tokens are written where they are made."""

    def issue(self, issuance: Issuance) -> dict[str, Any]:
        """Every token that this server gives out comes from here."""
        return issue(self.ring, self.settings, self.factors.policy, issuance)

    def handle_response(self, status: int, body: Any, headers: Any) -> Response:
        """RFC 6749 §5.1: JSON that nothing on the way may keep."""
        return JsonResponse(body, status, _HEADERS)

    def handle_error_response(self, request: IssuerRequest, error: OAuth2Error) -> Response:
        raise from_authlib(error) from error


def current_server() -> AuthorizationServer:
    """The engine of the current application."""
    server: AuthorizationServer = current_app.extensions[EXTENSION]
    return server
