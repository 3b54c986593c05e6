"""How a password is compared with what is stored, by the scheme that its prefix names: ours, and those of other
systems, which imported accounts carry until their owner signs in.

bcrypt, Argon2 (RFC 9106), PBKDF2 (RFC 8018 §5.2), scrypt (RFC 7914), and Firebase's variant of scrypt. What may be
stored, and at what cost, is decided in ``imported_hashes.py``. Each lets go of Python's lock while it works."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Callable

import bcrypt

from oidc_server.core.crypto import same

OURS = "bcrypt-sha256"
_BCRYPT_BYTES = 72
_FIREBASE_KEY_BYTES = 32


def make(password: str, rounds: int) -> str:
    """A new hash of our own scheme."""
    return f"{OURS}${bcrypt.hashpw(_prehash(password), bcrypt.gensalt(rounds)).decode()}"


def is_known(stored: str) -> bool:
    """Whether there is a scheme for this stored form."""
    scheme, separator, _ = stored.partition("$")
    return bool(separator) and scheme in _CHECKS


def matches(password: str, stored: str) -> bool:
    """Whether ``password`` is the one behind ``stored``, whose scheme is known."""
    scheme, _, rest = stored.partition("$")
    return _CHECKS[scheme](password, rest)


def encode(value: bytes) -> str:
    """Base64 without padding, as the PHC string format writes it, and as the stored forms do."""
    return base64.b64encode(value).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def scrypt(password: bytes, salt: bytes, length: int, *, log2_n: int, r: int, p: int) -> bytes:
    """Scrypt (RFC 7914 §6) with N = 2 ** ``log2_n``."""
    n = 1 << log2_n
    room = 128 * r * (n + p + 2) + 4096  # OpenSSL refuses to take more than it is allowed
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=room, dklen=length)


def keystream(key: bytes, length: int) -> bytes:
    """AES-256 in counter mode from zero: what Firebase encrypts its signer key with."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - seldom needed

    return Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(bytes(length))


def _raw(password: str) -> bytes:
    """As it was typed: the systems that others come from did not normalise it."""
    return password.encode("utf-8", "surrogatepass")


def _prehash(password: str) -> bytes:
    normal = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hashlib.sha256(normal).digest())


def _ours(password: str, rest: str) -> bool:
    return bcrypt.checkpw(_prehash(password), rest.encode())


def _bcrypt(password: str, rest: str) -> bool:
    """Where it was made, it was made of the first 72 bytes; when it matches, ours is made of all of them."""
    return bcrypt.checkpw(_raw(password)[:_BCRYPT_BYTES], rest.encode())


def _bcrypt_of_hex(password: str, rest: str) -> bool:
    """Django's ``BCryptSHA256PasswordHasher``."""
    return bcrypt.checkpw(hashlib.sha256(_raw(password)).hexdigest().encode(), rest.encode())


def _argon2(password: str, rest: str) -> bool:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2i, Argon2id  # noqa: PLC0415 - seldom needed

    kind, _version, costs, salt, expected = rest.split("$")
    cost = dict(part.split("=") for part in costs.split(","))
    wanted = _decode(expected)
    made: Argon2i | Argon2id = (Argon2id if kind == "argon2id" else Argon2i)(
        salt=_decode(salt), length=len(wanted), iterations=int(cost["t"]), lanes=int(cost["p"]),
        memory_cost=int(cost["m"]),
    )  # fmt: skip
    return same(made.derive(_raw(password)), wanted)


def _pbkdf2(digest: str) -> Callable[[str, str], bool]:
    def check(password: str, rest: str) -> bool:
        iterations, salt, expected = rest.split("$")
        wanted = _decode(expected)
        return same(hashlib.pbkdf2_hmac(digest, _raw(password), _decode(salt), int(iterations), len(wanted)), wanted)

    return check


def _scrypt(password: str, rest: str) -> bool:
    costs, salt, expected = rest.split("$")
    log2_n, r, p = map(int, costs.split(","))
    wanted = _decode(expected)
    return same(scrypt(_raw(password), _decode(salt), len(wanted), log2_n=log2_n, r=r, p=p), wanted)


def _firebase(password: str, rest: str) -> bool:
    """Firebase encrypts its signer key under what scrypt makes of the password. Stored is what the key was encrypted
    with, so that the signer key need not be kept."""
    costs, salt, expected = rest.split("$")
    log2_n, r = map(int, costs.split(","))
    wanted = _decode(expected)
    key = scrypt(_raw(password), _decode(salt), _FIREBASE_KEY_BYTES, log2_n=log2_n, r=r, p=1)
    return same(keystream(key, len(wanted)), wanted)


_CHECKS: dict[str, Callable[[str, str], bool]] = {
    OURS: _ours,
    "bcrypt": _bcrypt,
    "bcrypt-hex-sha256": _bcrypt_of_hex,
    "argon2": _argon2,
    "pbkdf2-sha1": _pbkdf2("sha1"),
    "pbkdf2-sha256": _pbkdf2("sha256"),
    "pbkdf2-sha512": _pbkdf2("sha512"),
    "scrypt": _scrypt,
    "firebase-scrypt": _firebase,
}
