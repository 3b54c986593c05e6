"""What client metadata may say (RFC 7591 §2), per client type: the one list that commands, registration and discovery
read."""

import re
from collections.abc import Iterable
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from oidc_server.core.settings_checks import SIGNING_ALGORITHMS

CLIENT_TYPES = ("confidential", "public", "service")

# Characters that need no encoding anywhere (RFC 3986 §2.3), within RFC 6749's VSCHAR and the width of the column.
CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}")

CLIENT_SECRET_BASIC = "client_secret_basic"  # noqa: S105 - the name of a method
CLIENT_SECRET_POST = "client_secret_post"  # noqa: S105 - the name of a method
PRIVATE_KEY_JWT = "private_key_jwt"
NONE = "none"
SECRET_METHODS = (CLIENT_SECRET_BASIC, CLIENT_SECRET_POST)
AUTH_METHODS_OF_TYPE = {
    "confidential": (*SECRET_METHODS, PRIVATE_KEY_JWT),
    "service": (*SECRET_METHODS, PRIVATE_KEY_JWT),
    "public": (NONE,),
}
TOKEN_ENDPOINT_AUTH_METHODS = (*SECRET_METHODS, PRIVATE_KEY_JWT, NONE)
ASSERTION_ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519")

AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a grant
CLIENT_CREDENTIALS = "client_credentials"
PASSWORD = "password"  # noqa: S105 - the name of a grant
# Finishes what the password grant began, so it is for the clients of that one, and none is registered for it.
SECOND_FACTOR = "urn:oidc-server:params:oauth:grant-type:mfa"
GRANT_TYPES_OF_TYPE = {
    "confidential": (AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS, PASSWORD),
    "public": (AUTHORIZATION_CODE, REFRESH_TOKEN),
    "service": (CLIENT_CREDENTIALS,),
}
DEFAULT_GRANT_TYPES = {
    "confidential": (AUTHORIZATION_CODE, REFRESH_TOKEN),
    "public": (AUTHORIZATION_CODE, REFRESH_TOKEN),
    "service": (CLIENT_CREDENTIALS,),
}

PUBLIC, PAIRWISE = SUBJECT_TYPES = ("public", "pairwise")  # OpenID Connect Core §8
OPENID = "openid"
OPENID_SCOPES = (OPENID, "profile", "email", "address", "phone", "offline_access")
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")  # RFC 6749 §3.3
SCOPE_WORDS_AT_MOST = 100
_MAX_AGE_AT_MOST = 999_999_999  # seconds; what a request may ask for has as many digits
_RSA_MIN_BITS = 2048
_RSA_MIN_EXPONENT = 65537
_CURVES = {"P-256", "Ed25519"}


class MetadataInvalid(ValueError):
    """A client's metadata may not be like this (RFC 7591 §3.2.2 ``invalid_client_metadata``); the message says why."""


def parse_scope(scope: str) -> list[str]:
    """The words of a scope (RFC 6749 §3.3), each once. Raises :class:`MetadataInvalid`."""
    words = list(dict.fromkeys(scope.split(" "))) if scope else []
    if len(words) > SCOPE_WORDS_AT_MOST or not all(_SCOPE_TOKEN.fullmatch(word) for word in words):
        raise MetadataInvalid("A scope is up to 100 words of printable ASCII, separated by single spaces.")
    return words


def check_auth_method(client_type: str, method: str) -> str:
    """The method, when a client of this type may use it. Raises :class:`MetadataInvalid`."""
    allowed = AUTH_METHODS_OF_TYPE[client_type]
    if method not in allowed:
        raise MetadataInvalid(f"A {client_type} client authenticates by {' or '.join(allowed)}, not by {method}.")
    return method


def check_grant_types(client_type: str, grant_types: Iterable[str], *, first_party: bool) -> list[str]:
    """The grant types, when a client of this type may use them (RFC 9700 §2.4 for ``password``)."""
    chosen = list(dict.fromkeys(grant_types))
    allowed = GRANT_TYPES_OF_TYPE[client_type]
    for grant_type in chosen:
        if grant_type not in allowed:
            raise MetadataInvalid(f"A {client_type} client may use {', '.join(allowed)}, not {grant_type}.")
    if PASSWORD in chosen and not first_party:
        raise MetadataInvalid("The password grant is for first-party clients only: add --first-party if it is yours.")
    if REFRESH_TOKEN in chosen and not set(chosen) & {AUTHORIZATION_CODE, PASSWORD}:
        raise MetadataInvalid("refresh_token needs a grant that gives refresh tokens.")
    return chosen


def check_signing_alg(alg: str | None, *, what: str = "An ID Token") -> str | None:
    """An algorithm that this server signs with; ``none`` is not one. Raises :class:`MetadataInvalid`."""
    if alg is not None and alg not in SIGNING_ALGORITHMS:
        raise MetadataInvalid(f"{what} is signed by {', '.join(SIGNING_ALGORITHMS)}, not by {alg!r}.")
    return alg


def check_subject_type(subject_type: str) -> str:
    """The subject type, when it is one. Raises :class:`MetadataInvalid`."""
    if subject_type not in SUBJECT_TYPES:
        raise MetadataInvalid(f"A subject_type is {' or '.join(SUBJECT_TYPES)}, not {subject_type!r}.")
    return subject_type


def check_default_max_age(seconds: int | None) -> int | None:
    """After how many seconds a sign-in is too old for the client (OpenID Connect Registration §2), when it is a number
    that makes sense. Raises :class:`MetadataInvalid`."""
    if seconds is not None and not 0 <= seconds <= _MAX_AGE_AT_MOST:
        raise MetadataInvalid(f"default_max_age is from 0 to {_MAX_AGE_AT_MOST} seconds, not {seconds}.")
    return seconds


def check_require_pkce(client_type: str, *, require_pkce: bool) -> bool:
    """Whether PKCE is demanded; only a confidential client may do without. Raises :class:`MetadataInvalid`."""
    if not require_pkce and client_type != "confidential":
        raise MetadataInvalid(f"PKCE is demanded of every {client_type} client (RFC 9700 §2.1.1).")
    return require_pkce


def check_jwks(jwks: Any) -> dict[str, Any]:
    """A JWK Set of public keys strong enough to authenticate with. Raises :class:`MetadataInvalid`."""
    try:
        keys = KeySet.import_key_set(jwks).keys
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise MetadataInvalid("The JWK Set cannot be read.") from error
    if not keys or len(keys) > 10:
        raise MetadataInvalid("A JWK Set has 1 to 10 keys.")
    for key in keys:
        _check_key(key)
    return {"keys": [key.as_dict(private=False) for key in keys]}


def _check_key(key: Any) -> None:
    if isinstance(key, RSAKey):
        numbers = key.public_key.public_numbers()
        if numbers.n.bit_length() < _RSA_MIN_BITS or numbers.e < _RSA_MIN_EXPONENT:
            raise MetadataInvalid("An RSA key has at least 2048 bits and an exponent of at least 65537.")
    elif isinstance(key, ECKey | OKPKey):
        if key.curve_name not in _CURVES:
            raise MetadataInvalid("An elliptic-curve key is on P-256 or Ed25519.")
    else:
        raise MetadataInvalid("A key of a client is an RSA, EC or OKP public key.")
    if key.is_private:
        raise MetadataInvalid("The JWK Set holds a private key. Send public keys only, and replace that one.")
