"""Limits on guessing: every rule in one list, counted where all processes see it (Redis, or else the database).

Windows are fixed: a burst across the edge of a window can reach twice a rule's amount. When Redis does not answer,
each process counts for itself at a quarter of the amount, so that an outage never lifts a limit."""

import ipaddress
import json
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import Engine, Integer, String, delete, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Mapped, mapped_column

from oidc_server.core import clock, crypto, limit_statements
from oidc_server.core.database import Base, Instant

EXTENSION = "oidc_server.limits"
_REDIS_TIMEOUT_SECONDS = 0.25
_BREAKER_SECONDS = 5
_OUTAGE_DIVISOR = 4
_IPV6_PREFIX = 64


@dataclass(frozen=True)
class Rule:
    """At most ``amount`` counted attempts in ``seconds``."""

    name: str
    amount: int
    seconds: int

    @cached_property
    def item(self) -> RateLimitItem:
        """The rule in the limits library's terms."""
        return RateLimitItemPerSecond(self.amount, self.seconds, namespace=self.name)

    @cached_property
    def outage_item(self) -> RateLimitItem:
        """The stricter rule of one process that cannot see the others."""
        return RateLimitItemPerSecond(max(1, self.amount // _OUTAGE_DIVISOR), self.seconds, namespace=self.name)


# Failed client authentications, per client and address: the real client at its own address is not affected.
CLIENT_FAILURES = Rule("client_failures", 20, 60)
# Tokens that introspection did not know, per client: a client that scans for tokens.
UNKNOWN_TOKENS = Rule("unknown_tokens", 300, 60)
# API keys that nobody has, per address: a good key from the same address is not affected.
UNKNOWN_API_KEYS = Rule("unknown_api_keys", 30, 60)
# Attempts to sign in to one account from one address: the delay grows from a minute to a day.
LOGIN_ATTEMPTS = (
    Rule("login_minute", 5, 60),
    Rule("login_quarter", 15, 900),
    Rule("login_hours", 40, 6 * 3600),
    Rule("login_day", 80, 86400),
)
# Failed sign-ins from one address over all accounts: one password sprayed over many people.
LOGIN_FAILURES_BY_ADDRESS = Rule("login_spray", 100, 900)

# Mails that anybody can have sent, for each purpose: asked for from one address, for one recipient, and altogether.
MAILS_BY_ADDRESS = Rule("mails_by_address", 20, 3600)
MAILS_TO_RECIPIENT = (Rule("mails_to_recipient", 3, 900), Rule("mails_to_recipient_day", 10, 86400))
MAILS_ALTOGETHER = Rule("mails_altogether", 3000, 3600)
# Attempts to register from one address; a class or an office behind one address has to get through.
REGISTRATIONS_BY_ADDRESS = (Rule("registrations_hour", 30, 3600), Rule("registrations_day", 100, 86400))

# A limit that was reached is recorded once a window, however often it is run into.
THROTTLE_RECORDS = Rule("throttle_records", 1, 60)


class RateLimitCounter(Base):
    """One counter of one window, where no Redis is set."""

    __tablename__ = "rate_limit_counters"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    hits: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[Instant] = mapped_column(index=True)


class DatabaseStorage(Storage):
    """Counts in a table, on connections of its own: a request that is rolled back stays counted."""

    STORAGE_SCHEME = None

    def __init__(self, engine: Engine) -> None:
        super().__init__(wrap_exceptions=True)
        self._engine = engine.execution_options(write=True)

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """What the engine raises when the database is away."""
        return (DBAPIError, PoolTimeoutError)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add ``amount``, beginning a new window when the old one is over."""
        now = clock.now()
        counting = limit_statements.count(key, amount, end=now + timedelta(seconds=expiry), now=now)
        with self._engine.begin() as connection:
            return int(connection.execute(counting).scalar_one())

    def hit_all(self, rules: Sequence[Rule], key: str, within: tuple[Rule, str] | None = None) -> Rule | None:
        """Count one attempt under each rule up to the first that it is beyond, or under none when ``within``, a rule
        and a key, is used up; the rule that refuses it. In one transaction: nobody sees what is taken back."""
        keys, now = [rule.item.key_for(key) for rule in rules], clock.now()
        ends = {key: now + timedelta(seconds=rule.seconds) for key, rule in zip(keys, rules, strict=True)}
        looked_at = "" if within is None else within[0].item.key_for(within[1])
        with self._engine.connect() as connection, connection.begin() as transaction:
            rows = connection.execute(limit_statements.count_each(ends, looked_at, now=now)).all()
            if within is not None and (rows[0].looked_at or 0) >= within[0].amount:
                transaction.rollback()
                return within[0]
            hits = {row.key: row.hits for row in rows}
            beyond = next((at for at, rule in enumerate(rules) if hits[keys[at]] > rule.amount), None)
            if beyond is not None and (later := keys[beyond + 1 :]):
                connection.execute(limit_statements.take_back(later))
        return None if beyond is None else rules[beyond]

    def clear_all(self, rules: Sequence[Rule], key: str) -> None:
        """Forget the counts of one key under several rules; locked in the order in which they are counted."""
        counted = RateLimitCounter.key.in_([rule.item.key_for(key) for rule in rules])
        locked = select(RateLimitCounter.key).where(counted).order_by(RateLimitCounter.key).with_for_update()
        with self._engine.begin() as connection:
            connection.execute(delete(RateLimitCounter).where(RateLimitCounter.key.in_(locked)))

    def _row(self, key: str) -> tuple[int, datetime] | None:
        query = select(RateLimitCounter.hits, RateLimitCounter.expires_at).where(RateLimitCounter.key == key)
        with self._engine.execution_options(write=False).connect() as connection:
            row = connection.execute(query).one_or_none()
        return (row.hits, row.expires_at) if row and row.expires_at > clock.now() else None

    def get(self, key: str) -> int:
        """The count of the running window."""
        row = self._row(key)
        return row[0] if row else 0

    def get_expiry(self, key: str) -> float:
        """When the running window ends, in seconds since the epoch."""
        row = self._row(key)
        return row[1].timestamp() if row else clock.seconds()

    def check(self) -> bool:
        """Whether the table can be read."""
        self._row("")
        return True

    def reset(self) -> int | None:
        """Forget every count."""
        with self._engine.begin() as connection:
            connection.execute(delete(RateLimitCounter))
        return None

    def clear(self, key: str) -> None:
        """Forget one count."""
        with self._engine.begin() as connection:
            connection.execute(delete(RateLimitCounter).where(RateLimitCounter.key == key))


class Limits:
    """Counts attempts against rules, in the shared storage, or locally and stricter while that is away."""

    def __init__(self, engine: Engine, redis_url: str = "") -> None:
        self._engine = engine
        self._redis_url = redis_url
        self._local_lock = threading.Lock()
        self._broken_until = 0.0

    @cached_property
    def _shared(self) -> FixedWindowRateLimiter:
        if not self._redis_url:
            return FixedWindowRateLimiter(DatabaseStorage(self._engine))
        return FixedWindowRateLimiter(
            RedisStorage(
                self._redis_url,
                wrap_exceptions=True,
                socket_timeout=_REDIS_TIMEOUT_SECONDS,
                socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
            )
        )

    @cached_property
    def _local(self) -> FixedWindowRateLimiter:
        return FixedWindowRateLimiter(MemoryStorage())

    def _run(self, operation: str, rule: Rule, key: str) -> Any:
        if clock.seconds() >= self._broken_until:
            try:
                return getattr(self._shared, operation)(rule.item, key)
            except StorageError as error:
                self._leave_alone(error.storage_error)
        with self._local_lock:
            return getattr(self._local, operation)(rule.outage_item, key)

    def hit(self, rule: Rule, *parts: str) -> bool:
        """Count one attempt; False when it is beyond the rule. Atomic over all processes."""
        return bool(self._run("hit", rule, _key(parts)))

    def hit_all(self, rules: Sequence[Rule], *parts: str, within: tuple[Rule, str] | None = None) -> Rule | None:
        """Count one attempt under each of the rules, up to the first one that it is beyond, which is returned; None
        when it is within all. The rules after that one do not count it: who is refused for a minute must not fill the
        day.

        ``within`` is a rule and a part that decide first and count nothing: when it is used up, it is returned.

        Raises SQLAlchemy's ``TimeoutError`` when no connection is free: many attempts at once must not be a way to be
        counted by this process alone."""
        key = _key(parts)
        watched = None if within is None else (within[0], _key((within[1],)))
        if (storage := self._table()) is not None:
            try:
                return storage.hit_all(rules, key, watched)
            except DBAPIError as error:
                self._leave_alone(error)
        if watched is not None and not self._run("test", *watched):
            return watched[0]
        return next((rule for rule in rules if not self._run("hit", rule, key)), None)

    def allows(self, rule: Rule, *parts: str) -> bool:
        """Whether one more attempt would be allowed, without counting it."""
        return bool(self._run("test", rule, _key(parts)))

    def clear(self, rule: Rule, *parts: str) -> None:
        """Forget the attempts under these parts only."""
        self._run("clear", rule, _key(parts))

    def clear_all(self, rules: Sequence[Rule], *parts: str) -> None:
        """Forget the attempts under these parts, for all of the rules."""
        key = _key(parts)
        if (storage := self._table()) is not None:
            try:
                return storage.clear_all(rules, key)
            except (DBAPIError, PoolTimeoutError) as error:
                self._leave_alone(error)
        for rule in rules:
            self._run("clear", rule, key)
        return None

    def _leave_alone(self, error: BaseException) -> None:
        """Ask the shared storage no more for a while, unless it only had no connection free."""
        if not isinstance(error, PoolTimeoutError):
            self._broken_until = clock.seconds() + _BREAKER_SECONDS

    def _table(self) -> DatabaseStorage | None:
        """The table of counters, where it is in use and did not fail a moment ago."""
        storage = self._shared.storage
        return storage if isinstance(storage, DatabaseStorage) and clock.seconds() >= self._broken_until else None

    def retry_after(self, rule: Rule, *parts: str) -> int:
        """Whole seconds until the running window ends; at least 1."""
        stats = self._run("get_window_stats", rule, _key(parts))
        wait: int = max(1, min(rule.seconds, math.ceil(stats.reset_time - clock.seconds())))
        return wait


def _key(parts: tuple[str, ...]) -> str:
    """One key for a list of parts, in which no content of a part can imitate another list."""
    return crypto.urlsafe(crypto.digest(json.dumps(parts)))


def address_key(address: str) -> str:
    """The address that limits count by: an IPv4 address, however written, or the /64 network of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
    return str(parsed)
