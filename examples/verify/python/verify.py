"""Verify the access tokens (RFC 9068) of one issuer with the keys that it publishes.

As a command: ISSUER, AUDIENCE and SCOPE come from the environment, tokens from standard input, one per line. Each gets
one line of JSON: its verified claims, or why it is refused. The exit status is 0 when every token was good, else 1.
"""

import json
import os
import sys
import time
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import jwt

LEEWAY = 60  # seconds by which our clock and the issuer's may differ
REQUIRED_CLAIMS = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]  # RFC 9068 §2.2


class Refused(Exception):
    """Why a token is not good: `invalid_token`, `insufficient_scope` (RFC 6750 §3.1) or `temporarily_unavailable`."""

    def __init__(self, error: str, reason: str) -> None:
        super().__init__(reason)
        self.error, self.reason = error, reason


class IssuerKeys(jwt.PyJWKClient):
    """The issuer's keys, cached for `lifespan` seconds and fetched at most once per cool-down.

    PyJWKClient counts its cool-down from the last fetch that succeeded. This one counts from the last attempt, so that
    tokens with invented key ids cannot make us hammer an issuer that is down.
    """

    _next_attempt = float("-inf")

    def fetch_data(self) -> Any:
        """Fetch the key set. Raises `Refused` (`temporarily_unavailable`) when it cannot be had."""
        now = time.monotonic()
        if now < self._next_attempt:
            raise Refused("temporarily_unavailable", "the last fetch of the keys failed, the next one has to wait")
        self._next_attempt = now + self.cooldown_duration
        try:
            return super().fetch_data()
        except (jwt.PyJWTError, ValueError) as error:
            raise Refused("temporarily_unavailable", f"the keys cannot be fetched: {error}") from error


class AccessTokenVerifier:
    """Verifies tokens of `issuer` meant for `audience`; `max_age` and `cooldown` of the keys are in seconds."""

    def __init__(self, issuer: str, audience: str, max_age: float = 300, cooldown: float = 30) -> None:
        self._issuer, self._audience = issuer, audience
        cooldown = min(cooldown, max_age)
        self._keys = IssuerKeys(_jwks_uri(issuer), lifespan=max_age, cooldown_duration=cooldown, timeout=5)

    @classmethod
    def from_environment(cls) -> "AccessTokenVerifier":
        """A verifier from ISSUER, AUDIENCE, JWKS_MAX_AGE and JWKS_COOLDOWN; raises KeyError, ValueError, OSError."""
        max_age, cooldown = os.environ.get("JWKS_MAX_AGE", "300"), os.environ.get("JWKS_COOLDOWN", "30")
        return cls(os.environ["ISSUER"], os.environ["AUDIENCE"], float(max_age), float(cooldown))

    def verify(self, token: str, scope: str) -> dict[str, Any]:
        """The claims of a good token that carries every word of `scope`; raises `Refused` for any other."""
        try:
            claims = self._verified_claims(token)
        except jwt.PyJWTError as error:
            raise Refused("invalid_token", str(error)) from error
        granted = claims.get("scope")
        if not isinstance(granted, str) or not set(scope.split()) <= set(granted.split()):
            raise Refused("insufficient_scope", f"the token lacks the scope {scope}")
        return claims

    def _verified_claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        # Nothing vouches for the header yet, but the signature checked below covers it.
        if str(header.get("typ")).lower() not in {"at+jwt", "application/at+jwt"}:  # RFC 9068 §4
            raise Refused("invalid_token", "the token is not an access token (typ at+jwt)")
        return jwt.decode(
            token,
            self._keys.get_signing_key(str(header.get("kid"))),
            algorithms=["RS256"],  # ours, never the token's choice (RFC 8725 §3.1)
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY,
            options={"require": REQUIRED_CLAIMS},
        )


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _jwks_uri(issuer: str) -> str:
    url = issuer.rstrip("/") + "/.well-known/openid-configuration"
    with build_opener(_NoRedirect).open(_secure(url), timeout=5) as response:
        metadata = json.load(response)
    if metadata["issuer"] != issuer:  # OpenID Connect Discovery §4.3
        raise ValueError(f"{url} speaks for {metadata['issuer']!r}, not for {issuer!r}")
    return _secure(metadata["jwks_uri"])


def _secure(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}):
        return url
    raise ValueError(f"{url} is neither https nor on the loopback interface")


def main() -> int:
    try:
        scope = os.environ["SCOPE"]
        verifier = AccessTokenVerifier.from_environment()
    except (KeyError, ValueError, OSError) as error:
        sys.exit(f"cannot start: {error!r}")
    status = 0
    for line in sys.stdin:
        try:
            answer = verifier.verify(line.strip(), scope)
        except Refused as refusal:
            answer, status = {"error": refusal.error, "reason": refusal.reason}, 1
        print(json.dumps(answer), flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
