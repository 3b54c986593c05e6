"""An authenticator and the browser before it, in software (Web Authentication Level 3 §6, §5.1): honest, unless a test
has it be something else. It answers with the JSON that a page would send."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.running import ISSUER

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, CREDENTIAL, EXTENSIONS = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
USUAL = PRESENT | VERIFIED
_AAGUID = bytes(16)
AnyKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def text_of(value: bytes) -> str:
    """As JSON carries it."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    """What JSON carries."""
    return urlsafe_b64decode(text + "==")


@dataclass
class Key:
    """A credential, with its counter as the authenticator counts it."""

    credential_id: bytes
    user_handle: bytes
    private: AnyKey
    counter: int = 0


@dataclass
class Authenticator:
    """``kind`` is that of the keys it makes: ES256, EdDSA or RS256. ``step`` is by how much the counters grow."""

    kind: str = "ES256"
    origin: str = ISSUER
    step: int = 1
    keys: list[Key] = field(default_factory=list)

    # What a page can ask for

    def create(
        self,
        options: dict[str, Any],
        *,
        flags: int = USUAL,
        cose: bytes | None = None,
        client_data: dict[str, Any] | None = None,
        **more: Any,
    ) -> str:
        """The answer to creation options, with a new key; ``cose`` is put in the place of that key's public half, and
        ``client_data`` over what a browser would say. ``more`` is put over the attestation object."""
        key = Key(secrets.token_bytes(32), bytes_of(options["user"]["id"]), self._new_private())
        self.keys.append(key)
        public = cose if cose is not None else cose_of(key.private)
        credential = _AAGUID + len(key.credential_id).to_bytes(2, "big") + key.credential_id + public
        data = _header(options["rp"]["id"], flags | CREDENTIAL, key.counter) + credential
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data} | more)
        said = self._client_data("webauthn.create", options, client_data)
        response = {"clientDataJSON": text_of(said), "attestationObject": text_of(attestation), "transports": ["usb"]}
        return _answer(key, response, clientExtensionResults={"credProps": {"rk": True}})

    def get(
        self,
        options: dict[str, Any],
        *,
        key: Key | None = None,
        flags: int = USUAL,
        user_handle: bytes | None = None,
        client_data: dict[str, Any] | None = None,
        extensions: bytes = b"",
        rp_id: str | None = None,
    ) -> str:
        """The answer to request options, signed by one of the keys that they name, or by the newest one."""
        key = key or self._named(options)
        key.counter += self.step
        said = self._client_data("webauthn.get", options, client_data)
        data = _header(rp_id or options["rpId"], flags | (EXTENSIONS if extensions else 0), key.counter) + extensions
        signature = _sign(key.private, data + hashlib.sha256(said).digest())
        handle = key.user_handle if user_handle is None else user_handle
        return _answer(
            key,
            {
                "clientDataJSON": text_of(said), "authenticatorData": text_of(data), "signature": text_of(signature),
                "userHandle": text_of(handle),
            },
        )  # fmt: skip

    def _named(self, options: dict[str, Any]) -> Key:
        named = {one["id"] for one in options["allowCredentials"]}
        return next(key for key in reversed(self.keys) if not named or text_of(key.credential_id) in named)

    def _client_data(self, kind: str, options: dict[str, Any], changes: dict[str, Any] | None) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | (changes or {})).encode()

    def _new_private(self) -> AnyKey:
        if self.kind == "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        return (
            rsa.generate_private_key(65537, 2048) if self.kind == "RS256" else ec.generate_private_key(ec.SECP256R1())
        )


def cose_of(private: AnyKey) -> bytes:
    """The public half of a key, as COSE has it (RFC 9053 §7)."""
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return cbor2.dumps({1: 1, 3: -8, -1: 6, -2: private.public_key().public_bytes_raw()})
    if isinstance(private, rsa.RSAPrivateKey):
        numbers = private.public_key().public_numbers()
        modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
        return cbor2.dumps({1: 3, 3: -257, -1: modulus, -2: numbers.e.to_bytes(3, "big")})
    point = private.public_key().public_numbers()
    return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})


def _header(rp_id: str, flags: int, counter: int) -> bytes:
    return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + counter.to_bytes(4, "big")


def _sign(private: AnyKey, data: bytes) -> bytes:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign(data)
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(data, padding.PKCS1v15(), SHA256())
    return private.sign(data, ec.ECDSA(SHA256()))


def _answer(key: Key, response: dict[str, Any], **more: Any) -> str:
    name = text_of(key.credential_id)
    return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response, **more})
