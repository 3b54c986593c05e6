"""JWT access tokens: RFC 9068 claims in, and out again after every check of RFC 8725."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from cryptography.exceptions import InvalidSignature

from oidc_server.core import clock, crypto
from oidc_server.core.errors import Reason, Refusal
from oidc_server.keys.ring import KeyRing
from oidc_server.protocol.subjects import subject_of

if TYPE_CHECKING:
    from oidc_server.authorizations.standing import Standing
    from oidc_server.clients.registry import ClientSnapshot
    from oidc_server.core.settings import Settings

TYP = "at+jwt"
AUTHORIZATION_CLAIM = "authorization_id"
_CHARACTERS_AT_MOST = 16_384
_ISSUED_AHEAD_SECONDS = 30  # another host of ours may be this far ahead


class TokenRefused(Refusal):
    """A token is not good, for a reason."""

    status = 401


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The claims of a token that verified, and what the server itself needs of them."""

    claims: dict[str, Any]

    @property
    def jti(self) -> str:
        return str(self.claims["jti"])

    @property
    def client_id(self) -> str:
        return str(self.claims["client_id"])

    @property
    def authorization_id(self) -> str | None:
        value = self.claims.get(AUTHORIZATION_CLAIM)
        return None if value is None else str(value)

    @property
    def audiences(self) -> list[str]:
        audience = self.claims["aud"]
        return [audience] if isinstance(audience, str) else list(audience)

    @property
    def issued_at(self) -> datetime:
        return datetime.fromtimestamp(self.claims["iat"], UTC)

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.claims["exp"], UTC)


def sign_access_token(
    ring: KeyRing,
    settings: Settings,
    *,
    client: ClientSnapshot,
    scope: str,
    resource: list[str],
    standing: Standing | None,
) -> str:
    """A signed access token (RFC 9068 §2) for a grant, or for the client itself when there is no ``standing``."""
    now = clock.timestamp()
    audience = resource or [settings.audience]
    claims: dict[str, Any] = {
        "iss": settings.issuer,
        "sub": client.client_id if standing is None else subject_of(client, standing.user_id),
        "aud": audience[0] if len(audience) == 1 else audience,
        "client_id": client.client_id,
        "scope": scope,
        "iat": now,
        "exp": now + settings.access_token_lifetime,
        "jti": secrets.token_urlsafe(16),
    }
    if standing is not None:
        claims[AUTHORIZATION_CLAIM] = str(standing.authorization_id)
        if standing.session_id is not None:
            claims["sid"] = str(standing.session_id)
        if standing.auth_time is not None:
            claims |= {"auth_time": int(standing.auth_time.timestamp()), "acr": standing.acr, "amr": standing.amr}
        # Every resource server reads a token: only our own apps are trusted with where it goes.
        if client.first_party and "email" in scope.split():
            claims["email"] = standing.email
    return ring.sign(claims, typ=TYP)


def verify_access_token(ring: KeyRing, issuer: str, token: str) -> AccessToken:
    """The token, when its signature, type and claims are right at this moment; revocation is looked up elsewhere.

    Raises :class:`TokenRefused`."""
    if len(token) > _CHARACTERS_AT_MOST or not token.isascii() or token.count(".") != 2:
        raise TokenRefused(Reason.TOKEN_MALFORMED)
    signed, _, signature = token.rpartition(".")
    header_part, _, payload = signed.partition(".")
    header = _json_object(header_part)
    kid, alg = header.get("kid"), header.get("alg")
    # RFC 8725 §3.1: the key decides the algorithm. `crit` is never understood here (RFC 7515 §4.1.11).
    if header.get("typ") != TYP or not isinstance(kid, str) or "crit" in header or "b64" in header:
        raise TokenRefused(Reason.TOKEN_SIGNATURE_INVALID, "type or header")
    known = ring.verification_key(kid)
    if known is None:
        raise TokenRefused(Reason.TOKEN_KEY_UNKNOWN)
    if alg != known.alg:
        raise TokenRefused(Reason.TOKEN_SIGNATURE_INVALID, "algorithm")
    try:
        known.check(crypto.from_urlsafe(signature), signed.encode())
    except (InvalidSignature, ValueError) as error:
        raise TokenRefused(Reason.TOKEN_SIGNATURE_INVALID, type(error).__name__) from error
    claims = _json_object(payload)
    _check_claims(claims, issuer)
    return AccessToken(claims)


def _json_object(part: str) -> dict[str, Any]:
    try:
        value = orjson.loads(crypto.from_urlsafe(part))
    except ValueError as error:
        raise TokenRefused(Reason.TOKEN_MALFORMED) from error
    if not isinstance(value, dict):
        raise TokenRefused(Reason.TOKEN_MALFORMED)
    return value


def _check_claims(claims: dict[str, Any], issuer: str) -> None:
    now = clock.timestamp()
    for name in ("exp", "iat"):
        if type(claims.get(name)) is not int:
            raise TokenRefused(Reason.TOKEN_CLAIMS_INVALID, name)
    if claims["exp"] <= now:
        raise TokenRefused(Reason.TOKEN_EXPIRED)
    if claims["iat"] > now + _ISSUED_AHEAD_SECONDS:
        raise TokenRefused(Reason.TOKEN_CLAIMS_INVALID, "iat")
    not_before = claims.get("nbf", 0)
    if type(not_before) is not int or not_before > now:
        raise TokenRefused(Reason.TOKEN_CLAIMS_INVALID, "nbf")
    for name in ("sub", "client_id", "jti", "scope"):
        if not isinstance(claims.get(name), str):
            raise TokenRefused(Reason.TOKEN_CLAIMS_INVALID, name)
    if claims.get("iss") != issuer:
        raise TokenRefused(Reason.TOKEN_CLAIMS_INVALID, "iss")
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or not audiences or not all(isinstance(one, str) for one in audiences):
        raise TokenRefused(Reason.TOKEN_CLAIMS_INVALID, "aud")
