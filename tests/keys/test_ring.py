"""The key ring as the hot path meets it: signing, verification keys, the JWKS, and how rarely it reads its store."""

import hmac
import json
import threading
from collections.abc import Callable
from datetime import timedelta

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from joserfc import jws
from joserfc.errors import JoseError

from oidc_server.core import clock
from oidc_server.core.crypto import from_urlsafe, urlsafe
from oidc_server.core.errors import Reason, Unavailable
from oidc_server.core.memory import Document
from oidc_server.keys import service
from oidc_server.keys.lifecycle import NOTICE_BOUND, SWITCH_DELAY, Policy
from oidc_server.keys.material import new_key
from oidc_server.keys.ring import KeyRing
from oidc_server.keys.store import KeyStore
from oidc_server.keys.view import Signer
from tests.keys.counting_store import CountingStore

SECOND = timedelta(seconds=1)


def kids(document: Document) -> list[str]:
    return [key["kid"] for key in json.loads(document.body)["keys"]]


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_a_token_verifies_by_the_jwks_with_an_independent_library(ring: KeyRing) -> None:
    token = ring.sign({"sub": "alice", "exp": clock.timestamp() + 900}, typ="at+jwt")
    jwks = jwt.PyJWKSet.from_json(ring.jwks().body.decode())
    assert jwt.decode(token, jwks[kid_of(token)], algorithms=["ES256"])["sub"] == "alice"
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"


def test_the_jwks_holds_public_members_only_and_no_kid_twice(ring: KeyRing) -> None:
    """E15"""
    for alg in ("RS256", "PS256", "ES256", "Ed25519"):
        service.generate(ring.store, ring.policy, alg)
    clock.travel(NOTICE_BOUND)
    keys = json.loads(ring.jwks().body)["keys"]
    assert len({key["kid"] for key in keys}) == len(keys) == 5
    allowed = {"kty", "kid", "alg", "use", "n", "e", "crv", "x", "y"}
    assert all({"kty", "kid", "alg", "use"} <= key.keys() <= allowed for key in keys)


def test_every_process_serves_the_same_bytes_under_the_same_etag(open_ring: Callable[[], KeyRing]) -> None:
    first, second = open_ring(), open_ring()
    first.ensure_first_key()
    service.generate(first.store, first.policy, "Ed25519")
    clock.travel(NOTICE_BOUND)
    assert first.jwks() == second.jwks()
    before = first.jwks().etag
    service.generate(first.store, first.policy, "Ed25519")
    clock.travel(NOTICE_BOUND)
    assert first.jwks().etag != before


def test_the_jwks_is_built_once_per_change(ring: KeyRing) -> None:
    clock.travel(NOTICE_BOUND)
    assert ring.jwks() is ring.jwks()


def test_a_retired_key_leaves_the_jwks_on_time_without_any_event(open_ring: Callable[[], KeyRing]) -> None:
    """I5: what is served from memory ends at the next instant at which any key changes its state."""
    ring = open_ring()
    ring.ensure_first_key()
    old = kid_of(ring.sign({}, typ="at+jwt"))
    service.rotate(ring.store, ring.policy, "ES256", immediately=True)
    clock.travel(SWITCH_DELAY)
    new = kid_of(ring.sign({}, typ="at+jwt"))
    removal = next(k.record.removed_at for k in ring.store.load() if k.record.kid == old)
    assert removal is not None
    clock.travel(removal - clock.now() - SECOND)
    assert set(kids(ring.jwks())) == {old, new}
    # From here on the store is not read again: the clock alone takes the key away.
    ring._next_look = float("inf")
    clock.travel(SECOND)
    assert kids(ring.jwks()) == [new]
    assert ring.verification_key(old) is None


@pytest.mark.parametrize(
    "kid",
    ["", "unknown", "../keys/a", "' OR 1=1 --", "\x00", "\ud800", "k" * 1_000_000, 7, None, 1.5, ["a"], {"a": 1}, True],
    ids=lambda kid: repr(kid)[:16],
)
def test_no_kid_but_a_published_one_finds_a_key(ring: KeyRing, kid: object) -> None:
    """E04"""
    assert ring.verification_key(kid) is None


def test_unknown_kids_cause_no_reads(open_store: Callable[[], KeyStore], policy: Policy) -> None:
    """E14, X26: at most one look at the store per process and second, however many ask."""
    store = CountingStore(open_store())
    ring = KeyRing(store, policy, "ES256")
    ring.ensure_first_key()
    clock.travel(NOTICE_BOUND)
    store.looks = store.loads = 0
    threads = [
        threading.Thread(target=lambda: [(ring.verification_key(str(n)), ring.jwks()) for n in range(50)])
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (store.looks, store.loads) == (1, 0)


def test_the_public_key_as_a_secret_forges_nothing(ring: KeyRing) -> None:
    """E02: a verification key says the one algorithm that it is for."""
    kid = kid_of(ring.sign({}, typ="at+jwt"))
    known = ring.verification_key(kid)
    assert known is not None
    pem = known.key.as_pem(private=False)
    for secret in (pem, b" " + pem, known.key.as_der(private=False), json.dumps(known.key.as_dict()).encode()):
        header = json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": kid}).encode()
        signing_input = f"{urlsafe(header)}.{urlsafe(b'{}')}"
        mac = hmac.digest(secret, signing_input.encode(), "sha256")
        with pytest.raises(InvalidSignature):
            known.check(mac, signing_input.encode())
        with pytest.raises(JoseError):
            jws.deserialize_compact(f"{signing_input}.{urlsafe(mac)}", known.key, algorithms=[known.alg])


def test_another_key_or_algorithm_under_our_kid_verifies_nothing(ring: KeyRing) -> None:
    """E03, E05: neither the header's alg nor a key inside the header counts."""
    kid = kid_of(ring.sign({}, typ="at+jwt"))
    known = ring.verification_key(kid)
    assert known is not None
    for alg in ("RS256", "PS256", "ES256", "Ed25519"):
        attacker = new_key(alg)
        header = {"alg": alg, "kid": kid, "jwk": attacker.public_jwk}
        forged = jws.serialize_compact(
            header, b"{}", type(attacker.public_key).import_key(attacker.pem()), algorithms=[alg]
        )
        signing_input, _, signature = forged.rpartition(".")
        with pytest.raises(InvalidSignature):
            known.check(from_urlsafe(signature), signing_input.encode())
        with pytest.raises(JoseError):
            jws.deserialize_compact(forged, known.key, algorithms=[known.alg])


def test_an_algorithm_without_a_key_is_refused_and_not_advertised(ring: KeyRing) -> None:
    with pytest.raises(Unavailable) as refusal:
        ring.sign({}, typ="JWT", alg="RS256")
    assert (refusal.value.reason, refusal.value.retry_after) == (Reason.NO_SIGNING_KEY, 3)
    assert ring.signing_algorithms() == ("ES256",)


def test_keys_of_several_algorithms_sign_side_by_side(ring: KeyRing) -> None:
    for alg in ("PS256", "Ed25519"):
        service.rotate(ring.store, ring.policy, alg)
    clock.travel(NOTICE_BOUND)
    assert ring.signing_algorithms() == ("ES256",)
    clock.travel(ring.policy.announce)
    assert ring.signing_algorithms() == ("ES256", "Ed25519", "PS256")
    for alg in ("ES256", "Ed25519", "PS256"):
        assert jwt.get_unverified_header(ring.sign({}, typ="JWT", alg=alg))["alg"] == alg


def test_after_an_emergency_revocation_signing_waits_for_the_new_key(ring: KeyRing) -> None:
    """E18"""
    token = ring.sign({}, typ="at+jwt")
    service.revoke(ring.store, ring.policy, kid_of(token))
    clock.travel(NOTICE_BOUND)
    assert ring.verification_key(kid_of(token)) is None
    with pytest.raises(Unavailable) as refusal:
        ring.sign({}, typ="at+jwt")
    assert (refusal.value.reason, refusal.value.retry_after) == (Reason.NO_SIGNING_KEY, 3)
    with pytest.raises(Unavailable):
        ring.check()
    assert ring.signing_algorithms() == ("ES256",)  # discovery does not flicker
    clock.travel(SECOND)
    assert kid_of(ring.sign({}, typ="at+jwt")) in kids(ring.jwks())
    ring.check()


def test_a_change_is_noticed_within_the_bound_by_a_process_that_was_idle(open_ring: Callable[[], KeyRing]) -> None:
    """E18: the first request after a quiet hour must not be answered from memory, in whichever thread it comes."""
    idle, other = open_ring(), open_ring()
    idle.ensure_first_key()
    old = kid_of(idle.sign({}, typ="at+jwt"))
    service.revoke(other.store, other.policy, old)
    clock.travel(timedelta(hours=1))
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(idle.verification_key(old))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [None] * 8


def test_a_clock_that_is_set_back_changes_the_view_back(ring: KeyRing) -> None:
    old = kid_of(ring.sign({}, typ="at+jwt"))
    service.rotate(ring.store, ring.policy, "ES256", immediately=True)
    clock.travel(SWITCH_DELAY)
    assert kid_of(ring.sign({}, typ="at+jwt")) != old
    clock.travel(-SECOND)
    assert kid_of(ring.sign({}, typ="at+jwt")) == old


def test_a_signer_caches_its_headers_by_type() -> None:
    signer = Signer(new_key("Ed25519"))
    types = [jwt.get_unverified_header(signer.compact({}, typ))["typ"] for typ in ("at+jwt", "JWT", "at+jwt")]
    assert types == ["at+jwt", "JWT", "at+jwt"]
