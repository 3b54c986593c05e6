"""Token revocation (RFC 7009): a refresh token ends its authorization, an access token only itself."""

from flask import Response, request
from sqlalchemy import select

from oidc_server.audit.service import Actor
from oidc_server.authorizations.models import Authorization, RefreshToken
from oidc_server.authorizations.service import revoke, revoke_access_token
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core import crypto
from oidc_server.core.database import transaction
from oidc_server.core.errors import Reason
from oidc_server.protocol.access_token import TokenRefused, verify_access_token
from oidc_server.protocol.blueprint import REVOCATION, protocol
from oidc_server.protocol.client_authentication import authenticate_client
from oidc_server.protocol.errors import InvalidRequest
from oidc_server.protocol.gate import check_form
from oidc_server.protocol.server import AuthorizationServer, current_server


@protocol.post(REVOCATION)
def revoke_token() -> Response:
    """Revoke one of the client's own tokens. Any other token is answered alike, and nothing happens (RFC 7009 §2.2)."""
    check_form(request)
    server = current_server()
    client = authenticate_client(request, server.clients, server.limits, server.settings.issuer)
    token = request.form.get("token")
    if not token:
        raise InvalidRequest(Reason.MALFORMED_REQUEST, "token")
    if "." in token:
        _revoke_access_token(server, client, token)
    else:
        _revoke_refresh_token(client, token)
    return Response(status=200, headers={"Cache-Control": "no-store"})


def _revoke_access_token(server: AuthorizationServer, client: ClientSnapshot, token: str) -> None:
    try:
        access_token = verify_access_token(server.ring, server.settings.issuer, token)
    except TokenRefused:
        return
    if access_token.client_id != client.client_id:
        return
    with transaction() as session:
        revoke_access_token(
            session, actor=Actor("client", client.client_id), jti=access_token.jti,
            expires_at=access_token.expires_at, client_id=client.client_id,
        )  # fmt: skip


def _revoke_refresh_token(client: ClientSnapshot, token: str) -> None:
    owner = (
        select(Authorization.id)
        .join(RefreshToken, RefreshToken.authorization_id == Authorization.id)
        .where(RefreshToken.digest == crypto.digest(token), Authorization.client_id == client.client_id)
    )
    with transaction() as session:
        authorization_id = session.scalar(owner)
        if authorization_id is not None:
            revoke(
                session, actor=Actor("client", client.client_id), reason=Reason.TOKEN_REVOKED,
                authorization_id=authorization_id,
            )  # fmt: skip
