"""ID Tokens (OpenID Connect Core §2). A refreshed one keeps the original ``auth_time`` (§12.2)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from oidc_server.core import clock, crypto
from oidc_server.protocol.subjects import subject_of

if TYPE_CHECKING:
    from oidc_server.core.settings import Settings
    from oidc_server.keys.ring import KeyRing
    from oidc_server.protocol.issue import Issuance

TYP = "JWT"
ID_TOKEN_CLAIMS = ("iss", "aud", "azp", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "c_hash", "sid")
# OpenID Connect Core §3.1.3.6: the hash of the signing algorithm; Ed25519 hashes with SHA-512 (RFC 8032).
_HASH_OF_ALG = {"RS256": hashlib.sha256, "PS256": hashlib.sha256, "ES256": hashlib.sha256, "Ed25519": hashlib.sha512}


def sign_id_token(ring: KeyRing, settings: Settings, issuance: Issuance, *, alg: str, access_token: str) -> str:
    """A signed ID Token for the person behind a grant, bound to the access token by ``at_hash``, to the code by
    ``c_hash``, and to the request by ``nonce``.

    No claim that was asked for by name takes the place of one that is made here."""
    now, client, standing = clock.timestamp(), issuance.client, issuance.standing
    assert standing is not None  # noqa: S101 - there is no ID Token without a person
    claims: dict[str, Any] = issuance.id_token_claims | {
        "iss": settings.issuer,
        "sub": subject_of(client, standing.user_id),
        "aud": client.client_id,
        "azp": client.client_id,
        "iat": now,
        "exp": now + settings.id_token_lifetime,
        "at_hash": half_hash(alg, access_token),
    }
    if issuance.nonce is not None:
        claims["nonce"] = issuance.nonce
    if issuance.code is not None:
        claims["c_hash"] = half_hash(alg, issuance.code)
    if standing.session_id is not None:
        claims["sid"] = str(standing.session_id)
    if standing.auth_time is not None:
        claims |= {"auth_time": int(standing.auth_time.timestamp()), "acr": standing.acr, "amr": standing.amr}
    return ring.sign(claims, typ=TYP, alg=alg)


def half_hash(alg: str, value: str) -> str:
    """The left half of the hash of a token or code (OpenID Connect Core §3.1.3.6)."""
    hashed = _HASH_OF_ALG[alg](value.encode("ascii")).digest()
    return crypto.urlsafe(hashed[: len(hashed) // 2])
