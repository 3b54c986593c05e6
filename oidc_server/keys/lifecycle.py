"""The life of a signing key: its state is a function of its instants and the clock, nothing else.

``published_at <= activates_at <= retires_at <= removed_at``, and ``revoked_at``. No input or output happens here."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum

NOTICE_BOUND = timedelta(seconds=2)
"""Every process that can read the store notices a change within this time."""

SWITCH_DELAY = NOTICE_BOUND + timedelta(seconds=1)
"""The shortest time between publishing a key, or planning a change of signer, and the first signature; the second on
top of the notice bound covers the write itself."""

SKEW = timedelta(seconds=30)
"""Covers the notice bound, clocks that differ between hosts and verifiers, and a JWKS response on its way."""

STALENESS_LIMIT = timedelta(seconds=60)
"""How long a process whose store cannot be read goes on signing with what it knows."""


class State(StrEnum):
    """Where a key is in its life."""

    STANDBY = "standby"
    ANNOUNCED = "announced"
    ACTIVE = "active"
    RETIRED = "retired"
    REMOVED = "removed"
    REVOKED = "revoked"


PUBLISHED = frozenset({State.STANDBY, State.ANNOUNCED, State.ACTIVE, State.RETIRED})


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the settings say about keys; from it come the two waiting times of a rotation."""

    jwks_max_age: timedelta
    token_lifetime: timedelta
    rotation_period: timedelta | None = None
    rsa_key_size: int = 2048
    clock_skew: timedelta = timedelta()
    """By how much the clocks of the hosts that share the store may differ."""

    @property
    def announce(self) -> timedelta:
        """From publishing a key to its first signature: by then every JWKS copy without the key has expired."""
        return self.jwks_max_age + SKEW

    @property
    def linger(self) -> timedelta:
        """From retiring a key to removing it: by then its last token has expired, also one that was signed by a process
        which could not read the store."""
        return self.token_lifetime + STALENESS_LIMIT + SKEW


@dataclass(frozen=True, kw_only=True)
class KeyRecord:
    """A key without its material. ``activates_at`` None: on standby. ``retires_at`` None: it signs until a successor is
    planned. ``first_activated_at``: when it first signed, kept when a retired key is taken back.

    Raises ``ValueError`` when the instants are out of order."""

    kid: str
    alg: str
    published_at: datetime
    activates_at: datetime | None = None
    retires_at: datetime | None = None
    removed_at: datetime | None = None
    revoked_at: datetime | None = None
    first_activated_at: datetime | None = None

    def __post_init__(self) -> None:
        course = (self.published_at, self.activates_at, self.retires_at, self.removed_at)
        given = [instant for instant in course if instant is not None]
        if given != sorted(given) or list(course[: len(given)]) != given:
            raise ValueError("its instants are out of order")

    def state(self, now: datetime) -> State:
        """The state at an instant. A revocation counts at once, whatever the clocks of two hosts say."""
        if self.revoked_at is not None:
            return State.REVOKED
        if self.removed_at is not None and self.removed_at <= now:
            return State.REMOVED
        if self.retires_at is not None and self.retires_at <= now:
            return State.RETIRED
        if self.activates_at is None:
            return State.STANDBY
        return State.ACTIVE if self.activates_at <= now else State.ANNOUNCED

    def is_published(self, now: datetime) -> bool:
        """Whether the key belongs in the JWKS."""
        return self.state(now) in PUBLISHED


INSTANTS = tuple(f.name for f in fields(KeyRecord) if f.name.endswith("_at"))


def seniority(record: KeyRecord) -> tuple[datetime, str]:
    """The order of keys that have an ``activates_at``: the last one that is active signs."""
    return (record.activates_at or record.published_at, record.kid)


def signer(records: Iterable[KeyRecord], alg: str, now: datetime) -> KeyRecord | None:
    """The one key that signs with ``alg`` at an instant: the newest active one."""
    active = [r for r in records if r.alg == alg and r.state(now) is State.ACTIVE]
    return max(active, key=seniority, default=None)


def next_change(records: Iterable[KeyRecord], now: datetime) -> datetime | None:
    """The next instant at which any key changes its state by itself."""
    ahead = [
        instant
        for r in records
        if r.revoked_at is None
        for instant in (r.activates_at, r.retires_at, r.removed_at)
        if instant is not None and instant > now
    ]
    return min(ahead, default=None)


def signing_interval(record: KeyRecord, now: datetime, policy: Policy) -> tuple[datetime, datetime] | None:
    """When the key may have signed a token that has not expired by ``now``; None when there can be none.

    It ends later than the key's retirement by what a process with an unreadable store may add."""
    first = record.first_activated_at or record.activates_at
    if first is None or first > now:
        return None
    start = max(first, now - policy.token_lifetime)
    end = now if record.retires_at is None else min(record.retires_at + STALENESS_LIMIT, now)
    return (start, end) if start <= end else None
