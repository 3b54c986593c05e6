"""Passwords are found again behind the hashes of other systems: published examples, and ones made independently."""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import Any

import bcrypt
import pytest

from oidc_server.users.exported_credentials import stored_form
from oidc_server.users.models import User
from oidc_server.users.password_schemes import is_known, matches
from oidc_server.users.passwords import HashingGate, Passwords
from tests.users.foreign_hashes import PUBLISHED_PROJECT, SECRET, SMALL_PROJECT, b64, django, firebase, keycloak


@pytest.mark.parametrize(
    ("given", "secret"),
    [
        # The test vectors of the reference implementation of Argon2, and the example of argon2-cffi (with four lanes).
        ("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"),
        ("$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"),
        ("$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8", "password"),
        (
            "argon2$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg",
            "correct horse battery staple",
        ),
        # RFC 7914 §12, whose password has fewer characters than ours may have.
        (
            "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2D"
            "YMvfoswGQA",
            "password",
        ),
        # The example of Firebase's scrypt utility.
        (
            {
                "passwordHash": "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5"
                "lQ==",
                "salt": "42xEC+ixf3L2lw==",
            },
            "user1password",
        ),
    ],
)  # fmt: skip
def test_published_examples_match(given: Any, secret: str) -> None:
    stored = stored_form(given, PUBLISHED_PROJECT)
    assert stored is not None
    assert matches(secret, stored)
    assert not matches(secret + " ", stored)


@pytest.mark.parametrize(
    "given",
    [
        django("sha256", 1000, "salt of Django"),
        django("sha1", 1000, "sält"),
        django("sha512", 1000, "s"),
        f"scrypt$1024$salt$2$5${b64(hashlib.scrypt(SECRET.encode(), salt=b'salt', n=1024, r=2, p=5))}",
        "bcrypt$" + bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(4)).decode(),
        "bcrypt_sha256$"
        + bcrypt.hashpw(hashlib.sha256(SECRET.encode()).hexdigest().encode(), bcrypt.gensalt(4)).decode(),
        bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$"),
        bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2a$"),
        keycloak("pbkdf2-sha256", "sha256"),
        keycloak("pbkdf2-sha512", "sha512", as_text=False),
        keycloak("pbkdf2", "sha1"),
        firebase(SECRET, SMALL_PROJECT, b"8 bytes!"),
        Passwords(4, HashingGate(1, 1)).hash(SECRET),
    ],
    ids=itertools.count(),  # most have a salt that is another each time
)
def test_what_other_systems_make_of_a_password_matches_it_and_no_other(given: Any) -> None:
    stored = stored_form(given, SMALL_PROJECT)
    assert stored is not None
    assert is_known(stored)
    assert len(stored) <= User.__table__.c.password_hash.type.length  # type: ignore[attr-defined]
    assert matches(SECRET, stored)
    for other in ("", SECRET.upper(), SECRET[:-1], SECRET + "x", "\ud800", "a\0b", "x" * 256):
        assert not matches(other, stored)


def test_argon2_of_keycloak_is_the_same_as_of_others() -> None:
    secret = {"value": "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4=", "salt": b64(b"somesalt")}
    more = {"hashLength": ["32"], "memory": ["256"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}
    data = {"hashIterations": 2, "algorithm": "argon2", "additionalParameters": more}
    stored = stored_form({"secretData": json.dumps(secret), "credentialData": json.dumps(data)})
    assert stored == stored_form("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")


def test_the_signer_key_of_firebase_is_not_stored() -> None:
    stored = stored_form(firebase(SECRET, SMALL_PROJECT, b"8 bytes!"), SMALL_PROJECT)
    assert stored is not None
    assert SMALL_PROJECT.signer_key[:20] not in stored
    given = firebase(SECRET, SMALL_PROJECT, b"8 bytes!")
    own = {"signerKey": SMALL_PROJECT.signer_key, "saltSeparator": "AQI=", "rounds": 4, "memCost": 6}
    assert stored_form(given | own) == stored


def test_a_password_of_more_than_72_bytes_matches_where_bcrypt_saw_72() -> None:
    stored = stored_form(bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode())
    assert stored is not None
    assert matches("x" * 100, stored)


def test_a_salt_of_bcrypt_whose_last_bits_do_not_count_is_the_same_salt() -> None:
    text = bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(4)).decode()
    last = {".": "/", "O": "P", "e": "f", "u": "v"}[text[28]]
    assert stored_form(text[:28] + last + text[29:]) == stored_form(text)


def test_whoever_could_not_sign_in_with_a_password_has_none_here() -> None:
    assert stored_form("!unusable in Django") is None
