"""Good and bad access tokens (RFC 9068), each with the verdict that a resource server must give."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jwt
from joserfc.jwk import RSAKey

AUDIENCE = "https://orders.example"
SCOPE = "orders:read"

ACCEPTED, INVALID, INSUFFICIENT = "accepted", "invalid_token", "insufficient_scope"


def claims(issuer: str, **changes: Any) -> dict[str, Any]:
    """The claims of a good token; a change to `None` leaves the claim out."""
    now = int(time.time())
    good = {
        "iss": issuer,
        "sub": "0192f7c4-5b1e-7c1d-9a52-4b7d2c6a1f00",
        "aud": AUDIENCE,
        "client_id": "web",
        "scope": f"openid {SCOPE}",
        "iat": now,
        "exp": now + 900,
        "jti": uuid.uuid4().hex,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def access_token(issuer: str, key: RSAKey, typ: str = "at+jwt", alg: str = "RS256", **changes: Any) -> str:
    """A token as the server makes it, signed by joserfc."""
    return jwt.encode({"alg": alg, "typ": typ, "kid": key.kid}, claims(issuer, **changes), key, algorithms=[alg])


@dataclass(frozen=True)
class Forgery:
    """A token put together by hand, with what a proper library refuses to make."""

    issuer: str
    kid: str | None

    def signing_input(self, header: dict[str, Any], **changes: Any) -> str:
        """The encoded header and claims; a header parameter that is `None` is left out."""
        complete = {"alg": "RS256", "typ": "at+jwt", "kid": self.kid, **header}
        present = {name: value for name, value in complete.items() if value is not None}
        return (
            f"{_encoded(json.dumps(present).encode())}.{_encoded(json.dumps(claims(self.issuer, **changes)).encode())}"
        )

    def signed(self, key: RSAKey, **header: Any) -> str:
        """Signed with RSASSA-PKCS1-v1_5 and SHA-256, whatever the header says."""
        text = self.signing_input(header)
        assert key.private_key is not None
        return f"{text}.{_encoded(key.private_key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def keyed(self, secret: bytes) -> str:
        """HS256 with this secret."""
        text = self.signing_input({"alg": "HS256"})
        return f"{text}.{_encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"

    def unsigned(self, alg: str) -> str:
        """No signature at all."""
        return self.signing_input({"alg": alg}) + "."


def table(issuer: str, key: RSAKey, stranger: RSAKey) -> dict[str, tuple[str, str]]:
    """Every case by its name: the token, and the verdict. `stranger` is a key that the issuer does not publish."""
    return {
        **_good(issuer, key),
        **_wrong_claims(issuer, key),
        **_wrong_scope(issuer, key),
        **_wrong_signature(issuer, key, stranger),
    }


def _good(issuer: str, key: RSAKey) -> dict[str, tuple[str, str]]:
    now = int(time.time())
    tokens = {
        "good": access_token(issuer, key),
        "several audiences": access_token(issuer, key, aud=["https://other.example", AUDIENCE]),
        "the long form of typ (RFC 9068 §4)": access_token(issuer, key, typ="application/at+jwt"),
        "typ in capitals": access_token(issuer, key, typ="AT+JWT"),
        "expired, but within the leeway": access_token(issuer, key, iat=now - 920, exp=now - 20),
        "not yet valid, but within the leeway": access_token(issuer, key, nbf=now + 20),
        "no scope but the required one": access_token(issuer, key, scope=SCOPE),
    }
    return {name: (token, ACCEPTED) for name, token in tokens.items()}


def _wrong_claims(issuer: str, key: RSAKey) -> dict[str, tuple[str, str]]:
    now = int(time.time())
    tokens = {
        "expired": access_token(issuer, key, iat=now - 1020, exp=now - 120),
        "not yet valid": access_token(issuer, key, nbf=now + 300),
        "no exp": access_token(issuer, key, exp=None),
        "wrong audience": access_token(issuer, key, aud="https://other.example"),
        "several wrong audiences": access_token(issuer, key, aud=["https://other.example", AUDIENCE + "/"]),
        "two audiences in one string": access_token(issuer, key, aud=f"https://other.example,{AUDIENCE}"),
        "no audience": access_token(issuer, key, aud=None),
        "no client_id": access_token(issuer, key, client_id=None),
        "no sub": access_token(issuer, key, sub=None),
        "wrong issuer": access_token("https://evil.example", key),
        "E12 issuer with a slash": access_token(issuer + "/", key),
        "E12 issuer as a prefix": access_token(issuer + ".evil.example", key),
        "E12 issuer in capitals": access_token(issuer.upper(), key),
        "no issuer": access_token(issuer, key, iss=None),
        "an ID token (typ JWT)": access_token(issuer, key, typ="JWT"),
        "another kind of JWT": access_token(issuer, key, typ="logout+jwt"),
    }
    return {name: (token, INVALID) for name, token in tokens.items()}


def _wrong_scope(issuer: str, key: RSAKey) -> dict[str, tuple[str, str]]:
    tokens = {
        "missing scope": access_token(issuer, key, scope="openid profile"),
        "no scope at all": access_token(issuer, key, scope=None),
        "a longer scope": access_token(issuer, key, scope=f"{SCOPE}er x{SCOPE}"),
        "a scope in capitals": access_token(issuer, key, scope=SCOPE.upper()),
        "scope is a list": access_token(issuer, key, scope=[SCOPE]),
    }
    return {name: (token, INSUFFICIENT) for name, token in tokens.items()}


def _wrong_signature(issuer: str, key: RSAKey, stranger: RSAKey) -> dict[str, tuple[str, str]]:
    forgery, unknown = Forgery(issuer, key.kid), Forgery(issuer, stranger.kid)
    # The same key without its `alg` member: joserfc does not let a key marked RS256 sign anything else.
    any_alg = RSAKey.import_key({k: v for k, v in key.as_dict(private=True).items() if k != "alg"})
    header, payload, signature = access_token(issuer, key).split(".")
    other_payload = access_token(issuer, key, sub="somebody else").split(".")[1]
    tokens = {
        "E01 alg none": forgery.unsigned("none"),
        "E01 alg None": forgery.unsigned("None"),
        "E01 signature cut off": f"{header}.{payload}.",
        "E01 two parts": f"{header}.{payload}",
        "E02 HS256 keyed with the public PEM": forgery.keyed(key.as_pem(private=False)),
        "E02 HS256 keyed with the public DER": forgery.keyed(key.as_der(private=False)),
        "E02 HS256 keyed with the public JWK": forgery.keyed(json.dumps(key.as_dict(private=False)).encode()),
        "E02 HS256 with an empty key": forgery.keyed(b""),
        "E03 RS384": access_token(issuer, any_alg, alg="RS384"),
        "E03 PS256": access_token(issuer, any_alg, alg="PS256"),
        "E03 another key under our kid": forgery.signed(stranger),
        "E03 the header says RS512": forgery.signed(key, alg="RS512"),
        "E04 unknown kid": access_token(issuer, stranger),
        "E04 no kid": forgery.signed(stranger, kid=None),
        "E04 kid is a number": forgery.signed(stranger, kid=1),
        "E04 kid is a path": forgery.signed(stranger, kid="../../../../dev/null"),
        "E04 kid is long": forgery.signed(stranger, kid="k" * 5000),
        "E05 jwk in the header": unknown.signed(stranger, jwk=stranger.as_dict(private=False)),
        "E05 jku in the header": unknown.signed(stranger, jku=f"{issuer}/evil"),
        "E05 x5u in the header": unknown.signed(stranger, x5u=f"{issuer}/evil"),
        "an extension that must be understood": forgery.signed(key, crit=["must"], must=True),
        "no typ": forgery.signed(key, typ=None),
        "another payload": f"{header}.{other_payload}.{signature}",
        "a changed signature": f"{header}.{payload}.{signature[:-8]}AAAAAAAA",
        "a header nested thousands deep": f"{_encoded(b'[' * 9000)}.{payload}.{signature}",
        "a header that is a list": f"{_encoded(b'[1]')}.{payload}.{signature}",
        "five parts": f"{header}.{payload}.{signature}.{payload}.{signature}",
        "JSON": json.dumps({"payload": payload, "protected": header, "signature": signature}),
        "not a token": "bm90IGEgdG9rZW4",
        "nothing": "",
    }
    return {name: (token, INVALID) for name, token in tokens.items()}


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
