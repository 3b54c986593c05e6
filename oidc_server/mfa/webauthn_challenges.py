"""The challenges of WebAuthn ceremonies (Web Authentication Level 3 §13.4.3): random, and marked by the server as made
for one ceremony of one login or session, lately. Nothing is stored until one was answered well."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import cast

from sqlalchemy import CursorResult
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from oidc_server.core import clock, crypto
from oidc_server.core.errors import Reason
from oidc_server.mfa.models import UsedChallenge
from oidc_server.mfa.proof import FactorWrong

LIFETIME = timedelta(minutes=10)
_RANDOM_BYTES, _INSTANT_BYTES, _MAC_BYTES = 16, 8, 32


class Ceremony(StrEnum):
    """What an authenticator is asked to do: a challenge for one is no good for another."""

    REGISTRATION = "registration"
    SECOND_FACTOR = "second factor"
    SIGN_IN = "sign-in"


def make_challenge(keys: Sequence[bytes], ceremony: Ceremony, bound_to: str) -> str:
    """A challenge in base64url, good for ten minutes, once; ``bound_to`` is the login, session or browser that it is
    for."""
    body = secrets.token_bytes(_RANDOM_BYTES) + clock.timestamp().to_bytes(_INSTANT_BYTES, "big")
    return crypto.urlsafe(body + _mac(keys[0], body, ceremony, bound_to))


def check_challenge(keys: Sequence[bytes], challenge: str, ceremony: Ceremony, bound_to: str) -> None:
    """Whether the server made this challenge for this, lately. Raises :class:`FactorWrong`."""
    try:
        value = crypto.from_urlsafe(challenge)
    except ValueError as error:
        raise FactorWrong("challenge: not base64url", Reason.PASSKEY_REFUSED) from error
    body, mac = value[:-_MAC_BYTES], value[-_MAC_BYTES:]
    if len(body) != _RANDOM_BYTES + _INSTANT_BYTES or not any(
        crypto.same(mac, _mac(key, body, ceremony, bound_to)) for key in keys
    ):
        raise FactorWrong("challenge: not made for this", Reason.PASSKEY_REFUSED)
    if _made_at(body) + LIFETIME <= clock.now():
        raise FactorWrong("challenge: expired", Reason.PASSKEY_REFUSED)


def use_up(session: Session, challenge: str) -> None:
    """Use a challenge that was checked, so that its answer is good for nothing else. Raises :class:`FactorWrong`.

    The primary key closes the race of one answer that is sent many times at once: the second insert waits for the
    first, and then does nothing."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    # Kept for twice as long as it lasts: the row must outlive it on a host whose clock is late.
    used = insert(UsedChallenge).values(digest=crypto.digest(challenge), expires_at=clock.now() + 2 * LIFETIME)
    if cast("CursorResult[object]", session.execute(used.on_conflict_do_nothing())).rowcount != 1:
        raise FactorWrong("challenge: used before", Reason.PASSKEY_REFUSED)


def _made_at(body: bytes) -> datetime:
    return datetime.fromtimestamp(int.from_bytes(body[_RANDOM_BYTES:], "big"), UTC)


def _mac(key: bytes, body: bytes, ceremony: Ceremony, bound_to: str) -> bytes:
    return crypto.keyed_digest(key, f"{crypto.urlsafe(body)}\n{ceremony}\n{bound_to}")
