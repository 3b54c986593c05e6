"""Making, reading and writing the keys themselves; one key is for one algorithm (RFC 8725 §3.1).

RSA for RS256 and PS256, P-256 for ES256 (RFC 7518), Ed25519 (RFC 8037, RFC 9864). The ``kid`` is the key's thumbprint
(RFC 7638), so it cannot be chosen, collide, or point anywhere."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey, KeyParameters, OKPKey, RSAKey

RSA_MIN_BITS = 2048
_P256_BYTES = 32

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey = RSAKey | ECKey | OKPKey


class MaterialError(Exception):
    """A private key cannot be read, or is not of the kind that its algorithm needs. The text holds nothing secret."""


def _sign_rs256(key: RSAPrivateKey) -> Callable[[bytes], bytes]:
    padding, digest = PKCS1v15(), SHA256()
    return lambda message: key.sign(message, padding, digest)  # RFC 7518 §3.3


def _sign_ps256(key: RSAPrivateKey) -> Callable[[bytes], bytes]:
    padding, digest = PSS(MGF1(SHA256()), SHA256.digest_size), SHA256()
    return lambda message: key.sign(message, padding, digest)  # RFC 7518 §3.5


def _sign_es256(key: EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
    scheme = ECDSA(SHA256())

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(message, scheme))
        return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")  # RFC 7518 §3.4

    return sign


def _check_rs256(key: RSAPublicKey) -> Callable[[bytes, bytes], None]:
    padding, digest = PKCS1v15(), SHA256()
    return lambda signature, message: key.verify(signature, message, padding, digest)


def _check_ps256(key: RSAPublicKey) -> Callable[[bytes, bytes], None]:
    padding, digest = PSS(MGF1(SHA256()), SHA256.digest_size), SHA256()
    return lambda signature, message: key.verify(signature, message, padding, digest)


def _check_es256(key: EllipticCurvePublicKey) -> Callable[[bytes, bytes], None]:
    scheme = ECDSA(SHA256())

    def check(signature: bytes, message: bytes) -> None:
        if len(signature) != 2 * _P256_BYTES:
            raise InvalidSignature
        r, s = signature[:_P256_BYTES], signature[_P256_BYTES:]
        key.verify(encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big")), message, scheme)

    return check


@dataclass(frozen=True)
class KeyMaterial:
    """A private key with the one algorithm it is for, and what follows from it."""

    alg: str
    kid: str
    private_key: PrivateKey = field(repr=False)
    public_key: PublicKey = field(repr=False)

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public members with ``kid``, ``alg`` and ``use`` (RFC 7517 §4)."""
        return dict(self.public_key.as_dict(private=False))

    @property
    def bits(self) -> int:
        """The size of the key."""
        return 256 if isinstance(self.private_key, Ed25519PrivateKey) else self.private_key.key_size

    def signing_function(self) -> Callable[[bytes], bytes]:
        """What turns a signing input into a JWS signature (RFC 7515 §5.1)."""
        key = self.private_key
        if isinstance(key, RSAPrivateKey):
            return _sign_ps256(key) if self.alg == "PS256" else _sign_rs256(key)
        return _sign_es256(key) if isinstance(key, EllipticCurvePrivateKey) else key.sign

    def verifying_function(self) -> Callable[[bytes, bytes], None]:
        """What checks a JWS signature of a signing input (RFC 7515 §5.2), in this order, and raises
        ``cryptography.exceptions.InvalidSignature`` when it is not this key's."""
        key = self.private_key.public_key()
        if isinstance(key, RSAPublicKey):
            return _check_ps256(key) if self.alg == "PS256" else _check_rs256(key)
        return _check_es256(key) if isinstance(key, EllipticCurvePublicKey) else key.verify

    def pem(self, passphrase: str = "") -> bytes:
        """The private key as PKCS#8 in PEM, encrypted when a passphrase is given (RFC 5958, RFC 7468)."""
        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase:
            encryption = serialization.BestAvailableEncryption(passphrase.encode())
        return self.private_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _new_private_key(alg: str, rsa_key_size: int) -> PrivateKey:
    if alg in {"RS256", "PS256"}:
        return generate_rsa_key(public_exponent=65537, key_size=rsa_key_size)
    if alg == "ES256":
        return generate_private_key(SECP256R1())
    if alg == "Ed25519":
        return Ed25519PrivateKey.generate()
    raise MaterialError(f"there is no key for the algorithm {alg!r}")


def new_key(alg: str, rsa_key_size: int = RSA_MIN_BITS) -> KeyMaterial:
    """Make a key; ``rsa_key_size`` is in bits and means nothing to the other kinds."""
    while True:
        made = _material(alg, _new_private_key(alg, rsa_key_size))
        if not made.kid.startswith("-"):  # on a command line it would be taken for an option
            return made


def read_key(pem: bytes, alg: str, passphrase: str = "") -> KeyMaterial:
    """Read what :meth:`KeyMaterial.pem` wrote. Raises :class:`MaterialError`.

    A key that is not encrypted is read with a passphrase too, so that one can be introduced."""
    encrypted = b"BEGIN ENCRYPTED PRIVATE KEY" in pem
    if encrypted and not passphrase:
        raise MaterialError("it is encrypted, and no passphrase is set")
    try:
        key = serialization.load_pem_private_key(pem, passphrase.encode() if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise MaterialError("the passphrase does not open it" if encrypted else "its private key is damaged") from error
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey):
        raise MaterialError("its private key is of a kind that is not used here")
    return _material(alg, key)


def _material(alg: str, key: PrivateKey) -> KeyMaterial:
    parameters: KeyParameters = {"alg": alg, "use": "sig"}
    public = key.public_key()
    jwk: PublicKey
    if isinstance(public, RSAPublicKey) and alg in {"RS256", "PS256"} and public.key_size >= RSA_MIN_BITS:
        jwk = RSAKey.import_key(public, parameters)
    elif isinstance(public, EllipticCurvePublicKey) and alg == "ES256" and isinstance(public.curve, SECP256R1):
        jwk = ECKey.import_key(public, parameters)
    elif isinstance(public, Ed25519PublicKey) and alg == "Ed25519":
        jwk = OKPKey.import_key(public, parameters)
    else:
        raise MaterialError(f"its private key is not one for {alg}")
    kid = jwk.thumbprint()
    jwk = type(jwk).import_key({**jwk.as_dict(private=False), "kid": kid})
    return KeyMaterial(alg, kid, key, jwk)
