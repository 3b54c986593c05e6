"""Secrets, digests, constant-time comparison, and sealing of what must be stored but not read.

Sealing is AES-256-GCM (NIST SP 800-38D) under a key derived with HKDF (RFC 5869); the key's id travels with the box, so
that the master key can be rotated while old boxes still open."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_BYTES = 32
_NONCE_BYTES = 12


class UnsealError(Exception):
    """A sealed value cannot be opened: its master key is not configured, or the value was altered."""


def new_secret() -> str:
    """A fresh 256-bit secret in URL-safe base64 without padding (43 characters)."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> bytes:
    """The SHA-256 digest under which a high-entropy secret is stored and found again.

    Not for passwords: only secrets with 256 bits of entropy may be stored under a plain digest."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def same(left: bytes, right: bytes) -> bool:
    """Whether two byte strings are equal, in time that does not depend on where they differ."""
    return hmac.compare_digest(left, right)


def derive(master: str, purpose: str) -> bytes:
    """A 32-byte key for one ``purpose``, derived from a configured secret with HKDF-SHA256 (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(master.encode())


def derive_each(masters: Iterable[str], purpose: str) -> tuple[bytes, ...]:
    """The keys for one purpose from the present secret, which is the first, and from those that it replaced: what is
    made is made with the first, and what was made with any of them is good."""
    return tuple(derive(master, purpose) for master in masters)


def keyed_digest(key: bytes, message: str) -> bytes:
    """HMAC-SHA256 of ``message`` (RFC 2104)."""
    return hmac.new(key, message.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


def urlsafe(value: bytes) -> str:
    """URL-safe base64 without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def from_urlsafe(text: str) -> bytes:
    """What :func:`urlsafe` made ``text`` of. Raises ``ValueError`` for every other spelling of the same bytes."""
    value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if urlsafe(value) != text:  # Python's decoder skips what it does not know, and overlooks bits at the end
        raise ValueError("not base64url")
    return value


class Sealer:
    """Seals with the current master key and opens with the current or any earlier one.

    A box is ``v1.<key id>.<base64url of nonce and ciphertext>``; its context (what it belongs to) is authenticated
    with it, so that a box cannot be moved to another row."""

    def __init__(self, current: str, previous: tuple[str, ...] = ()) -> None:
        keys = [derive(master, "oidc-server/sealing") for master in (current, *previous)]
        self._keys = {self._key_id(key): AESGCM(key) for key in keys}
        self.key_id = self._key_id(keys[0])

    @staticmethod
    def _key_id(key: bytes) -> str:
        return urlsafe(hashlib.sha256(b"oidc-server/key-id" + key).digest()[:6])

    def seal(self, plain: bytes, context: str) -> str:
        """Encrypt ``plain`` for ``context``."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        box = nonce + self._keys[self.key_id].encrypt(nonce, plain, context.encode())
        return f"v1.{self.key_id}.{urlsafe(box)}"

    def unseal(self, sealed: str, context: str) -> bytes:
        """Decrypt a box made by :meth:`seal` for the same ``context``. Raises :class:`UnsealError`."""
        version, _, rest = sealed.partition(".")
        key_id, _, body = rest.partition(".")
        key = self._keys.get(key_id) if version == "v1" else None
        if key is None:
            raise UnsealError(f"it was sealed under the master key {key_id!r}, which is not configured")
        try:
            box = from_urlsafe(body)
            return key.decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError) as error:
            raise UnsealError("it was altered, or it belongs to something else") from error

    def is_current(self, sealed: str) -> bool:
        """Whether a box was made under the current master key; otherwise it should be sealed anew."""
        return sealed.startswith(f"v1.{self.key_id}.")
