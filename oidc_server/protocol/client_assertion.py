"""private_key_jwt: a client proves itself by a signed assertion (RFC 7523 §3), each used once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from sqlalchemy.exc import IntegrityError

from oidc_server.clients.metadata import ASSERTION_ALGORITHMS
from oidc_server.clients.models import UsedAssertion
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core import clock, crypto
from oidc_server.core.database import transaction
from oidc_server.core.errors import Reason
from oidc_server.protocol.errors import InvalidClient
from oidc_server.sessions.epochs import has_ended_by_epoch

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# An assertion may not be valid for longer: its jti has to be remembered until it has expired.
_LIFETIME_AT_MOST = 300
_CLOCK_AHEAD = 10
_KEY_OF_ALG: dict[str, type[RSAKey | ECKey | OKPKey]] = {
    "RS256": RSAKey, "PS256": RSAKey, "ES256": ECKey, "Ed25519": OKPKey
}  # fmt: skip


def client_named_by(assertion: str) -> str:
    """The client that the assertion says it is of; nothing is verified yet. Raises :class:`InvalidClient`."""
    subject = _part(assertion, 1).get("sub")
    if not isinstance(subject, str) or not subject.isprintable() or not subject.isascii():
        raise InvalidClient(Reason.CLIENT_ASSERTION_INVALID, "sub")
    return subject


def accept_assertion(client: ClientSnapshot, assertion: str, issuer: str) -> Reason | None:
    """Why the assertion does not prove the client, or None when it does; then it is used up."""
    payload = _verified_payload(client, assertion)
    if payload is None or not _claims_hold(payload, client.client_id, issuer):
        return Reason.CLIENT_ASSERTION_INVALID
    return _use_up(client.client_id, payload)


def _part(assertion: str, index: int) -> dict[str, Any]:
    try:
        value = json.loads(crypto.from_urlsafe(assertion.split(".")[index]))
    except (IndexError, ValueError, RecursionError) as error:
        raise InvalidClient(Reason.CLIENT_ASSERTION_INVALID, "not a JWT") from error
    if not isinstance(value, dict):
        raise InvalidClient(Reason.CLIENT_ASSERTION_INVALID, "not a JWT of claims")
    return value


def _verified_payload(client: ClientSnapshot, assertion: str) -> dict[str, Any] | None:
    """The claims, when a registered key signed them. Keys in the header are never looked at (RFC 8725 §3.10)."""
    header = _part(assertion, 0)
    alg, kid = header.get("alg"), header.get("kid")
    if assertion.count(".") != 2 or alg not in ASSERTION_ALGORITHMS or "crit" in header or "b64" in header:
        return None
    for key in KeySet.import_key_set(client.jwks or {"keys": []}).keys:  # type: ignore[arg-type]
        if not isinstance(key, _KEY_OF_ALG[alg]) or (kid is not None and key.kid is not None and key.kid != kid):
            continue
        try:
            value = json.loads(jws.deserialize_compact(assertion, key, algorithms=[alg]).payload)
        except (JoseError, ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else None
    return None


def _claims_hold(claims: dict[str, Any], client_id: str, issuer: str) -> bool:
    """RFC 7523 §3, with exactly the issuer as audience, so that no other server's assertion fits here."""
    now = clock.timestamp()
    expires, issued, not_before = claims.get("exp"), claims.get("iat", now), claims.get("nbf", now)
    if not all(type(value) in {int, float} for value in (expires, issued, not_before)):
        return False
    jti = claims.get("jti")
    return (
        claims.get("iss") == client_id
        and claims.get("sub") == client_id
        and claims.get("aud") == issuer
        and isinstance(jti, str)
        and 0 < len(jti) <= 255
        and now < expires <= now + _LIFETIME_AT_MOST + _CLOCK_AHEAD  # type: ignore[operator]
        and issued <= now + _CLOCK_AHEAD
        and not_before <= now + _CLOCK_AHEAD
    )


def _use_up(client_id: str, claims: dict[str, Any]) -> Reason | None:
    """Remember the jti until the assertion has expired; the primary key closes the race of two uses at once.

    Whether one from before an epoch was used is not known any more."""
    issued = claims.get("iat", int(claims["exp"]) - _LIFETIME_AT_MOST)
    used = UsedAssertion(
        client_id=client_id,
        jti_digest=crypto.digest(claims["jti"]),
        expires_at=datetime.fromtimestamp(int(claims["exp"]) + 1, UTC),
    )
    try:
        with transaction() as session:
            if has_ended_by_epoch(session, datetime.fromtimestamp(issued, UTC)):
                return Reason.EPOCH_OVER
            session.add(used)
    except IntegrityError:
        return Reason.CLIENT_ASSERTION_REPLAYED
    return None
