"""Several processes over one key store, driven in any order through months; what must hold after every step."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from joserfc import jws

from oidc_server.core import clock
from oidc_server.core.errors import Reason, Unavailable
from oidc_server.keys import service
from oidc_server.keys.lifecycle import NOTICE_BOUND, SWITCH_DELAY, KeyRecord, Policy, State, signer
from oidc_server.keys.planning import KeyUnusable
from oidc_server.keys.ring import KeyRing
from oidc_server.keys.store import Changes, KeyStore, KeyStoreError, StoredKey

ALGORITHMS = ("Ed25519", "ES256")  # quick to make
MOMENTS = (0.25, 0.5, 1, 2, 3)  # seconds, around the bounds within which processes notice things
LEAPS = (10, 60, 330, 400, 1100, 5000, 30 * 86400, 91 * 86400)
PROCESSES = 3

algorithms = st.sampled_from(ALGORITHMS)
numbers = st.integers(0, 5)


@dataclass(frozen=True)
class Copy:
    """A JWKS in the hands of a verifier."""

    fetched_at: datetime
    expires_at: datetime
    kids: frozenset[str]


class FailingStore:
    """A store on which a change breaks off after some writes, as when the power fails."""

    def __init__(self, store: KeyStore, writes: int) -> None:
        self._store = store
        self._left = writes

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    @contextmanager
    def changing(self) -> Iterator[Changes]:
        with self._store.changing() as changes:
            save = changes.save

            def break_off(key: StoredKey) -> None:
                if self._left == 0:
                    raise KeyStoreError("The power failed.")
                self._left -= 1
                save(key)

            changes.save = break_off  # type: ignore[method-assign]
            yield changes


class KeyRingMachine(RuleBasedStateMachine):
    """``open_store`` opens the store as a process does; ``reader`` is the test's own look at it."""

    def __init__(self, reader: KeyStore, open_store: Callable[[], KeyStore], policy: Policy) -> None:
        super().__init__()
        clock.reset()
        self.open_store = open_store
        self.policy = policy
        self.reader = reader
        self.processes: list[KeyRing] = []
        self.kids: list[str] = []
        self.revoked: dict[str, datetime] = {}
        self.expiries: dict[str, datetime] = {}  # of the last token of each key
        self.ends: dict[tuple[str, datetime], datetime] = {}  # since when the end of a key has been written
        self.hurried: set[str] = set()
        self.copies: list[Copy] = []
        self.signing: set[str] = set()  # algorithms that have had a signer
        self.disturbed: dict[str, datetime] = {}  # when an algorithm last had no signer that was planned in time
        self.broken_off = False

    def teardown(self) -> None:
        clock.reset()
        for ring in self.processes:
            ring.close()

    # What people, processes and time do

    @initialize()
    def first_start(self) -> None:
        self.start()

    @precondition(lambda self: len(self.processes) < PROCESSES)
    @rule()
    def start(self) -> None:
        ring = KeyRing(self.open_store(), self.policy, ALGORITHMS[0])
        ring.ensure_first_key()
        self.processes.append(ring)

    @precondition(lambda self: len(self.processes) > 1)
    @rule(number=numbers)
    def stop(self, number: int) -> None:
        self.processes.pop(number % len(self.processes)).close()

    @rule(alg=algorithms)
    def generate(self, alg: str) -> None:
        service.generate(self.reader, self.policy, alg)

    @rule(alg=algorithms, immediately=st.booleans())
    def rotate(self, alg: str, immediately: bool) -> None:
        self.disturb_if_nothing_signs(alg)
        service.rotate(self.reader, self.policy, alg, immediately=immediately)

    @rule(number=numbers)
    def activate(self, number: int) -> None:
        record = self.pick(number)
        if record is not None:
            self.disturb_if_nothing_signs(record.alg)
            with suppress(KeyUnusable):
                service.activate(self.reader, self.policy, record.kid)

    @rule(number=numbers)
    def revoke(self, number: int) -> None:
        record = self.pick(number)
        if record is not None:
            self.disturbed[record.alg] = clock.now()
            service.revoke(self.reader, self.policy, record.kid)

    @rule(number=numbers, writes=st.integers(0, 2), immediately=st.booleans())
    def break_off_a_rotation(self, number: int, writes: int, immediately: bool) -> None:
        alg = ALGORITHMS[number % len(ALGORITHMS)]
        self.disturb_if_nothing_signs(alg)
        self.broken_off = True
        with suppress(KeyStoreError):
            service.rotate(FailingStore(self.reader, writes), self.policy, alg, immediately=immediately)  # type: ignore[arg-type]

    @rule(number=numbers, writes=st.integers(0, 2))
    def break_off_a_revocation(self, number: int, writes: int) -> None:
        record = self.pick(number)
        if record is not None:
            self.disturbed[record.alg] = clock.now()
            self.broken_off = True
            with suppress(KeyStoreError):
                service.revoke(FailingStore(self.reader, writes), self.policy, record.kid)  # type: ignore[arg-type]

    @rule()
    def prune(self) -> None:
        service.prune(self.reader, self.policy)

    @rule()
    def work(self) -> None:
        service.maintain(self.reader, self.policy)

    @rule(seconds=st.sampled_from(MOMENTS))
    def wait_a_moment(self, seconds: float) -> None:
        clock.travel(timedelta(seconds=seconds))

    @rule(seconds=st.sampled_from(LEAPS))
    def wait(self, seconds: float) -> None:
        clock.travel(timedelta(seconds=seconds))

    @rule(number=numbers)
    def fetch(self, number: int) -> None:
        document = self.processes[number % len(self.processes)].jwks()
        now = clock.now()
        kids = frozenset(key["kid"] for key in json.loads(document.body)["keys"])
        self.copies.append(Copy(now, now + timedelta(seconds=document.max_age), kids))

    @rule(number=numbers, alg=algorithms)
    def verify(self, number: int, alg: str) -> None:
        """A token of one process, checked by another."""
        by, at = (self.processes[n % len(self.processes)] for n in (number, number + 1))
        with suppress(Unavailable):
            token = by.sign({"sub": "alice"}, typ="at+jwt", alg=alg)
            kid = json.loads(jws.extract_compact(token.encode()).headers()["kid"].join('""'))
            known = at.verification_key(kid)
            if known is not None or kid not in self.revoked:
                assert known is not None
                jws.deserialize_compact(token, known.key, algorithms=[alg])

    # What is remembered of them

    def records(self) -> dict[str, KeyRecord]:
        found = {key.record.kid: key.record for key in self.reader.load()}
        self.kids.extend(kid for kid in found if kid not in self.kids)
        for record in found.values():
            if record.revoked_at is not None:
                self.revoked.setdefault(record.kid, clock.now())
        return found

    def pick(self, number: int) -> KeyRecord | None:
        """One of the newest keys, by the order of their making."""
        found = self.records()
        newest = [found[kid] for kid in reversed(self.kids) if kid in found]
        return newest[number % len(newest)] if newest else None

    def disturb_if_nothing_signs(self, alg: str) -> None:
        if signer(self.records().values(), alg, clock.now()) is None:
            self.disturbed[alg] = clock.now()

    def undisturbed(self, alg: str, bound: timedelta) -> bool:
        return alg not in self.disturbed or clock.now() >= self.disturbed[alg] + bound

    # What must hold

    @invariant()
    def all_is_well(self) -> None:
        records, now = self.records(), clock.now()
        self.exactly_one_key_signs(records, now)
        self.every_process_signs_with_it(records, now)
        self.every_living_token_verifies(records, now)
        self.what_is_over_is_gone(records, now)
        self.nothing_stays_for_ever(records, now)

    def exactly_one_key_signs(self, records: dict[str, KeyRecord], now: datetime) -> None:
        """I5"""
        for alg in ALGORITHMS:
            active = [r for r in records.values() if r.alg == alg and r.state(now) is State.ACTIVE]
            assert len(active) <= 1 or self.broken_off
            if active:
                self.signing.add(alg)
            elif alg in self.signing:
                assert not self.undisturbed(alg, SWITCH_DELAY), f"nothing signs with {alg}"

    def every_process_signs_with_it(self, records: dict[str, KeyRecord], now: datetime) -> None:
        """I5"""
        for ring in self.processes:
            for alg in sorted(self.signing):
                expected = signer(records.values(), alg, now)
                try:
                    token = ring.sign({}, typ="at+jwt", alg=alg)
                except Unavailable as refusal:
                    assert refusal.reason is Reason.NO_SIGNING_KEY  # noqa: PT017 - whether it is raised is not certain
                    assert expected is None or not self.undisturbed(alg, NOTICE_BOUND)
                    continue
                kid = json.loads(jws.extract_compact(token.encode()).headers()["kid"].join('""'))
                if self.undisturbed(alg, NOTICE_BOUND):
                    assert expected is not None
                    assert kid == expected.kid
                self.remember(records[kid])

    def remember(self, record: KeyRecord) -> None:
        self.expiries[record.kid] = clock.now() + self.policy.token_lifetime
        start = record.first_activated_at or record.activates_at
        if start is None or start < record.published_at + self.policy.announce:
            self.hurried.add(record.kid)

    def every_living_token_verifies(self, records: dict[str, KeyRecord], now: datetime) -> None:
        """E16, I3: by what each process serves, and by every copy of the JWKS that has not expired."""
        self.copies = [copy for copy in self.copies if copy.expires_at > now]
        served = [{k["kid"] for k in json.loads(ring.jwks().body)["keys"]} for ring in self.processes]
        for kid, expires_at in self.expiries.items():
            if expires_at <= now or kid in self.revoked:
                continue
            assert all(kid in kids for kids in served), "a living token's key is not served"
            for copy in self.copies:
                if kid not in copy.kids:
                    # Who was in a hurry relies on verifiers that fetch again on an unknown kid.
                    assert kid in self.hurried, "a living token's key is missing in a copy that has not expired"
                    assert copy.fetched_at < records[kid].published_at + NOTICE_BOUND

    def what_is_over_is_gone(self, records: dict[str, KeyRecord], now: datetime) -> None:
        """E18: a revoked key within the bound, a retired one on time."""
        gone = {kid for kid, noticed_at in self.revoked.items() if noticed_at + NOTICE_BOUND <= now}
        for record in records.values():
            if record.removed_at is not None and record.revoked_at is None:
                known_at = self.ends.setdefault((record.kid, record.removed_at), now)
                if max(record.removed_at, known_at + NOTICE_BOUND) <= now:
                    gone.add(record.kid)
        for ring in self.processes:
            assert not gone & {key["kid"] for key in json.loads(ring.jwks().body)["keys"]}
            assert all(ring.verification_key(kid) is None for kid in gone)

    def nothing_stays_for_ever(self, records: dict[str, KeyRecord], now: datetime) -> None:
        """Of keys that signed, only the signer and what may still be needed is published."""
        for record in records.values():
            if record.state(now) is State.RETIRED and not self.broken_off:
                assert record.removed_at is not None
                assert record.removed_at <= now + self.policy.linger
