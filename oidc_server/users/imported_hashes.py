"""Password hashes as other systems write them, turned into the form in which ours stores them.

bcrypt, Argon2 and scrypt in crypt and PHC strings, and what Django writes. Whatever may cost a sign-in more than a
second or so of a processor, or 256 MiB, is refused: a hash from outside must not be a way to keep the server busy."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from oidc_server.users.password_schemes import OURS, encode

BCRYPT_COST = range(4, 15)
PBKDF2_ITERATIONS_AT_MOST = {"sha1": 3_000_000, "sha256": 3_000_000, "sha512": 1_000_000}
MEMORY_KIB_AT_MOST = 256 * 1024
ARGON2_KIB_TIMES_PASSES_AT_MOST = 3 * MEMORY_KIB_AT_MOST
ARGON2_LANES_AT_MOST = 16
_DIGEST_BYTES = {"sha1": 20, "sha256": 32, "sha512": 64}
_SALT_BYTES = range(1, 65)
_HASH_BYTES = range(16, 65)  # fewer could be met by chance

_BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$([./A-Za-z0-9]{21})([./A-Za-z0-9])([./A-Za-z0-9]{31})")
_ARGON2 = re.compile(
    r"\$(argon2id|argon2i)(?:\$v=([0-9]{1,3}))?\$m=([0-9]{1,9}),t=([0-9]{1,9}),p=([0-9]{1,9})\$([^$]*)\$([^$]*)"
)
_SCRYPT = re.compile(r"\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,5}),p=([0-9]{1,5})\$([^$]*)\$([^$]*)")
_DJANGO_PBKDF2 = re.compile(r"pbkdf2_(sha1|sha256|sha512)\$([0-9]{1,12})\$([^$]*)\$([^$]*)")
_DJANGO_SCRYPT = re.compile(r"scrypt\$([0-9]{1,9})\$([^$]*)\$([0-9]{1,5})\$([0-9]{1,5})\$([^$]*)")


class HashRefused(ValueError):
    """A hash that cannot be imported; the message says why and never repeats it."""


def stored_form_of_text(text: str) -> str | None:
    """How a hash is stored here that another system has as text; None when the account has no password there.

    Raises :class:`HashRefused`."""
    if text.startswith("!"):  # Django's "unusable" password
        return None
    for prefix, read in _READERS:
        if text.startswith(prefix):
            return read(text)
    raise HashRefused(
        "It is no hash that can be checked here (bcrypt, Argon2, PBKDF2 or scrypt). Never put a password in clear into "
        "the file: leave password_hash out, and the person sets a new password by mail."
    )


def pbkdf2(digest: str, iterations: int, salt: bytes, key: bytes) -> str:
    """The stored form. Of a key that is longer than the digest the beginning is kept: its blocks are made one by one of
    the same password, so that the first alone is as hard to guess as all of them (RFC 8018 §5.2)."""
    most = PBKDF2_ITERATIONS_AT_MOST[digest]
    if not 1 <= iterations <= most:
        raise HashRefused(f"Checking it would take too long: PBKDF2 with {digest} has 1 to {most:,} iterations here.")
    _check_lengths(salt, key[: _DIGEST_BYTES[digest]])
    return f"pbkdf2-{digest}${iterations}${encode(salt)}${encode(key[: _DIGEST_BYTES[digest]])}"


def argon2(kind: str, version: int, costs: tuple[int, int, int], salt: bytes, key: bytes) -> str:
    """The stored form; ``costs`` are memory in KiB, passes, and lanes."""
    memory, passes, lanes = costs
    if version != 19:
        raise HashRefused("Only version 1.3 of Argon2 (v=19) can be checked here.")
    if not (1 <= lanes <= ARGON2_LANES_AT_MOST and 8 * lanes <= memory <= MEMORY_KIB_AT_MOST and passes >= 1):
        raise HashRefused(
            f"Argon2 has 1 to {ARGON2_LANES_AT_MOST} lanes, one pass at least, and memory of 8 KiB for each lane to "
            f"{MEMORY_KIB_AT_MOST} KiB here."
        )
    if memory * passes > ARGON2_KIB_TIMES_PASSES_AT_MOST:
        raise HashRefused(
            "Checking it would take too long: memory in KiB times passes is "
            f"{ARGON2_KIB_TIMES_PASSES_AT_MOST:,} at most here."
        )
    _check_lengths(salt, key)
    if len(salt) < 8:
        raise HashRefused("A salt of Argon2 has 8 bytes at least (RFC 9106 §3.1).")
    return f"argon2${kind}$v=19$m={memory},t={passes},p={lanes}${encode(salt)}${encode(key)}"


def check_scrypt_costs(log2_n: int, r: int, p: int) -> None:
    """Accept these costs of scrypt, or raise :class:`HashRefused`."""
    # RFC 7914 §6: N is less than 2 ^ (128 * r / 8).
    possible = 1 <= log2_n < min(16 * r, 64) and r >= 1 and p >= 1
    if not possible or 128 * r * p << log2_n > MEMORY_KIB_AT_MOST * 1024:
        raise HashRefused(
            "Checking it would take too long, or its costs are none of scrypt: N is a power of two, and 128 * N * r * p"
            f" is at most {MEMORY_KIB_AT_MOST} KiB here."
        )


def scrypt(log2_n: int, r: int, p: int, salt: bytes, key: bytes) -> str:
    """The stored form."""
    check_scrypt_costs(log2_n, r, p)
    _check_lengths(salt, key)
    return f"scrypt${log2_n},{r},{p}${encode(salt)}${encode(key)}"


def from_base64(text: str, what: str) -> bytes:
    """The bytes that base64 spells, in either alphabet, with or without padding. Raises :class:`HashRefused`."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise HashRefused(f"{what} is not base64.") from error


def _check_lengths(salt: bytes, key: bytes) -> None:
    if len(salt) not in _SALT_BYTES or len(key) not in _HASH_BYTES:
        raise HashRefused("A salt has 1 to 64 bytes, and the hash itself 16 to 64.")


def _match(pattern: re.Pattern[str], text: str, scheme: str) -> tuple[str, ...]:
    found = pattern.fullmatch(text)
    if found is None:
        raise HashRefused(f"It begins like a hash of {scheme} and is none: it was cut off or altered.")
    return found.groups(default="")


def _bcrypt_text(text: str) -> str:
    """Only four bits of the last character of the salt count, and some systems fill up the rest with other than 0."""
    cost, salt, last, digest = _match(_BCRYPT, text, "bcrypt")
    if int(cost) not in BCRYPT_COST:
        raise HashRefused(f"bcrypt has a cost of {BCRYPT_COST[0]} to {BCRYPT_COST[-1]} here.")
    # One character of the alphabet holds six bits; the last of the digest, whose two do not count, is never altered.
    return f"{text[:4]}{cost}${salt}{_BCRYPT_ALPHABET[_BCRYPT_ALPHABET.index(last) & 0b110000]}{digest}"


def _ours(text: str) -> str:
    return f"{OURS}${_bcrypt_text(text.removeprefix(OURS + '$'))}"


def _bcrypt(text: str) -> str:
    return f"bcrypt${_bcrypt_text(text.removeprefix('bcrypt$'))}"


def _bcrypt_of_hex(text: str) -> str:
    return f"bcrypt-hex-sha256${_bcrypt_text(text.removeprefix('bcrypt_sha256$'))}"


def _argon2(text: str) -> str:
    kind, version, memory, passes, lanes, salt, key = _match(_ARGON2, text.removeprefix("argon2"), "Argon2i or id")
    costs = (int(memory), int(passes), int(lanes))
    # A string without a version is of the one before 1.3.
    return argon2(kind, int(version or 16), costs, from_base64(salt, "The salt"), from_base64(key, "The hash"))


def _phc_scrypt(text: str) -> str:
    log2_n, r, p, salt, key = _match(_SCRYPT, text, "scrypt")
    return scrypt(int(log2_n), int(r), int(p), from_base64(salt, "The salt"), from_base64(key, "The hash"))


def _django_pbkdf2(text: str) -> str:
    digest, iterations, salt, key = _match(_DJANGO_PBKDF2, text, "PBKDF2 as Django writes it")
    return pbkdf2(digest, int(iterations), salt.encode("utf-8", "surrogatepass"), from_base64(key, "The hash"))


def _django_scrypt(text: str) -> str:
    n, salt, r, p, key = _match(_DJANGO_SCRYPT, text, "scrypt as Django writes it")
    if int(n) & (int(n) - 1):
        raise HashRefused("The cost N of scrypt is a power of two.")
    log2_n = int(n).bit_length() - 1
    return scrypt(log2_n, int(r), int(p), salt.encode("utf-8", "surrogatepass"), from_base64(key, "The hash"))


_READERS: tuple[tuple[str, Callable[[str], str]], ...] = (
    (f"{OURS}$", _ours),
    ("$2", _bcrypt),
    ("bcrypt$", _bcrypt),
    ("bcrypt_sha256$", _bcrypt_of_hex),
    ("$argon2", _argon2),
    ("argon2$", _argon2),
    ("pbkdf2_", _django_pbkdf2),
    ("$scrypt$", _phc_scrypt),
    ("scrypt$", _django_scrypt),
)
