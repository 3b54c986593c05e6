"""Limits on guessing: the rules of ``limit_rules``, counted where all processes see it (Redis, or else the database).

Windows are fixed: a burst across the edge of a window can reach twice a rule's amount. When Redis does not answer,
each process counts for itself at a quarter of the amount, so that an outage never lifts a limit."""

import ipaddress
import json
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import Engine, Integer, String, bindparam, delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Mapped, mapped_column

from oidc_server.core import clock, crypto, limit_statements
from oidc_server.core.database import Base, Instant
from oidc_server.core.limit_rules import Rule

EXTENSION = "oidc_server.limits"
_REDIS_TIMEOUT_SECONDS = 0.25
_BREAKER_SECONDS = 5
_IPV6_PREFIX = 64


class RateLimitCounter(Base):
    """One counter of one window, where no Redis is set."""

    __tablename__ = "rate_limit_counters"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    hits: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[Instant] = mapped_column(index=True)


_COUNTED = select(RateLimitCounter.key).where(RateLimitCounter.key.in_(bindparam("keys", expanding=True)))
_ONE_LESS = (
    update(RateLimitCounter)
    .where(RateLimitCounter.key.in_(_COUNTED.order_by(RateLimitCounter.key).with_for_update()))
    .where(RateLimitCounter.hits > 0)
    .values(hits=RateLimitCounter.hits - 1)
)


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
            rows = connection.execute(*limit_statements.count_each(ends, looked_at, now=now)).all()
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

    def take_back(self, rules: Sequence[Rule], key: str) -> None:
        """Count one attempt less of one key under several rules; locked in the order in which they are counted."""
        with self._engine.begin() as connection:
            connection.execute(_ONE_LESS, {"keys": [rule.item.key_for(key) for rule in rules]})

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
    """Counts attempts against rules, in the shared storage, or locally and stricter while that is away.

    ``amounts`` are those that are set, by the names of rules, in place of the rules' own."""

    def __init__(self, engine: Engine, redis_url: str = "", amounts: Mapping[str, int] | None = None) -> None:
        self._engine = engine
        self._amounts = amounts or {}
        self._set_rules: dict[Rule, Rule] = {}
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

    def _as_set(self, rule: Rule) -> Rule:
        """The rule with the amount that is set for it; the rule itself when none is."""
        amount = self._amounts.get(rule.name, rule.amount)
        return rule if amount == rule.amount else self._set_rules.setdefault(rule, replace(rule, amount=amount))

    def _run(self, operation: str, rule: Rule, key: str, **options: int) -> Any:
        rule = self._as_set(rule)
        if clock.seconds() >= self._broken_until:
            try:
                return getattr(self._shared, operation)(rule.item, key, **options)
            except StorageError as error:
                self._leave_alone(error.storage_error)
        with self._local_lock:
            return getattr(self._local, operation)(rule.outage_item, key, **options)

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
            named = {self._as_set(rule): rule for rule in (*rules, *(() if within is None else (within[0],)))}
            looked_at = None if watched is None else (self._as_set(watched[0]), watched[1])
            try:
                beyond = storage.hit_all([self._as_set(rule) for rule in rules], key, looked_at)
                return None if beyond is None else named[beyond]
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
                return storage.clear_all([self._as_set(rule) for rule in rules], key)
            except (DBAPIError, PoolTimeoutError) as error:
                self._leave_alone(error)
        for rule in rules:
            self._run("clear", rule, key)
        return None

    def take_back(self, rules: Sequence[Rule], *parts: str) -> None:
        """Count one attempt less, which turned out to be none that is to be limited; those of others stay counted."""
        key = _key(parts)
        if (storage := self._table()) is not None:
            try:
                return storage.take_back([self._as_set(rule) for rule in rules], key)
            except (DBAPIError, PoolTimeoutError) as error:
                self._leave_alone(error)
        for rule in rules:
            self._run("hit", rule, key, cost=-1)
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
