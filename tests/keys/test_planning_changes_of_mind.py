"""What `activate` and `revoke` plan: taking back, calling off, emergencies; E18 as a timeline of keys."""

from datetime import timedelta

import pytest

from oidc_server.keys.lifecycle import SWITCH_DELAY, KeyRecord, State
from oidc_server.keys.planning import KeyNotFound, KeyUnusable
from tests.keys.timeline import ALG, DAY, POLICY, SECOND, T0, Timeline, signing_for_a_day


@pytest.fixture
def ring() -> Timeline:
    return signing_for_a_day()


def test_activating_lets_a_key_sign_in_seconds_and_sends_the_announced_one_back(ring: Timeline) -> None:
    ring.generate()
    ring.generate()
    ring.now += DAY
    ring.records["k2"] = KeyRecord(
        kid="k2", alg=ALG, published_at=ring.now - DAY, activates_at=ring.now + DAY
    )  # fmt: skip
    ring.activate("k3")
    assert ring.signer(SWITCH_DELAY) == "k3"
    assert ring.state("k2") is State.STANDBY
    assert ring.records["k1"].retires_at == ring.now + SWITCH_DELAY


def test_activating_while_a_rotation_is_seconds_away_lets_the_three_follow_each_other(ring: Timeline) -> None:
    ring.generate()
    ring.now += DAY
    ring.generate()
    ring.rotate()
    ring.now += SECOND
    ring.activate("k3")
    chain = [ring.signer(step * SECOND) for step in range(5)]
    assert chain == ["k1", "k1", "k2", "k3", "k3"]


def test_a_retired_key_is_taken_back_while_it_is_published(ring: Timeline) -> None:
    ring.rotate(immediately=True)
    ring.now += timedelta(minutes=1)
    assert ring.state("k1") is State.RETIRED
    ring.activate("k1")
    assert ring.signer(SWITCH_DELAY - SECOND) == "k2"
    assert ring.signer(SWITCH_DELAY) == "k1"
    assert ring.records["k1"].removed_at is None
    assert ring.records["k1"].first_activated_at == T0


def test_a_key_that_was_taken_back_and_displaced_retires_again_instead_of_waiting_for_ever(ring: Timeline) -> None:
    ring.rotate(immediately=True)
    ring.now += timedelta(minutes=1)
    ring.activate("k1")
    ring.activate("k2")  # the signer: calls the return of k1 off
    assert ring.state("k1") is State.RETIRED
    assert ring.records["k1"].removed_at == ring.now + POLICY.linger
    assert ring.signer(DAY) == "k2"


def test_activating_the_signer_calls_its_rotation_off(ring: Timeline) -> None:
    ring.rotate()
    ring.activate("k1")
    assert ring.state("k2") is State.STANDBY
    assert (ring.records["k1"].retires_at, ring.signer(DAY)) == (None, "k1")


def test_a_rotation_cannot_be_called_off_when_not_every_process_would_hear_of_it(ring: Timeline) -> None:
    ring.rotate(immediately=True)
    ring.now += SECOND
    with pytest.raises(KeyUnusable, match="within seconds"):
        ring.activate("k1")


def test_what_signs_already_and_what_signs_sooner_is_left_alone(ring: Timeline) -> None:
    assert ring.activate("k1").changed == ()
    ring.rotate(immediately=True)
    assert ring.activate("k2").changed == ()


def test_a_revoked_a_removed_and_an_unknown_key_cannot_be_activated(ring: Timeline) -> None:
    ring.rotate(immediately=True)
    ring.now += DAY
    ring.revoke("k2")
    with pytest.raises(KeyUnusable, match="revoked"):
        ring.activate("k2")
    with pytest.raises(KeyUnusable, match="no longer published"):
        ring.activate("k1")
    with pytest.raises(KeyNotFound):
        ring.activate("k9")
    with pytest.raises(KeyNotFound):
        ring.revoke("../k1")


def test_a_revoked_signer_is_followed_by_a_new_key_once_every_process_can_know_it(ring: Timeline) -> None:
    """E18"""
    plan = ring.revoke("k1")
    assert ring.state("k1") is State.REVOKED
    assert plan.kid == "k2"
    assert ring.signer(SWITCH_DELAY - SECOND) is None
    assert ring.signer(SWITCH_DELAY) == "k2"
    assert [record.kid for record in plan.changed] == ["k2", "k1"]


def test_a_revoked_signer_is_followed_without_a_gap_by_a_key_that_is_known_already(ring: Timeline) -> None:
    ring.generate()
    ring.now += DAY
    ring.revoke("k1")
    assert ring.signer() == "k2"


def test_a_revoked_signer_is_followed_by_its_announced_successor_early(ring: Timeline) -> None:
    ring.rotate()
    ring.now += SECOND
    ring.revoke("k1")
    assert (ring.made, ring.signer(SWITCH_DELAY - SECOND)) == (2, "k2")


def test_when_the_only_successor_is_revoked_the_rotation_goes_on_with_another_key(ring: Timeline) -> None:
    ring.rotate()
    ring.now += timedelta(minutes=4)
    ring.revoke("k2")
    assert ring.signer(POLICY.announce - SECOND) == "k1"
    assert ring.signer(POLICY.announce) == "k3"
    assert ring.records["k1"].removed_at == ring.now + POLICY.announce + POLICY.linger


def test_when_both_signer_and_successor_are_revoked_a_new_key_follows_in_seconds(ring: Timeline) -> None:
    ring.revoke("k1")
    ring.now += SECOND
    ring.revoke("k2")
    assert ring.signer() is None
    assert ring.signer(SWITCH_DELAY) == "k3"


@pytest.mark.parametrize("kid", ["k1", "k3"])
def test_revoking_a_retired_or_a_waiting_key_leaves_the_signer_alone(ring: Timeline, kid: str) -> None:
    ring.rotate(immediately=True)
    ring.now += timedelta(minutes=1)
    ring.generate()
    plan = ring.revoke(kid)
    assert (plan.kid, [record.kid for record in plan.changed]) == (None, [kid])
    assert (ring.made, ring.signer()) == (3, "k2")


def test_revoking_twice_is_revoking_once(ring: Timeline) -> None:
    ring.revoke("k1")
    ring.now += SECOND
    again = ring.revoke("k1")
    assert (again.changed, ring.made) == ((), 2)
