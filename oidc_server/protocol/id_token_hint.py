"""ID Tokens of ours that come back as a hint of whom they were about (OpenID Connect Core §3.1.2.1, RP-Initiated Logout
1.0 §2). An expired one still is a hint; one that we did not sign is none."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from cryptography.exceptions import InvalidSignature

from oidc_server.core import crypto
from oidc_server.core.errors import Reason
from oidc_server.protocol.errors import InvalidRequest
from oidc_server.protocol.id_token import TYP
from oidc_server.protocol.server import AuthorizationServer

_CHARACTERS_AT_MOST = 16_384


@dataclass(frozen=True, slots=True)
class Hint:
    """What a verified hint says: who, to which client, in which session."""

    sub: str
    client_id: str
    sid: str | None


def read_hint(server: AuthorizationServer, token: str) -> Hint:
    """The hint. Raises :class:`InvalidRequest` when it is not an ID Token that this server signed."""
    try:
        signed, _, signature = token.rpartition(".")
        header_part, _, payload_part = signed.partition(".")
        header = orjson.loads(crypto.from_urlsafe(header_part))
        known = server.ring.verification_key(header["kid"])
        if len(token) > _CHARACTERS_AT_MOST or known is None or header["alg"] != known.alg or header["typ"] != TYP:
            raise InvalidRequest(Reason.ID_TOKEN_HINT_INVALID, "header")
        known.check(crypto.from_urlsafe(signature), signed.encode())
        claims = orjson.loads(crypto.from_urlsafe(payload_part))
    except (ValueError, TypeError, KeyError, AttributeError, InvalidSignature) as error:
        raise InvalidRequest(Reason.ID_TOKEN_HINT_INVALID, type(error).__name__) from error
    if claims.get("iss") != server.settings.issuer or not isinstance(claims.get("aud"), str):
        raise InvalidRequest(Reason.ID_TOKEN_HINT_INVALID, "iss or aud")
    return Hint(str(claims["sub"]), claims["aud"], claims.get("sid"))


def hinted_subject(server: AuthorizationServer, token: str | None, client_id: str) -> str | None:
    """Whom the client means. A hint that was issued to another client is refused: subjects may differ by client."""
    if token is None:
        return None
    hint = read_hint(server, token)
    if hint.client_id != client_id:
        raise InvalidRequest(Reason.ID_TOKEN_HINT_INVALID, "it was issued to another client")
    return hint.sub
