"""Password hashes as other systems make them, each by its own documentation and not by the code under test."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from oidc_server.users.exported_credentials import FirebaseParameters

SECRET = "pässword with ünicode"


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def django(digest: str, iterations: int, salt: str, secret: str = SECRET) -> str:
    """As django.contrib.auth.hashers.PBKDF2PasswordHasher.encode documents it."""
    key = hashlib.pbkdf2_hmac(digest, secret.encode(), salt.encode(), iterations)
    return f"pbkdf2_{digest}${iterations}${salt}${b64(key)}"


def keycloak(algorithm: str, digest: str, *, secret: str = SECRET, as_text: bool = True) -> dict[str, Any]:
    """A credential in a realm that Keycloak exported: its keys have 512 bits, whatever the digest."""
    salt = bytes(range(16))
    key = hashlib.pbkdf2_hmac(digest, secret.encode(), salt, 275, 64)
    kept = {"value": b64(key), "salt": b64(salt), "additionalParameters": {}}
    data = {"hashIterations": 275, "algorithm": algorithm, "additionalParameters": {}}
    write = json.dumps if as_text else dict
    return {"id": "7", "type": "password", "createdDate": 1, "secretData": write(kept), "credentialData": write(data)}


def firebase(secret: str, project: FirebaseParameters, salt: bytes) -> dict[str, str]:
    """Firebase's hash by its description: the signer key, encrypted under what scrypt makes of the password."""
    whole = salt + base64.b64decode(project.salt_separator)
    derived = hashlib.scrypt(secret.encode(), salt=whole, n=2**project.mem_cost, r=project.rounds, p=1, maxmem=2**26)
    cipher = Cipher(algorithms.AES(derived[:32]), modes.CTR(b"\0" * 16)).encryptor()
    hashed = cipher.update(base64.b64decode(project.signer_key)) + cipher.finalize()
    return {"passwordHash": b64(hashed), "salt": b64(salt)}


PUBLISHED_PROJECT = FirebaseParameters(
    "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
)
SMALL_PROJECT = FirebaseParameters(b64(bytes(range(100, 164))), "AQI=", rounds=4, mem_cost=6)
