"""Making, rotating and revoking API keys. A key is shown once; what stays is its digest."""

import unicodedata
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.clients.api_key_format import PREFIX, new_key, new_prefix, parse_network
from oidc_server.clients.metadata import MetadataInvalid, parse_scope
from oidc_server.clients.models import ApiKey
from oidc_server.core import clock, crypto
from oidc_server.core.errors import Reason

NAME_CHARACTERS = 100
NETWORKS_AT_MOST = 50
USUAL_OVERLAP = timedelta(days=1)
OVERLAP_AT_MOST = timedelta(days=90)
END_AT_MOST = timedelta(days=3650)


class ApiKeyInvalid(Exception):
    """What was asked for is no good key, in words for who asked. ``field`` names what was wrong."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


class ApiKeyEnded(Exception):
    """The key was revoked, or has expired and was given no new end: it gets no new secret."""

    def __init__(self, reason: Reason, words: str) -> None:
        super().__init__(words)
        self.reason = reason


def create_api_key(
    session: Session,
    *,
    actor: Actor,
    name: str,
    scope: str,
    networks: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key with the words of ``scope`` (RFC 6749 §3.3), good from everywhere unless ``networks`` are given, and
    without end unless ``expires_at`` is. It is returned once, behind its row. Raises :class:`ApiKeyInvalid`."""
    name, words, ranges = _check_name(name), _check_scope(scope), _check_networks(networks)
    _check_end(expires_at)
    prefix = new_prefix()
    secret = new_key(prefix)
    key = ApiKey(
        name=name,
        prefix=prefix,
        digest=crypto.digest(secret),
        scope=" ".join(words),
        networks=ranges,
        created_at=clock.now(),
        expires_at=expires_at,
    )
    session.add(key)
    session.flush()
    detail = {"name": name, "prefix": prefix, "scope": key.scope, "networks": ranges}
    record(session, Event.API_KEY_CREATED, actor=actor, subject=str(key.id), detail=detail | _end(expires_at))
    return key, secret


def rotate_api_key(
    session: Session,
    key: ApiKey,
    *,
    actor: Actor,
    overlap: timedelta = USUAL_OVERLAP,
    expires_at: datetime | None = None,
) -> str:
    """Give the key, which is locked, a new secret; the present one ends after ``overlap``, or when it would have ended
    anyway, and the one before it now. ``expires_at`` is the new secret's end, by default the key's as it was.

    Raises :class:`ApiKeyInvalid`, and :class:`ApiKeyEnded` for a key that was revoked or has expired."""
    now = clock.now()
    if not timedelta(0) <= overlap <= OVERLAP_AT_MOST:
        raise ApiKeyInvalid("overlap", f"An overlap has {OVERLAP_AT_MOST.days} days at most.")
    _check_end(expires_at)
    if key.revoked_at is not None:
        raise ApiKeyEnded(Reason.API_KEY_REVOKED, "This key was revoked: make a new one.")
    if expires_at is None and key.expires_at is not None and key.expires_at <= now:
        raise ApiKeyEnded(Reason.API_KEY_EXPIRED, "This key has expired: give it a new end.")
    secret = new_key(key.prefix)
    # What has expired stays so: an overlap never makes an earlier secret good again.
    key.previous_expires_at = min(now + overlap, key.expires_at or now + overlap)
    key.previous_digest = key.digest
    key.digest = crypto.digest(secret)
    key.expires_at = expires_at or key.expires_at
    session.flush()
    detail = {"prefix": key.prefix, "earlier_end_at": key.previous_expires_at.isoformat()} | _end(key.expires_at)
    record(session, Event.API_KEY_ROTATED, actor=actor, subject=str(key.id), detail=detail)
    return secret


def revoke_api_key(session: Session, key: ApiKey, *, actor: Actor) -> bool:
    """End the key, which is locked, with every secret that it has; whether it had not ended so before."""
    if key.revoked_at is not None:
        return False
    key.revoked_at = clock.now()
    session.flush()
    record(session, Event.API_KEY_REVOKED, actor=actor, subject=str(key.id), detail={"prefix": key.prefix})
    return True


def find_api_key(session: Session, key_id: uuid.UUID, *, for_change: bool = False) -> ApiKey | None:
    """The key with this id; ``for_change`` under a lock, so that of two rotations at once each ends the other's
    predecessor and no secret lives on that nobody knows of."""
    return session.get(ApiKey, key_id, with_for_update=True if for_change else None)


def id_of_prefix(session: Session, prefix: str) -> uuid.UUID | None:
    """The id of the one key that begins so. When two do, which chance hardly brings about, it
    is neither: the id has to be told."""
    if not PREFIX.fullmatch(prefix):
        return None
    found = session.scalars(select(ApiKey.id).where(ApiKey.prefix == prefix).limit(2)).all()
    return found[0] if len(found) == 1 else None


def list_api_keys(session: Session, *, limit: int, after: uuid.UUID | None = None) -> Sequence[ApiKey]:
    """Keys, the oldest first, ``limit`` at most, those behind ``after``; revoked ones too."""
    query = select(ApiKey).order_by(ApiKey.id).limit(limit)
    if after is not None:
        query = query.where(ApiKey.id > after)
    return session.scalars(query).all()


def facts_of(key: ApiKey) -> dict[str, Any]:
    """What may be shown of a key at any time. ``status`` is ``active``, ``expired`` or ``revoked``;
    ``previous_expires_at`` is until when the secret before the present one is good too, None when none is."""
    status = _status_of(key)
    end = key.previous_expires_at
    if end is not None and key.expires_at is not None:
        end = min(end, key.expires_at)
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "status": status,
        "scope": key.scope,
        "networks": list(key.networks),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "previous_expires_at": end if end is not None and status == "active" and end > clock.now() else None,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }


def _status_of(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= clock.now() else "active"


def _check_name(name: str) -> str:
    name = unicodedata.normalize("NFC", name.strip())
    if not 1 <= len(name) <= NAME_CHARACTERS or any(unicodedata.category(one) in {"Cc", "Cs"} for one in name):
        raise ApiKeyInvalid("name", f"A name has 1 to {NAME_CHARACTERS} characters, and no control characters.")
    return name


def _check_scope(scope: str) -> list[str]:
    try:
        words = parse_scope(scope)
    except MetadataInvalid as error:
        raise ApiKeyInvalid("scope", str(error)) from error
    if not words:
        raise ApiKeyInvalid("scope", "A key without any scope is good for nothing: give at least one word.")
    return words


def _check_networks(networks: Sequence[str]) -> list[str]:
    if len(networks) > NETWORKS_AT_MOST:
        raise ApiKeyInvalid("networks", f"A key is bound to {NETWORKS_AT_MOST} networks at most.")
    try:
        return list(dict.fromkeys(str(parse_network(network)) for network in networks))
    except ValueError as error:
        words = "A network is an address, or its first address and a length, such as 10.0.0.0/8 or 2001:db8::/32."
        raise ApiKeyInvalid("networks", words) from error


def _check_end(expires_at: datetime | None) -> None:
    if expires_at is not None and not clock.now() < expires_at <= clock.now() + END_AT_MOST:
        raise ApiKeyInvalid("expires_at", "An end is in the future, and within ten years; or leave it out.")


def _end(expires_at: datetime | None) -> dict[str, str]:
    return {} if expires_at is None else {"expires_at": expires_at.isoformat()}
