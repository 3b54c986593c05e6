"""What ``doctor`` looks at beyond readiness: the key store's content and secrecy, Redis, and the mail server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Connection

from oidc_server.commands.instants import relative, span_in_words
from oidc_server.core.settings import Problem, Settings
from oidc_server.keys.lifecycle import KeyRecord, Policy, State, signer
from oidc_server.keys.store import KeyStore, KeyStoreError, StoredKey
from oidc_server.messages.smtp import connect
from oidc_server.messages.state import count_waiting, is_late

TIMEOUT_SECONDS = 3.0
_WORKER_LATE = timedelta(days=1)
_OLD_WITHOUT_SCHEDULE = timedelta(days=365)


class Status(StrEnum):
    """How a finding is to be taken; only ``failed`` makes the command fail."""

    OK = "ok"
    ADVICE = "advice"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """What one check found, and how to mend it."""

    check: str
    status: Status
    words: str
    mend: str = ""


def setting(problem: Problem, status: Status) -> Finding:
    """A problem of a setting."""
    return Finding("settings", status, f"{problem.variable}: {problem.wrong}.", problem.mend)


def keys(settings: Settings, store: KeyStore, policy: Policy, now: datetime) -> Iterator[Finding]:
    """Whether the store can be read, and what is in it."""
    if settings.key_store == "directory" and _is_missing(settings.key_directory):
        yield Finding(
            "keys", Status.WARNING, f"There is no key directory {settings.key_directory}.",
            "The first start of the server makes it. If it held keys before, see that what holds it is mounted.",
        )  # fmt: skip
        return
    try:
        stored = store.load()
    except KeyStoreError as error:
        words = f"{str(error).rstrip('.')}."
        yield Finding("keys", Status.FAILED, words, "The server does not start, and makes no key, until it is mended.")
        return
    if not stored:
        yield Finding("keys", Status.ADVICE, "The key store is empty.", "The first start of the server makes a key.")
        return
    yield from _signing(stored, settings.signing_alg, policy, now)
    yield from _secrecy(stored, settings)


def _is_missing(path: Path) -> bool:
    try:
        return not path.exists()
    except OSError:  # there may be one: reading it will tell what is wrong
        return False


def _signing(stored: Sequence[StoredKey], alg: str, policy: Policy, now: datetime) -> Iterator[Finding]:
    records = [key.record for key in stored]
    current = signer(records, alg, now)
    if current is None or current.activates_at is None:
        coming = [record for record in records if record.alg == alg and record.state(now) is State.ANNOUNCED]
        starts = min((record.activates_at for record in coming if record.activates_at), default=None)
        mend = f"The next one signs {relative(starts, now)}." if starts else "Run `oidc-server keys rotate --now`."
        yield Finding("keys", Status.FAILED, f"No key signs with {alg}.", mend)
        return
    published = sum(record.is_published(now) for record in records)
    words = f"{current.kid} signs with {alg}; {published} key{'s are' if published != 1 else ' is'} published."
    yield Finding("keys", Status.OK, words)
    yield _rotation(current, current.activates_at, policy, now)


def _rotation(current: KeyRecord, since: datetime, policy: Policy, now: datetime) -> Finding:
    age = now - since
    words = f"The signing key is {span_in_words(age)} old"
    mend = "Let `oidc-server worker` run, or run `oidc-server keys rotate`."
    if policy.rotation_period is None:
        status = Status.ADVICE if age > _OLD_WITHOUT_SCHEDULE else Status.OK
        return Finding(
            "key rotation", status, f"{words}, and no schedule is set.", mend if status is not Status.OK else ""
        )
    period = span_in_words(policy.rotation_period)
    if current.retires_at is None and age > policy.rotation_period + _WORKER_LATE:
        return Finding("key rotation", Status.WARNING, f"{words}, and was to be replaced after {period}.", mend)
    return Finding("key rotation", Status.OK, f"{words}; keys are rotated after {period}.")


def _secrecy(stored: Sequence[StoredKey], settings: Settings) -> Iterator[Finding]:
    if settings.key_store == "directory" and not settings.key_passphrase:
        yield Finding(
            "key secrecy", Status.ADVICE, "The key files are not encrypted: whoever copies one can sign tokens.",
            "Set OIDC_KEY_PASSPHRASE and run `oidc-server keys reseal`.",
        )  # fmt: skip
        return
    old = sum(not key.sealed_currently for key in stored)
    if old:
        yield Finding(
            "key secrecy", Status.WARNING, f"{old} of {len(stored)} keys are not sealed under the current secret.",
            "Run `oidc-server keys reseal`.",
        )  # fmt: skip
        return
    yield Finding("key secrecy", Status.OK, "Every key is sealed under the current secret.")


def redis(settings: Settings) -> Finding:
    """Whether Redis answers in time."""
    if not settings.redis_url:
        return Finding("redis", Status.SKIPPED, "OIDC_REDIS_URL is not set: limits are counted in the database.")
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.exceptions import RedisError
        from redis.retry import Retry
    except ModuleNotFoundError:
        return Finding("redis", Status.FAILED, "Its driver is missing.", "pip install 'oidc-server[redis]'")
    mend = "Check OIDC_REDIS_URL, and that Redis runs. Until then every process counts limits for itself, and stricter."
    try:
        with Redis.from_url(
            settings.redis_url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        ) as client:  # fmt: skip
            memory = client.info("memory")
    except RedisError as error:
        return Finding("redis", Status.FAILED, f"It cannot be used: {error}", mend)
    except ValueError:  # its text would repeat the address, and the password in it
        return Finding("redis", Status.FAILED, "Its address cannot be read.", mend)
    policy = memory.get("maxmemory_policy", "noeviction")
    if memory.get("maxmemory") and policy != "noeviction":
        return Finding(
            "redis", Status.WARNING, f"It drops what it holds when it is full ({policy}): limits on guessing would go.",
            "Set maxmemory-policy to noeviction. When it is full then, processes count for themselves, and stricter.",
        )  # fmt: skip
    return Finding("redis", Status.OK, "It answers.")


def mail(settings: Settings) -> Finding:
    """Whether the mail server greets us and answers (RFC 5321); no mail is sent, and nobody logs in."""
    if not settings.smtp_url:
        words = "OIDC_SMTP_URL is not set: mail waits for three days and is dropped. A development server shows it."
        return Finding("mail", Status.SKIPPED, words)
    mend = "Check OIDC_SMTP_URL, and that the mail server can be reached from here."
    parts = urlsplit(settings.smtp_url)
    try:
        with connect(settings.smtp_url, settings.ca_bundle, TIMEOUT_SECONDS) as server:
            server.ehlo_or_helo_if_needed()
            code, _ = server.noop()
            encrypted = parts.scheme == "smtps" or server.has_extn("starttls")
    except ValueError:
        return Finding("mail", Status.FAILED, "Its port is not a number.", mend)
    except OSError as error:  # one kind of which is smtplib's own
        return Finding("mail", Status.FAILED, f"It cannot be used: {type(error).__name__}: {error}", mend)
    if code != 250:
        return Finding("mail", Status.FAILED, f"It answers, and refuses to work: {code}.", mend)
    if parts.username and not encrypted:
        return Finding(
            "mail", Status.WARNING, "It answers, and offers no TLS: the password would travel in clear. Mail waits.",
            "Use smtps://, or a server that offers STARTTLS.",
        )  # fmt: skip
    return Finding("mail", Status.OK, "It answers.")


def waiting_mail(connection: Connection) -> Iterator[Finding]:
    """Messages that wait for too long; nothing when there are none."""
    if is_late(connection):
        count = sum(count_waiting(connection).values())
        words = f"{count} message{'s wait' if count != 1 else ' waits'}, and not all get out."
        yield Finding(
            "mail", Status.WARNING, words, "See that `oidc-server worker` runs, and that it reaches the mail server."
        )
