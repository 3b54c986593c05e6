"""What is done to a key ring, by the CLI, the worker and the start of a server; each takes the store's lock.

Not to be called inside an open transaction that writes: the database store opens one of its own."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor
from oidc_server.audit.service import record as record_event
from oidc_server.core import clock
from oidc_server.keys import planning, words
from oidc_server.keys.lifecycle import INSTANTS, KeyRecord, Policy, State, signer, signing_interval
from oidc_server.keys.material import KeyMaterial, new_key
from oidc_server.keys.planning import KeyNotFound, NewKeyNeeded, Plan
from oidc_server.keys.store import KeyStore, KeyStoreError, StoredKey
from oidc_server.keys.view import jwks_document, published

Planner = Callable[[Sequence[KeyRecord], datetime, KeyRecord | None], Plan]


class Operation(StrEnum):
    """What was done."""

    FIRST_KEY = "first_key"
    GENERATE = "generate"
    ROTATE = "rotate"
    ACTIVATE = "activate"
    REVOKE = "revoke"
    PRUNE = "prune"
    EXPORT = "export"
    RESEAL = "reseal"


_EVENTS = {
    Operation.FIRST_KEY: Event.KEY_GENERATED,
    Operation.GENERATE: Event.KEY_GENERATED,
    Operation.ROTATE: Event.KEY_ROTATED,
    Operation.ACTIVATE: Event.KEY_ACTIVATED,
    Operation.REVOKE: Event.KEY_REVOKED,
    Operation.PRUNE: Event.KEY_PRUNED,
    Operation.EXPORT: Event.KEY_EXPORTED,
    Operation.RESEAL: Event.KEY_RESEALED,
}


@dataclass(frozen=True)
class Outcome:
    """What an operation did: the keys it was about, all keys as they are now, and plain words on what comes next.

    ``touched`` are the ids of the keys for the audit; empty when nothing was changed. ``signed`` is, after a
    revocation, the interval in which the key may have signed tokens that have not expired."""

    operation: Operation
    at: datetime
    keys: tuple[KeyRecord, ...]
    touched: tuple[str, ...]
    words: str
    signed: tuple[datetime, datetime] | None = None

    @property
    def changed(self) -> bool:
        """Whether anything was changed."""
        return bool(self.touched)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "operation": self.operation.value,
            "changed": self.changed,
            "kids": list(self.touched),
            "words": self.words,
            "keys": [describe(record, self.keys, self.at) for record in self.keys],
        }


def describe(record: KeyRecord, records: Sequence[KeyRecord], now: datetime) -> dict[str, Any]:
    """A key for ``--json``: instants in ISO 8601, its state, whether it signs, and what comes next in words."""
    current = signer(records, record.alg, now)
    return {
        "kid": record.kid,
        "alg": record.alg,
        "state": record.state(now).value,
        "signs": current is not None and current.kid == record.kid,
        **{name: _iso(getattr(record, name)) for name in INSTANTS},
        "words": words.state(record, now),
    }


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")


def _carry_out(
    store: KeyStore, policy: Policy, planner: Planner, rsa_key_size: int | None = None
) -> tuple[Plan, datetime]:
    """Plan and write under the lock. A key is made outside of it, so that nobody waits for prime numbers."""
    spare: KeyMaterial | None = None
    while True:
        try:
            with store.changing() as changes:
                now = clock.now()
                stored = changes.load()
                materials = {key.record.kid: key.material for key in stored}
                offered = None
                if spare is not None:
                    materials[spare.kid] = spare
                    offered = KeyRecord(kid=spare.kid, alg=spare.alg, published_at=now)
                plan = planner([key.record for key in stored], now, offered)
                for record in plan.changed:
                    changes.save(StoredKey(record, materials[record.kid]))
                for kid in plan.deleted:
                    changes.delete(kid)
                return plan, now
        except NewKeyNeeded as needed:
            spare = new_key(needed.alg, rsa_key_size or policy.rsa_key_size)


def _outcome(operation: Operation, plan: Plan, now: datetime, text: str, about: str | None = None) -> Outcome:
    about = plan.kid if about is None else about
    touched = tuple(record.kid for record in plan.changed if record.kid == about)
    return Outcome(operation, now, tuple(sorted(plan.records, key=_age)), touched, text)


def _age(record: KeyRecord) -> tuple[datetime, str]:
    return (record.published_at, record.kid)


def ensure_first_key(store: KeyStore, policy: Policy, alg: str) -> Outcome:
    """At the start of a server: see that a key signs with ``alg``, or soon will.

    When one does, nothing is written, so that a server also starts beside a store that it can only read."""

    def plan(records: Sequence[KeyRecord], now: datetime, spare: KeyRecord | None) -> Plan:
        return planning.ensure_first_key(records, now, policy, alg, spare)

    # What cannot be read here is met again under the lock, where the folder is made and nobody is half-way.
    with suppress(KeyStoreError, NewKeyNeeded):
        made, now = plan([key.record for key in store.load()], clock.now(), None), clock.now()
        if not made.changed:
            return _outcome(Operation.FIRST_KEY, made, now, words.first(made, now))
    made, now = _carry_out(store, policy, plan)
    return _outcome(Operation.FIRST_KEY, made, now, words.first(made, now))


def generate(store: KeyStore, policy: Policy, alg: str, rsa_key_size: int | None = None) -> Outcome:
    """Make a key and publish it on standby; ``rsa_key_size`` in bits, by default the policy's."""

    def plan(records: Sequence[KeyRecord], now: datetime, spare: KeyRecord | None) -> Plan:
        return planning.generate(records, now, policy, alg, spare)

    made, now = _carry_out(store, policy, plan, rsa_key_size)
    return _outcome(Operation.GENERATE, made, now, words.generated(made, now, policy))


def rotate(store: KeyStore, policy: Policy, alg: str, *, immediately: bool = False) -> Outcome:
    """Announce a successor for the signer of ``alg``; ``immediately`` for a hurry. One that is announced already is not
    doubled, however many do this at once."""

    def plan(records: Sequence[KeyRecord], now: datetime, spare: KeyRecord | None) -> Plan:
        return planning.rotate(records, now, policy, alg, immediately=immediately, spare=spare)

    made, now = _carry_out(store, policy, plan)
    return _outcome(Operation.ROTATE, made, now, words.scheduled(made, now))


def maintain(store: KeyStore, policy: Policy) -> tuple[Outcome, ...]:
    """For the worker: rotate where the signer is older than the rotation period, and prune when there is something to.

    The lock is taken only when something is due."""
    records = [key.record for key in store.load()]
    now = clock.now()
    outcomes = [rotate(store, policy, alg) for alg in planning.due(records, now, policy)]
    if planning.prune(records, now, policy).deleted:
        outcomes.append(prune(store, policy))
    return tuple(outcome for outcome in outcomes if outcome.changed)


def activate(store: KeyStore, policy: Policy, kid: str) -> Outcome:
    """Let the key sign as soon as every process can know of it.

    Raises :class:`~oidc_server.keys.planning.KeyNotFound`, :class:`~oidc_server.keys.planning.KeyUnusable`."""

    def plan(records: Sequence[KeyRecord], now: datetime, _spare: KeyRecord | None) -> Plan:
        return planning.activate(records, now, policy, kid)

    made, now = _carry_out(store, policy, plan)
    key = next(record for record in made.records if record.kid == kid)
    text = words.kept(made, now) if key.state(now) is State.ACTIVE else words.scheduled(made, now)
    return _outcome(Operation.ACTIVATE, made, now, text)


def revoke(store: KeyStore, policy: Policy, kid: str) -> Outcome:
    """Take a key out of the JWKS at once; see that something signs.

    Raises :class:`~oidc_server.keys.planning.KeyNotFound`."""

    def plan(records: Sequence[KeyRecord], now: datetime, spare: KeyRecord | None) -> Plan:
        return planning.revoke(records, now, policy, kid, spare)

    made, now = _carry_out(store, policy, plan)
    key = next(record for record in made.records if record.kid == kid)
    outcome = _outcome(Operation.REVOKE, made, now, words.revoked(made, kid, now), about=kid)
    signed = signing_interval(key, now, policy) if outcome.changed else None
    return Outcome(outcome.operation, now, outcome.keys, outcome.touched, outcome.words, signed)


def prune(store: KeyStore, policy: Policy) -> Outcome:
    """Delete keys that nothing needs any more, and files that an interrupted write left."""

    def plan(records: Sequence[KeyRecord], now: datetime, _spare: KeyRecord | None) -> Plan:
        return planning.prune(records, now, policy)

    made, now = _carry_out(store, policy, plan)
    with store.changing() as changes:
        swept = changes.sweep()
    outcome = _outcome(Operation.PRUNE, made, now, words.pruned(made, swept))
    return Outcome(outcome.operation, now, outcome.keys, made.deleted, outcome.words)


def reseal(store: KeyStore) -> Outcome:
    """Seal every key anew that is not sealed under the current master key or passphrase."""
    with store.changing() as changes:
        stored = changes.load()
        old = [key for key in stored if not key.sealed_currently]
        for key in old:
            changes.save(key)
    touched = tuple(key.record.kid for key in old)
    records = tuple(sorted((key.record for key in stored), key=_age))
    return Outcome(Operation.RESEAL, clock.now(), records, touched, words.resealed(len(old)))


def listing(store: KeyStore) -> tuple[tuple[StoredKey, ...], datetime]:
    """Every key, oldest first, and the instant for which its state is told."""
    return tuple(sorted(store.load(), key=lambda key: _age(key.record))), clock.now()


def public_jwks(store: KeyStore) -> dict[str, Any]:
    """The JWKS as it is served now."""
    document = jwks_document((key.material for key in published(store.load(), clock.now())), 0)
    jwks: dict[str, Any] = orjson.loads(document.body)
    return jwks


def export_private(store: KeyStore, kid: str) -> tuple[Outcome, bytes]:
    """The private key as PEM in clear, and what the audit must say of it. Raises
    :class:`~oidc_server.keys.planning.KeyNotFound`."""
    stored = store.load()
    key = next((key for key in stored if key.record.kid == kid), None)
    if key is None:
        raise KeyNotFound(kid)
    text = f"The private key {kid} was written out."
    outcome = Outcome(Operation.EXPORT, clock.now(), tuple(k.record for k in stored), (kid,), text)
    return outcome, key.material.pem()


def record(session: Session, outcome: Outcome, actor: Actor) -> None:
    """Write what happened into the audit; nothing when nothing was changed."""
    for kid in outcome.touched:
        record_event(
            session, _EVENTS[outcome.operation], actor=actor, subject=kid, detail={"words": outcome.words}
        )  # fmt: skip
