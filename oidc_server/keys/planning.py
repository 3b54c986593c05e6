"""Every change to a key ring as a pure function: records, the present instant and the policy in, changed records out.

Each plan keeps two promises. The signers of one algorithm form a chain without overlap, and without a gap except after
the revocation of a signer that had no published successor. A key is published long enough before and after it signs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest

from oidc_server.keys.lifecycle import SWITCH_DELAY, KeyRecord, Policy, State, seniority, signer


class NewKeyNeeded(Exception):
    """The plan needs a key that does not exist yet: make one for ``alg`` and plan again, with it as the spare."""

    def __init__(self, alg: str) -> None:
        super().__init__(f"a new key for {alg} is needed")
        self.alg = alg


class KeyNotFound(Exception):
    """No key of the store has this id."""

    def __init__(self, kid: str) -> None:
        super().__init__(f"No key has the id {kid[:64]!r}. `oidc-server keys list` shows the keys.")


class KeyUnusable(Exception):
    """The key exists, but what was asked for cannot be done with it."""


@dataclass(frozen=True)
class Plan:
    """All records as they will be, those that change in the order in which they are to be written, and those that go.

    The order makes every prefix of the writes a sound ring too, because files are not written all at once: a successor
    is scheduled before its predecessor's end is written, and a revocation is written when its successor stands."""

    records: tuple[KeyRecord, ...]
    changed: tuple[KeyRecord, ...]
    deleted: tuple[str, ...] = ()
    kid: str | None = None
    predecessor: str | None = None


class _Draft:
    """The records of a ring while a plan is made."""

    def __init__(self, records: Iterable[KeyRecord], now: datetime, policy: Policy) -> None:
        self.before = {record.kid: record for record in records}
        self.after = dict(self.before)
        self.now = now
        self.policy = policy
        self._settle()

    def find(self, kid: str) -> KeyRecord:
        record = self.after.get(kid)
        if record is None:
            raise KeyNotFound(kid)
        return record

    def put(self, record: KeyRecord) -> KeyRecord:
        self.after[record.kid] = record
        return record

    def signer(self, alg: str) -> KeyRecord | None:
        return signer(self.after.values(), alg, self.now)

    def in_state(self, alg: str, state: State) -> list[KeyRecord]:
        return [r for r in self.after.values() if r.alg == alg and r.state(self.now) is state]

    def announced(self, alg: str) -> KeyRecord | None:
        return min(self.in_state(alg, State.ANNOUNCED), key=seniority, default=None)

    def successor(self, alg: str, spare: KeyRecord | None) -> KeyRecord:
        """The key that is next in line: announced, on standby (the one best known to verifiers), or new."""
        standby = min(self.in_state(alg, State.STANDBY), key=lambda r: (r.published_at, r.kid), default=None)
        found = self.announced(alg) or standby
        if found is not None:
            return found
        if spare is None or spare.alg != alg:
            raise NewKeyNeeded(alg)
        return self.put(spare)

    def earliest(self, record: KeyRecord, *, hurry: bool) -> datetime:
        """When the key may start to sign. In a hurry, it need only have reached every process of this server."""
        signing = self.signer(record.alg) is not None
        # A host whose clock is ahead starts earlier. Where nothing signs, that is better than to wait for it.
        switch = SWITCH_DELAY + self.policy.clock_skew if signing else SWITCH_DELAY
        ready = record.published_at + (switch if hurry else self.policy.announce)
        # All processes must change over at one instant; where nothing signs, there is nothing to change over from.
        return max(ready, self.now + switch if signing else self.now)

    def schedule(self, record: KeyRecord, at: datetime) -> None:
        """Let the key sign from ``at``; others that were to start then or later step back."""
        for other in self.in_state(record.alg, State.ANNOUNCED):
            if other.kid != record.kid and other.activates_at is not None and other.activates_at >= at:
                self.step_back(other)
        retired = record.state(self.now) is State.RETIRED
        first = record.activates_at if retired and record.first_activated_at is None else record.first_activated_at
        self.put(replace(record, activates_at=at, retires_at=None, removed_at=None, first_activated_at=first))

    def step_back(self, record: KeyRecord) -> None:
        """Unschedule: back to standby, or back to retirement if it has signed before."""
        if record.first_activated_at is None:
            self.put(replace(record, activates_at=None, retires_at=None, removed_at=None))
        else:
            end = self.now + self.policy.linger
            first = record.first_activated_at
            self.put(replace(record, activates_at=first, retires_at=self.now, removed_at=end))

    def _settle(self) -> None:
        """Make each algorithm's signers a chain: every key retires at the instant at which the next one starts.

        This also mends what a crash between two files left, and prolongs a retired key's publication when the tokens'
        lifetime was raised."""
        for alg in {record.alg for record in self.after.values()}:
            chain = sorted(self.in_state(alg, State.ACTIVE) + self.in_state(alg, State.ANNOUNCED), key=seniority)
            for record, following in zip_longest(chain, chain[1:]):
                self._retire(record, following.activates_at if following else None)
            for record in self.in_state(alg, State.RETIRED):
                self._retire(record, record.retires_at)

    def _retire(self, record: KeyRecord, end: datetime | None) -> None:
        removed = None if end is None else end + self.policy.linger
        if removed is not None and record.retires_at == end and record.removed_at is not None:
            removed = max(removed, record.removed_at)
        self.put(replace(record, retires_at=end, removed_at=removed))

    def plan(
        self, kid: str | None = None, *, predecessor: KeyRecord | None = None, deleted: Iterable[str] = ()
    ) -> Plan:
        """Settle, and tell what differs from the store."""
        self._settle()
        gone = tuple(deleted)
        records = tuple(record for record in self.after.values() if record.kid not in gone)
        changed = [record for record in records if record != self.before.get(record.kid)]
        changed.sort(key=lambda r: (r.revoked_at is not None, r.retires_at is not None, r.activates_at is None))
        return Plan(records, tuple(changed), gone, kid, predecessor.kid if predecessor else None)


def ensure_first_key(
    records: Iterable[KeyRecord], now: datetime, policy: Policy, alg: str, spare: KeyRecord | None
) -> Plan:
    """See that something signs with ``alg``. The very first key of a store signs at once: no older JWKS is about.

    Where other keys exist, the key first reaches every process, as in a hurried rotation."""
    draft = _Draft(records, now, policy)
    if draft.signer(alg) is not None:
        return draft.plan()
    first_ever = not draft.after
    successor = draft.successor(alg, spare)
    at = now if first_ever else draft.earliest(successor, hurry=True)
    if successor.activates_at is None or successor.activates_at > at:
        draft.schedule(successor, at)
    return draft.plan(successor.kid)


def generate(records: Iterable[KeyRecord], now: datetime, policy: Policy, alg: str, spare: KeyRecord | None) -> Plan:
    """Publish a new key that waits on standby."""
    draft = _Draft(records, now, policy)
    if spare is None:
        raise NewKeyNeeded(alg)
    draft.put(spare)
    return draft.plan(spare.kid)


def rotate(
    records: Iterable[KeyRecord], now: datetime, policy: Policy, alg: str, *, immediately: bool, spare: KeyRecord | None
) -> Plan:
    """Schedule a successor for the signer of ``alg``. A rotation that is announced already is not doubled, but
    ``immediately`` brings it forward."""
    draft = _Draft(records, now, policy)
    current = draft.signer(alg)
    announced = draft.announced(alg)
    if announced is not None and not immediately:
        return draft.plan(announced.kid, predecessor=current)
    successor = draft.successor(alg, spare)
    at = draft.earliest(successor, hurry=immediately)
    if successor.activates_at is None or successor.activates_at > at:
        draft.schedule(successor, at)
    return draft.plan(successor.kid, predecessor=current)


def activate(records: Iterable[KeyRecord], now: datetime, policy: Policy, kid: str) -> Plan:
    """Let this key sign as soon as every process can know of it. A retired key may be taken back while it is published;
    for the signer itself this calls off a planned rotation.

    Raises :class:`KeyNotFound`, and :class:`KeyUnusable` for a revoked or removed key."""
    draft = _Draft(records, now, policy)
    key = draft.find(kid)
    current = draft.signer(key.alg)
    state = key.state(now)
    if state is State.REVOKED:
        raise KeyUnusable(f"The key {kid} was revoked: it will never sign again.")
    if state is State.REMOVED:
        raise KeyUnusable(f"The key {kid} is no longer published: it cannot sign again.")
    if state is State.ACTIVE:
        if key.retires_at is not None and key.retires_at < now + SWITCH_DELAY:
            raise KeyUnusable(f"The key {kid} hands over to its successor within seconds: run this again after that.")
        for other in draft.in_state(key.alg, State.ANNOUNCED):
            draft.step_back(other)
        return draft.plan(kid)
    at = draft.earliest(key, hurry=True)
    if state is not State.ANNOUNCED or key.activates_at is None or key.activates_at > at:
        draft.schedule(key, at)
    return draft.plan(kid, predecessor=current)


def revoke(records: Iterable[KeyRecord], now: datetime, policy: Policy, kid: str, spare: KeyRecord | None) -> Plan:
    """Take the key out of the JWKS at once. When it was the signer, the next in line takes over as soon as every
    process can know of it; when it was the signer's only successor, the rotation goes on with another key, announced as
    usual.

    ``kid`` of the plan is the successor, if one was scheduled. Raises :class:`KeyNotFound`."""
    draft = _Draft(records, now, policy)
    key = draft.find(kid)
    state = key.state(now)
    if state in {State.REVOKED, State.REMOVED}:
        return draft.plan()
    current = draft.signer(key.alg)
    draft.put(replace(key, revoked_at=now))
    if state in {State.STANDBY, State.RETIRED}:
        return draft.plan()
    successor = draft.successor(key.alg, spare)
    if current is None or current.kid == kid:
        at = draft.earliest(successor, hurry=True)
    else:
        at = max(draft.earliest(successor, hurry=False), key.activates_at or now)
    if successor.activates_at is None or successor.activates_at > at:
        draft.schedule(successor, at)
    return draft.plan(successor.kid, predecessor=key)


def prune(records: Iterable[KeyRecord], now: datetime, policy: Policy) -> Plan:
    """Drop keys that were removed, and revoked ones once everything they signed has expired."""
    draft = _Draft(records, now, policy)
    gone = []
    for record in draft.after.values():
        end = record.removed_at if record.revoked_at is None else record.revoked_at + policy.linger
        if end is not None and end <= now:
            gone.append(record.kid)
    return draft.plan(deleted=gone)


def due(records: Iterable[KeyRecord], now: datetime, policy: Policy) -> tuple[str, ...]:
    """The algorithms whose signer is older than the rotation period and has no successor yet."""
    if policy.rotation_period is None:
        return ()
    draft = _Draft(records, now, policy)
    algorithms = sorted({record.alg for record in draft.after.values()})
    old = []
    for alg in algorithms:
        current = draft.signer(alg)
        if current is None or current.activates_at is None or draft.announced(alg) is not None:
            continue
        if current.activates_at + policy.rotation_period <= now:
            old.append(alg)
    return tuple(old)
