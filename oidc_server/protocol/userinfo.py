"""UserInfo (OpenID Connect Core §5.3): what the person has allowed the client to know, as JSON or as a signed JWT."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from oidc_server.authorizations.models import Authorization
from oidc_server.clients.metadata import OPENID
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core.database import reading
from oidc_server.core.errors import Reason
from oidc_server.core.http import JsonResponse, name_client
from oidc_server.core.identity import parse_id
from oidc_server.protocol.bearer import BearerRefused, presented_token
from oidc_server.protocol.blueprint import USERINFO, protocol
from oidc_server.protocol.server import AuthorizationServer, current_server
from oidc_server.protocol.subjects import subject_of
from oidc_server.users.claims import claims_of, names_of_scopes
from oidc_server.users.models import Profile, User

_NO_STORE = [("Cache-Control", "no-store"), ("Pragma", "no-cache")]
JWT_TYPE = "JWT"


@protocol.route(USERINFO, methods=["GET", "POST"])
def userinfo() -> Response:
    """The claims of the person behind the presented access token."""
    server = current_server()
    token = presented_token(server, request)
    name_client(token.client_id)
    scopes = str(token.claims["scope"]).split()
    if OPENID not in scopes or token.authorization_id is None:
        raise BearerRefused(Reason.SCOPE_NOT_ALLOWED, OPENID, error="insufficient_scope", status=403)
    if not {server.settings.audience, server.settings.issuer} & set(token.audiences):
        # RFC 9068 §4: a token for another API is not to open this one, for whoever that API is.
        raise BearerRefused(Reason.TOKEN_CLAIMS_INVALID, "aud")
    client = server.clients.find(token.client_id)
    if client is None:
        raise BearerRefused(Reason.CLIENT_UNKNOWN)
    claims = _claims(client, token.authorization_id, scopes)
    if client.userinfo_signed_response_alg is None:
        return JsonResponse(claims, 200, _NO_STORE)
    return _signed(server, client, client.userinfo_signed_response_alg, claims)


def _claims(client: ClientSnapshot, authorization_id: str, scopes: list[str]) -> dict[str, Any]:
    with reading() as session:
        authorization = session.get(Authorization, parse_id(authorization_id))
        user = session.get(User, authorization.user_id) if authorization is not None else None
        if authorization is None or user is None:
            raise BearerRefused(Reason.AUTHORIZATION_REVOKED)
        profile = session.get(Profile, user.id)
        names = names_of_scopes(scopes) | set(authorization.claims.get("userinfo", ()))
        return claims_of(user, profile, names) | {"sub": subject_of(client, user.id)}


def _signed(server: AuthorizationServer, client: ClientSnapshot, alg: str, claims: dict[str, Any]) -> Response:
    """OpenID Connect Core §5.3.2: with ``iss`` and ``aud``."""
    body = server.ring.sign(
        claims | {"iss": server.settings.issuer, "aud": client.client_id}, typ=JWT_TYPE, alg=alg
    )  # fmt: skip
    return Response(body, 200, _NO_STORE, content_type="application/jwt")
