"""Password hashes that other systems export as objects: Keycloak's credentials, and Firebase's with the parameters of
their project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oidc_server.users.imported_hashes import (
    HashRefused,
    argon2,
    check_scrypt_costs,
    from_base64,
    pbkdf2,
    stored_form_of_text,
)
from oidc_server.users.password_schemes import encode

_KEYCLOAK = {"secretData", "credentialData"}
_KEYCLOAK_DIGESTS = {"pbkdf2": "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}
_KEYCLOAK_BESIDE = {"id", "type", "createdDate", "userLabel", "priority", "temporary"}
_ARGON2_KINDS = {"id": "argon2id", "i": "argon2i"}
_ARGON2_VERSIONS = {"1.3": 19, "1.0": 16}
_FIREBASE = {"passwordHash", "salt"}
_FIREBASE_PARAMETERS = {"signerKey", "saltSeparator", "rounds", "memCost"}
_FIREBASE_KEY_BYTES = range(32, 257)
_FIREBASE_KEPT_BYTES = 32
_FIREBASE_SALT_BYTES = range(1, 65)


@dataclass(frozen=True)
class FirebaseParameters:
    """The password hash parameters of a Firebase project, as its console shows them; text is base64."""

    signer_key: str
    salt_separator: str = "Bw=="
    rounds: int = 8
    mem_cost: int = 14


def stored_form(given: Any, firebase: FirebaseParameters | None = None) -> str | None:
    """How a password hash is stored that another system exported as text or as an object; None when the account has no
    password. ``firebase`` are the parameters of hashes that do not bring their own.

    Raises :class:`HashRefused`."""
    if isinstance(given, str):
        return stored_form_of_text(given)
    if isinstance(given, Mapping) and given.keys() >= _KEYCLOAK:
        return _keycloak(given)
    if isinstance(given, Mapping) and given.keys() >= _FIREBASE:
        return _firebase(given, firebase)
    raise HashRefused(
        "It is text, an object with secretData and credentialData (Keycloak), or one with passwordHash and salt "
        "(Firebase)."
    )


def _keycloak(credential: Mapping[str, Any]) -> str:
    _refuse_others(credential, _KEYCLOAK | _KEYCLOAK_BESIDE)
    if credential.get("type", "password") != "password":
        raise HashRefused("It is no credential of the type password.")
    data, secret = _object(credential["credentialData"]), _object(credential["secretData"])
    salt, value = from_base64(_text(secret, "salt"), "The salt"), from_base64(_text(secret, "value"), "The hash")
    algorithm, iterations = _text(data, "algorithm"), _number(data.get("hashIterations"), "hashIterations")
    if algorithm in _KEYCLOAK_DIGESTS:
        return pbkdf2(_KEYCLOAK_DIGESTS[algorithm], iterations, salt, value)
    if algorithm != "argon2":
        raise HashRefused(f"Of Keycloak's algorithms, argon2, {', '.join(_KEYCLOAK_DIGESTS)} can be checked here.")
    more = _object(data.get("additionalParameters"))
    kind = _ARGON2_KINDS.get(_single(more, "type"))
    version = _ARGON2_VERSIONS.get(_single(more, "version"), 0)
    if kind is None:
        raise HashRefused("Of Argon2, the types id and i can be checked here.")
    memory, lanes = (_number(_single(more, name), name) for name in ("memory", "parallelism"))
    return argon2(kind, version, (memory, iterations, lanes), salt, value)


def _firebase(given: Mapping[str, Any], project: FirebaseParameters | None) -> str:
    """What is kept is not the signer key but what it was encrypted with: their exclusive or, of which 32 bytes are as
    hard to guess as all of it."""
    _refuse_others(given, _FIREBASE | _FIREBASE_PARAMETERS)
    own = given.keys() & _FIREBASE_PARAMETERS
    if own and own != _FIREBASE_PARAMETERS:
        raise HashRefused(f"Of Firebase's parameters either none or all stand here: {', '.join(_FIREBASE_PARAMETERS)}.")
    if own:
        project = FirebaseParameters(
            _text(given, "signerKey"), _text(given, "saltSeparator"),
            _number(given["rounds"], "rounds"), _number(given["memCost"], "memCost"),
        )  # fmt: skip
    if project is None:
        raise HashRefused("Firebase's hashes need the parameters of their project: give --firebase-signer-key-file.")
    key, separator = check_parameters(project)
    hashed, salt = from_base64(_text(given, "passwordHash"), "The hash"), from_base64(_text(given, "salt"), "The salt")
    if len(hashed) != len(key):
        raise HashRefused("A hash of Firebase is as long as the signer key of its project.")
    if len(salt) not in _FIREBASE_SALT_BYTES or len(salt + separator) not in _FIREBASE_SALT_BYTES:
        raise HashRefused("A salt has 1 to 64 bytes, the separator among them.")
    stream = bytes(left ^ right for left, right in zip(hashed, key, strict=True))[:_FIREBASE_KEPT_BYTES]
    return f"firebase-scrypt${project.mem_cost},{project.rounds}${encode(salt + separator)}${encode(stream)}"


def check_parameters(project: FirebaseParameters) -> tuple[bytes, bytes]:
    """The signer key and the salt separator. Raises :class:`HashRefused` when the parameters cannot be used."""
    check_scrypt_costs(project.mem_cost, project.rounds, 1)
    key = from_base64(project.signer_key, "The signer key")
    if len(key) not in _FIREBASE_KEY_BYTES:
        raise HashRefused("A signer key has 32 to 256 bytes.")
    return key, from_base64(project.salt_separator, "The salt separator")


def _refuse_others(given: Mapping[str, Any], known: set[str]) -> None:
    if others := sorted(given.keys() - known):
        raise HashRefused(f"It has members that are not known: {', '.join(others)!a}.")


def _object(value: Any) -> Mapping[str, Any]:
    """An object, or the text of one: Keycloak exports JSON inside of JSON."""
    try:
        read = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError) as error:
        raise HashRefused("What Keycloak keeps as JSON is none.") from error
    if not isinstance(read, Mapping):
        raise HashRefused("credentialData, secretData and additionalParameters are objects.")
    return read


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise HashRefused(f"{name} is text that is not empty.")
    return value


def _single(values: Mapping[str, Any], name: str) -> str:
    """Keycloak's additional parameters are lists of one text each."""
    value = values.get(name)
    first = value[0] if isinstance(value, list) and len(value) == 1 else value
    return first if isinstance(first, str) else ""


def _number(value: Any, name: str) -> int:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise HashRefused(f"{name} is a whole number.")
    return int(text)
