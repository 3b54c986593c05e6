"""Which hashes of other systems are refused: too dear to check, cut off, of no use, or no hashes at all."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from oidc_server.users.exported_credentials import FirebaseParameters, stored_form
from oidc_server.users.imported_hashes import HashRefused

KEY, SALT = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "c29tZXNhbHQ"
BCRYPT = "./abcdefghijklmnopqrs.abcdefghijklmnopqrstuvwxyz0123"[:53].ljust(53, ".")
PROJECT = FirebaseParameters(base64.b64encode(bytes(64)).decode())


def refusal(given: Any, project: FirebaseParameters | None = None) -> str:
    """Why it is refused, in words in which the hash does not stand."""
    began = time.monotonic()
    with pytest.raises(HashRefused) as caught:
        stored_form(given, project)
    assert time.monotonic() - began < 0.5
    words = str(caught.value)
    assert KEY not in words
    assert BCRYPT not in words
    return words


@pytest.mark.parametrize(
    "given",
    [
        f"pbkdf2_sha256$1000000000$salt${KEY}",
        f"pbkdf2_sha512$1000001$salt${KEY}",
        f"pbkdf2_sha256$0$salt${KEY}",
        f"$argon2id$v=19$m=8388608,t=1,p=1${SALT}${KEY}",
        f"$argon2id$v=19$m=262144,t=4,p=1${SALT}${KEY}",
        f"$argon2id$v=19$m=65536,t=999999999,p=1${SALT}${KEY}",
        f"$argon2id$v=19$m=65536,t=3,p=64${SALT}${KEY}",
        f"$argon2id$v=19$m=8,t=3,p=2${SALT}${KEY}",
        f"$argon2id$v=19$m=65536,t=0,p=1${SALT}${KEY}",
        f"$scrypt$ln=19,r=8,p=1${SALT}${KEY}",
        f"$scrypt$ln=99,r=8,p=1${SALT}${KEY}",
        f"$scrypt$ln=14,r=8,p=99999${SALT}${KEY}",
        f"$scrypt$ln=16,r=1,p=1${SALT}${KEY}",
        f"scrypt$1000${SALT}$8$1${KEY}",
        f"scrypt$0${SALT}$8$1${KEY}",
        f"$2b$15${BCRYPT}",
        f"$2b$31${BCRYPT}",
        f"$2b$03${BCRYPT}",
    ],
)
def test_a_hash_that_would_keep_the_server_busy_is_refused(given: str) -> None:
    assert any(words in refusal(given) for words in (" here", "power of two"))


@pytest.mark.parametrize(
    "given",
    [
        "", "hunter2 in clear", "*", "$1$salt$abcdefghijklmnopqrstuv", "$6$salt$abc", "md5$salt$abc", "{SSHA}abc",
        "5f4dcc3b5aa765d61d8327deb882cf99", f"$2x$10${BCRYPT}", f"$2b$10${BCRYPT[:-1]}", f"$2b$10${BCRYPT}\n",
        f"$argon2d$v=19$m=256,t=2,p=1${SALT}${KEY}", f"$argon2id$v=16$m=256,t=2,p=1${SALT}${KEY}",
        f"$argon2id$m=256,t=2,p=1${SALT}${KEY}", f"$argon2id$v=19$m=256,t=2,p=1,keyid=a${SALT}${KEY}",
        f"$argon2id$v=19$m=256,t=2,p=1$YQ${KEY}", f"$argon2id$v=19$m=256,t=2,p=1${SALT}$YQ",
        f"$argon2id$v=19$m=256,t=2,p=1${SALT}$not base64", f"$argon2id$v=19$m=٣,t=2,p=1${SALT}${KEY}",
        "pbkdf2_sha256$1000$salt$YQ==", f"pbkdf2_md5$1000$salt${KEY}", f"pbkdf2_sha256$1000$${KEY}",
        f"pbkdf2_sha256$1000${'x' * 65}${KEY}", f"pbkdf2_sha256$-1$salt${KEY}",
        5, True, [], {}, {"value": "x"}, {"passwordHash": KEY},
    ],
)  # fmt: skip
def test_what_is_no_hash_that_can_be_checked_is_refused(given: Any) -> None:
    assert refusal(given)


def test_a_password_in_clear_is_refused_with_advice() -> None:
    assert "leave password_hash out" in refusal("hunter2 in clear")


def credential(**changes: Any) -> dict[str, Any]:
    """A credential of Keycloak with something wrong in it."""
    data = {"algorithm": "pbkdf2-sha256", "hashIterations": 275, "additionalParameters": {}}
    secret = {"value": KEY, "salt": SALT}
    data |= {name: value for name, value in changes.items() if name in data}
    secret |= {name: value for name, value in changes.items() if name in secret}
    beside = {name: value for name, value in changes.items() if name not in data and name not in secret}
    return {"credentialData": json.dumps(data), "secretData": json.dumps(secret)} | beside


@pytest.mark.parametrize(
    "given",
    [
        credential(algorithm="bcrypt"), credential(algorithm=None), credential(hashIterations=10**9),
        credential(hashIterations=-1), credential(hashIterations=1.5), credential(hashIterations=True),
        credential(value=""), credential(salt=5), credential(type="otp"), credential(roles=["admin"]),
        credential(secretData="no JSON"), credential(secretData="[]"), credential(credentialData=None),
        credential(algorithm="argon2"),
        credential(algorithm="argon2", additionalParameters={"type": ["d"], "version": ["1.3"]}),
        credential(algorithm="argon2", additionalParameters={"type": "id", "version": "1.3", "memory": ["x"]}),
    ],
)  # fmt: skip
def test_a_credential_of_keycloak_that_is_none_is_refused(given: dict[str, Any]) -> None:
    assert refusal(given)


def test_a_hash_of_firebase_needs_parameters_that_fit() -> None:
    given = {"passwordHash": base64.b64encode(bytes(range(64))).decode(), "salt": "c2FsdHNhbHQ="}
    assert stored_form(given, PROJECT)
    assert "--firebase-signer-key-file" in refusal(given)
    own = {"signerKey": PROJECT.signer_key, "saltSeparator": "Bw==", "rounds": 8, "memCost": 14}
    assert stored_form(given | own)
    assert refusal(given | {"rounds": 8}, PROJECT)
    assert refusal(given | own | {"memCost": 24})
    assert refusal(given | own | {"signerKey": "YQ=="})
    assert refusal(given | own | {"admin": True})
    assert refusal(given | {"passwordHash": "YQ=="}, PROJECT)
    assert refusal(given | {"salt": ""}, PROJECT)
