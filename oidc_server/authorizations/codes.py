"""Authorization codes: made once, redeemed once (RFC 6749 §4.1.2, §10.5).

Redeeming is one conditional write, so of two requests with one code only one can win; the other is a replay, and a
replay ends the authorization with everything that was issued from it (RFC 9700 §4.5)."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, Table, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.authorizations.models import Authorization, AuthorizationCode
from oidc_server.authorizations.service import revoke
from oidc_server.authorizations.standing import Standing, standing_of, standing_query
from oidc_server.core import clock, crypto
from oidc_server.core.errors import Reason
from oidc_server.core.statements import HotStatement

LIFETIME = timedelta(seconds=60)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1: a shorter one could be guessed

_TABLE = cast("Table", AuthorizationCode.__table__)
_BY_DIGEST = HotStatement(
    "grant_by_code",
    standing_query(
        AuthorizationCode.id.label("code_id"),
        AuthorizationCode.redirect_uri.label("redirect_uri"),
        AuthorizationCode.code_challenge.label("code_challenge"),
        AuthorizationCode.nonce.label("nonce"),
        AuthorizationCode.expires_at.label("code_expires_at"),
        AuthorizationCode.used_at.label("used_at"),
    )
    .join(AuthorizationCode, AuthorizationCode.authorization_id == Authorization.id)
    .where(AuthorizationCode.digest == bindparam("digest")),
)
_SENT_FOR_ANOTHER = HotStatement(
    "challenge_sent_for_another",
    select(
        exists()
        .where(AuthorizationCode.authorization_id == Authorization.id)
        .where(
            or_(
                AuthorizationCode.code_challenge == bindparam("code_challenge"),
                AuthorizationCode.nonce_digest == bindparam("nonce_digest"),
            )
        )
        .where(Authorization.client_id == bindparam("client_id"), Authorization.user_id != bindparam("user_id"))
        .label("is_so")
    ),
)


@dataclass(frozen=True)
class Redemption:
    """A code that was redeemed: the grant behind it and the nonce of the request."""

    standing: Standing
    nonce: str | None


@dataclass(frozen=True)
class RedemptionRefused:
    """A refusal. Return it out of the transaction: the revocation after a replay must stay."""

    reason: Reason


def was_sent_for_another(
    session: Session, *, client_id: str, user_id: uuid.UUID, code_challenge: str | None, nonce: str | None
) -> bool:
    """Whether the client has sent this challenge or nonce for another person before, as long as their codes are kept:
    then it sends always the same one (RFC 9700 §2.1.1). Whoever loads a page again sends it for the same person."""
    sent_for_another = _SENT_FOR_ANOTHER.one_or_none(
        session.connection(), client_id=client_id, user_id=user_id, code_challenge=code_challenge,
        nonce_digest=_digest_of(nonce),
    )  # fmt: skip
    return bool(sent_for_another.is_so)


def make_code(
    session: Session,
    authorization_id: uuid.UUID,
    *,
    redirect_uri: str,
    code_challenge: str | None,
    nonce: str | None,
) -> str:
    """A code for an authorization; the secret is returned once, stored as a digest."""
    secret, now = crypto.new_secret(), clock.now()
    session.add(
        AuthorizationCode(
            authorization_id=authorization_id,
            digest=crypto.digest(secret),
            redirect_uri=redirect_uri,
            code_challenge=code_challenge,
            nonce=nonce,
            nonce_digest=_digest_of(nonce),
            created_at=now,
            expires_at=now + LIFETIME,
        )
    )
    session.flush()
    return secret


def _digest_of(nonce: str | None) -> bytes | None:
    return None if nonce is None else crypto.digest(nonce)


def redeem(
    session: Session, presented: str, *, client_id: str, redirect_uri: str, code_verifier: str | None
) -> Redemption | RedemptionRefused:
    """Redeem a code for the grant behind it (RFC 6749 §4.1.3, RFC 7636 §4.6).

    Another client's attempt, a wrong redirect URI or verifier changes nothing, before the code was used and after:
    nobody can burn a code that is not theirs to use, or end a grant by a code that was left in a history. Only a second
    request that would have been good is a replay (OWASP ASVS 10.4.2)."""
    row = _BY_DIGEST.one_or_none(session.connection(), digest=crypto.digest(presented))
    if row is None:
        return RedemptionRefused(Reason.CODE_UNKNOWN)
    standing, now = standing_of(row), clock.now()
    if standing.client_id != client_id:
        return RedemptionRefused(Reason.TOKEN_OF_ANOTHER_CLIENT)
    if (reason := _mismatch(row, redirect_uri, code_verifier)) is not None:
        return RedemptionRefused(reason)
    if row.used_at is not None:
        return _replayed(session, standing)
    if row.code_expires_at <= now:
        return RedemptionRefused(Reason.CODE_EXPIRED)
    if (reason := standing.refusal(now)) is not None:
        return RedemptionRefused(reason)
    used = update(_TABLE).where(_TABLE.c.id == row.code_id, _TABLE.c.used_at.is_(None)).values(used_at=now)
    if cast("CursorResult[object]", session.execute(used)).rowcount != 1:
        return _replayed(session, standing)
    return Redemption(standing, row.nonce)


def _mismatch(row: Any, redirect_uri: str, code_verifier: str | None) -> Reason | None:
    """In what the request differs from the one that the code was made for."""
    if row.redirect_uri != redirect_uri:
        return Reason.REDIRECT_URI_MISMATCH
    return None if _verifies(row.code_challenge, code_verifier) else Reason.CODE_VERIFIER_WRONG


def _verifies(challenge: str | None, verifier: str | None) -> bool:
    """S256 only (RFC 7636 §4.6); a verifier without a challenge is refused too (RFC 9700 §4.8.2)."""
    if challenge is None or verifier is None:
        return challenge is verifier
    if not _VERIFIER.fullmatch(verifier):
        return False
    return crypto.same(crypto.urlsafe(hashlib.sha256(verifier.encode()).digest()).encode(), challenge.encode())


def _replayed(session: Session, standing: Standing) -> RedemptionRefused:
    actor = Actor("client", standing.client_id)
    record(
        session, Event.CODE_REPLAYED, actor=actor, subject=str(standing.authorization_id),
        client_id=standing.client_id, user_id=standing.user_id,
    )  # fmt: skip
    revoke(session, actor=actor, reason=Reason.CODE_REPLAYED, authorization_id=standing.authorization_id)
    return RedemptionRefused(Reason.CODE_REPLAYED)
