"""While its store cannot be read, a process goes on with what it knows, for as long as that is safe."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta

import jwt
import pytest
from structlog.testing import capture_logs

from oidc_server.core import clock
from oidc_server.core.errors import Reason, Unavailable
from oidc_server.core.metrics import KEY_STORE_FAILURES
from oidc_server.keys import service
from oidc_server.keys.lifecycle import STALENESS_LIMIT, SWITCH_DELAY, Policy
from oidc_server.keys.ring import KeyRing
from oidc_server.keys.store import KeyStore, KeyStoreError
from tests.keys.counting_store import CountingStore

SECOND = timedelta(seconds=1)


@pytest.fixture
def store_kind() -> str:
    """What fails is in front of the store, so one kind is enough."""
    return "directory"


@pytest.fixture
def store(open_store: Callable[[], KeyStore]) -> CountingStore:
    return CountingStore(open_store())


@pytest.fixture
def ring(store: CountingStore, policy: Policy) -> KeyRing:
    ring = KeyRing(store, policy, "ES256")
    ring.ensure_first_key()
    return ring


def failures() -> float:
    return next(s.value for m in KEY_STORE_FAILURES.collect() for s in m.samples if s.name.endswith("_total"))


def use(ring: KeyRing) -> None:
    """Use the ring, and wait for the look that this began: after a failure the ring does not wait long for the next."""
    ring.jwks()
    for thread in threading.enumerate():
        if thread.name == "key-store-look":
            thread.join(30)


def test_signing_goes_on_for_the_staleness_limit_and_then_stops(ring: KeyRing, store: CountingStore) -> None:
    store.failing = True
    clock.travel(STALENESS_LIMIT)
    assert ring.sign({}, typ="at+jwt")
    clock.travel(SECOND)
    with pytest.raises(Unavailable) as refusal:
        ring.sign({}, typ="at+jwt")
    assert (refusal.value.reason, refusal.value.retry_after) == (Reason.KEY_STORE_UNREADABLE, 3)
    assert refusal.value.detail == "The disk is gone."


def test_the_jwks_is_served_throughout_but_its_copies_do_not_outlive_what_it_may_miss(
    ring: KeyRing, store: CountingStore
) -> None:
    """I3: a key that was announced meanwhile may sign when the last copy made now has expired."""
    fresh = ring.jwks()
    store.failing = True
    clock.travel(timedelta(seconds=100))
    assert (ring.jwks().body, ring.jwks().etag, ring.jwks().max_age) == (fresh.body, fresh.etag, 200)
    clock.travel(timedelta(days=1))
    assert (ring.jwks().body, ring.jwks().max_age) == (fresh.body, 0)


def test_verification_goes_on(ring: KeyRing, store: CountingStore) -> None:
    kid = jwt.get_unverified_header(ring.sign({}, typ="at+jwt"))["kid"]
    store.failing = True
    clock.travel(timedelta(days=1))
    assert ring.verification_key(kid) is not None


def test_a_planned_rotation_takes_place_all_the_same(ring: KeyRing, store: CountingStore) -> None:
    old = jwt.get_unverified_header(ring.sign({}, typ="at+jwt"))["kid"]
    service.rotate(store, ring.policy, "ES256", immediately=True)
    clock.travel(SWITCH_DELAY - SECOND)
    ring.jwks()
    store.failing = True
    clock.travel(2 * SECOND)
    assert jwt.get_unverified_header(ring.sign({}, typ="at+jwt"))["kid"] != old


def test_it_is_not_ready_as_soon_as_a_look_fails_and_ready_again_after_one_that_succeeds(
    ring: KeyRing, store: CountingStore
) -> None:
    ring.check()
    store.failing = True
    clock.travel(SECOND)
    with pytest.raises(Unavailable) as refusal:
        ring.check()
    assert refusal.value.reason is Reason.KEY_STORE_UNREADABLE
    store.failing = False
    clock.travel(SECOND)
    use(ring)
    ring.check()


def test_every_failed_look_is_counted_and_the_first_one_logged(ring: KeyRing, store: CountingStore) -> None:
    before = failures()
    store.failing = True
    store.looks = 0
    began = clock.monotonic()
    with capture_logs() as logs:
        for _ in range(30):
            clock.travel(SECOND / 10)
            use(ring)
        assert 3 <= store.looks <= clock.monotonic() - began  # retried after a second, not before
        assert store.looks == failures() - before
        store.failing = False
        clock.travel(SECOND)
        use(ring)
    assert [(entry["event"], entry.get("problem")) for entry in logs] == [
        ("key_store_unreadable", "The disk is gone."),
        ("key_store_readable_again", None),
    ]


def test_a_store_that_lost_its_keys_is_a_failure_and_not_an_empty_jwks(
    open_store: Callable[[], KeyStore], ring: KeyRing
) -> None:
    """I3: an unmounted disk leaves an empty folder."""
    with open_store().changing() as changes:
        for key in changes.load():
            changes.delete(key.record.kid)
    clock.travel(SECOND)
    assert len(json.loads(ring.jwks().body)["keys"]) == 1
    assert ring.sign({}, typ="at+jwt")
    with pytest.raises(Unavailable, match="is empty, although it held keys"):
        ring.check()


def test_before_the_first_look_nothing_is_served(store: CountingStore, policy: Policy) -> None:
    store.failing = True
    ring = KeyRing(store, policy, "ES256")
    for call in (ring.jwks, ring.check, lambda: ring.sign({}, typ="at+jwt")):
        with pytest.raises(Unavailable) as refusal:
            call()
        assert refusal.value.reason is Reason.KEY_STORE_UNREADABLE
    with pytest.raises(KeyStoreError):
        ring.ensure_first_key()


def test_a_slow_look_holds_up_one_request_and_not_the_others(ring: KeyRing, store: CountingStore) -> None:
    """X13: while one thread waits for the store, others answer from memory."""
    started, may_end = threading.Event(), threading.Event()
    look = store.fingerprint

    def slow() -> object:
        started.set()
        may_end.wait(10)
        return look()

    store.fingerprint = slow  # type: ignore[method-assign]
    clock.travel(SECOND)
    slow_request = threading.Thread(target=ring.jwks)
    slow_request.start()
    assert started.wait(10)
    assert ring.sign({}, typ="at+jwt")  # would hang here otherwise
    may_end.set()
    slow_request.join()
