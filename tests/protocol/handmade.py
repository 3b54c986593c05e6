"""JSON Web Tokens made by hand, byte by byte: a library would refuse to make the ones that must be refused."""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from joserfc.jwk import ECKey, OKPKey, RSAKey

from oidc_server.core import clock
from oidc_server.keys.ring import EXTENSION as KEY_RING
from oidc_server.keys.ring import KeyRing
from oidc_server.keys.store import StoredKey
from tests.relying_party import Server

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
Signature = Callable[[bytes], bytes]
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
_HASH: dict[str, type[HashAlgorithm]] = {"256": SHA256, "384": SHA384, "512": SHA512}


def base64url(value: bytes) -> str:
    """RFC 7515 §2."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def segment(value: object) -> str:
    """A header or payload: bytes as they are, anything else as JSON."""
    return base64url(value if isinstance(value, bytes) else json.dumps(value).encode())


def compact(header: object, payload: object, sign: Signature) -> str:
    """A compact JWS of whatever is given."""
    signing_input = f"{segment(header)}.{segment(payload)}"
    return f"{signing_input}.{base64url(sign(signing_input.encode()))}"


def signed_by(key: PrivateKey, alg: str) -> Signature:
    """What signs with ``key`` by ``alg`` (RFC 7518 §3), whether or not they fit each other."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign
    digest = _HASH[alg[2:]]()
    if isinstance(key, RSAPrivateKey):
        padding = PSS(MGF1(digest), digest.digest_size) if alg.startswith("PS") else PKCS1v15()
        return lambda message: key.sign(message, padding, digest)

    def raw_ecdsa(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(message, ECDSA(digest)))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return raw_ecdsa


def hmac_with(secret: bytes, bits: int = 256) -> Signature:
    """HS256, HS384 or HS512 under any bytes."""
    return lambda message: hmac.digest(secret, message, f"sha{bits}")


def unsigned(_message: bytes) -> bytes:
    """The signature of ``alg: none``."""
    return b""


def public_jwk(key: PrivateKey, **parameters: str) -> dict[str, Any]:
    """The public key as its owner registers it (RFC 7517)."""
    if isinstance(key, RSAPrivateKey):
        return {**RSAKey.import_key(key.public_key()).as_dict(private=False), **parameters}
    if isinstance(key, EllipticCurvePrivateKey):
        return {**ECKey.import_key(key.public_key()).as_dict(private=False), **parameters}
    return {**OKPKey.import_key(key.public_key()).as_dict(private=False), **parameters}


def own_key(server: Server) -> StoredKey:
    """The key that the server signs access tokens with, private part included."""
    ring: KeyRing = server.app.extensions[KEY_RING]
    kid = jwt.get_unverified_header(ring.sign({}, typ="probe"))["kid"]
    return next(key for key in ring.store.load() if key.record.kid == kid)


def access_token_claims(server: Server, client_id: str, **changes: Any) -> dict[str, Any]:
    """The claims of a good access token of a client for itself; a change to ``...`` leaves the claim away."""
    now = clock.timestamp()
    issuer = server.metadata["issuer"]
    claims = {
        "iss": issuer, "sub": client_id, "aud": issuer, "client_id": client_id, "scope": "orders:read",
        "iat": now, "exp": now + 900, "jti": secrets.token_urlsafe(16),
    } | changes  # fmt: skip
    return {name: value for name, value in claims.items() if value is not ...}
