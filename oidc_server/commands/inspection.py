"""Whether a token is good at this moment, and what it says.

The judgement on a JWT is the server's own (``protocol.token_state``); that on a refresh token is what redeeming it
would meet (``authorizations.refresh``), without redeeming it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Row, bindparam

from oidc_server.authorizations.models import Authorization, RefreshToken
from oidc_server.authorizations.standing import standing_of, standing_query
from oidc_server.commands.explanations import Case, explain, instant_of
from oidc_server.commands.instants import iso, relative, utc
from oidc_server.core import clock, crypto
from oidc_server.core.database import Database
from oidc_server.core.errors import Reason
from oidc_server.keys.lifecycle import KeyRecord
from oidc_server.protocol.access_token import AUTHORIZATION_CLAIM, TYP, TokenRefused

_CHARACTERS_AT_MOST = 16_384
_REFRESH_TOKEN = (
    standing_query(
        RefreshToken.generation.label("generation"),
        RefreshToken.created_at.label("token_created_at"),
        RefreshToken.expires_at.label("token_expires_at"),
        RefreshToken.used_at.label("used_at"),
    )
    .join(RefreshToken, RefreshToken.authorization_id == Authorization.id)
    .where(RefreshToken.digest == bindparam("digest"))
)


@dataclass(frozen=True)
class Verdict:
    """What became of a token: ``reason`` is None when it is good; ``words`` say why, and say nothing secret."""

    kind: str
    reason: Reason | None
    words: str
    header: dict[str, Any] | None = None
    claims: dict[str, Any] | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def decode_unverified(token: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Header and claims of a JWT as they stand there; None for what cannot be read."""
    parts = token.split(".") if len(token) <= _CHARACTERS_AT_MOST and token.isascii() else []
    return (_object(parts[0]), _object(parts[1])) if len(parts) == 3 else (None, None)


def _object(part: str) -> dict[str, Any] | None:
    try:
        value = orjson.loads(crypto.from_urlsafe(part))
        json.dumps(value, indent=2)  # what is nested too deeply to be printed cannot be shown
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def judge_jwt(
    token: str, accept: Callable[[str], object], database: Database, keys: Sequence[KeyRecord], issuer: str
) -> Verdict:
    """The verdict on a JWT; ``accept`` raises ``TokenRefused`` when it is not good."""
    header, claims = decode_unverified(token)
    kind = "access_token" if (header or {}).get("typ") == TYP else "jwt"
    try:
        accept(token)
    except TokenRefused as refused:
        with database.reading() as session:
            case = Case(session, clock.now(), claims or {}, header or {}, refused.detail, issuer, keys)
            return Verdict(kind, refused.reason, explain(refused.reason, case), header, claims)
    end = instant_of((claims or {}).get("exp"))
    words = f"It is good; it expires {relative(end, clock.now())}." if end else "It is good."
    return Verdict(kind, None, words, header, claims)


def judge_refresh_token(token: str, database: Database, grace: timedelta) -> Verdict:
    """The verdict on a refresh token, found by its digest. Nothing is redeemed, and a replay is not taken for one."""
    with database.reading() as session:
        row = session.execute(_REFRESH_TOKEN, {"digest": crypto.digest(token)}).one_or_none()
        if row is None:
            words = "It is no JWT, and no refresh token has this value."
            return Verdict("unknown", Reason.REFRESH_TOKEN_UNKNOWN, words)
        now, standing = clock.now(), standing_of(row)
        ids = {
            AUTHORIZATION_CLAIM: str(standing.authorization_id),
            "client_id": standing.client_id,
            "sub": str(standing.user_id),
        }
        facts = {
            **ids,
            "scope": standing.granted_scope,
            "generation": row.generation,
            "created_at": iso(row.token_created_at),
            "used_at": None if row.used_at is None else iso(row.used_at),
            "expires_at": iso(row.token_expires_at),
        }
        reason = standing.refusal(now)
        words = "" if reason is None else explain(reason, Case(session, now, ids))
    if reason is None:
        reason, words = _of_its_own(row, grace, now)
    return Verdict("refresh_token", reason, words, facts=facts)


def _of_its_own(row: Row[Any], grace: timedelta, now: datetime) -> tuple[Reason | None, str]:
    """What the token's own use and end say, when all that it depends on stands."""
    if row.used_at is not None:
        words = f"It was used {relative(row.used_at, now)}, and its successor took its place. "
        if now - row.used_at > grace:
            words += "Whoever sends it now is taken for a thief, and its authorization is revoked."
        else:
            end = utc(row.used_at + grace)
            words += f"It may be sent again until {end}, for the same successor while that is unused."
        return Reason.REFRESH_TOKEN_SUPERSEDED, words
    if row.token_expires_at <= now:
        return Reason.REFRESH_TOKEN_EXPIRED, f"It expired {relative(row.token_expires_at, now)}, unused."
    return None, f"It is good; unless it is used, it expires {relative(row.token_expires_at, now)}."
