"""What the first start, rotations, pruning and the schedule plan: E16, E19, I3 and I5 as a timeline of keys."""

from dataclasses import replace
from datetime import timedelta

import pytest

from oidc_server.keys.lifecycle import SWITCH_DELAY, KeyRecord, Policy
from tests.keys.timeline import ALG, DAY, POLICY, SECOND, T0, Timeline, signing_for_a_day


@pytest.fixture
def ring() -> Timeline:
    return signing_for_a_day()


def test_the_first_key_ever_signs_at_once() -> None:
    timeline = Timeline()
    timeline.ensure()
    assert timeline.records == {"k1": KeyRecord(kid="k1", alg=ALG, published_at=T0, activates_at=T0)}


def test_a_start_beside_a_signer_changes_nothing(ring: Timeline) -> None:
    assert ring.ensure().changed == ()


def test_the_first_key_of_a_further_algorithm_reaches_every_process_before_it_signs(ring: Timeline) -> None:
    ring.ensure("ES256")
    assert ring.signer(SWITCH_DELAY - SECOND, "ES256") is None
    assert ring.signer(SWITCH_DELAY, "ES256") == "k2"
    assert ring.signer() == "k1"


def test_a_start_takes_the_key_that_waits_when_none_signs() -> None:
    timeline = Timeline()
    timeline.generate()
    timeline.now += DAY
    timeline.ensure()
    assert (timeline.made, timeline.signer()) == (1, "k1")


def test_a_start_does_not_delay_a_key_that_was_announced_before_any_signed() -> None:
    timeline = Timeline()
    timeline.rotate()
    timeline.now += SECOND
    timeline.ensure()
    assert timeline.made == 1
    assert timeline.records["k1"].activates_at == T0 + SWITCH_DELAY


def test_a_rotation_announces_for_the_life_of_a_jwks_copy_and_publishes_for_the_life_of_a_token(ring: Timeline) -> None:
    """E16"""
    plan = ring.rotate()
    start = ring.now + POLICY.announce
    assert (plan.kid, plan.predecessor) == ("k2", "k1")
    assert ring.records["k2"].activates_at == start
    assert (ring.records["k1"].retires_at, ring.records["k1"].removed_at) == (start, start + POLICY.linger)
    assert ring.signer(POLICY.announce - SECOND) == "k1"
    assert ring.signer(POLICY.announce) == "k2"


def test_the_successor_is_written_before_its_predecessors_end(ring: Timeline) -> None:
    assert [record.kid for record in ring.rotate().changed] == ["k2", "k1"]


def test_an_announced_rotation_is_not_doubled(ring: Timeline) -> None:
    """E19"""
    ring.rotate()
    ring.now += SECOND
    again = ring.rotate()
    assert (again.kid, again.changed, ring.made) == ("k2", (), 2)


def test_a_rotation_in_a_hurry_waits_only_for_every_process_to_publish(ring: Timeline) -> None:
    ring.rotate(immediately=True)
    assert ring.signer(SWITCH_DELAY - SECOND) == "k1"
    assert ring.signer(SWITCH_DELAY) == "k2"


def test_a_hurry_waits_for_the_host_whose_clock_is_ahead() -> None:
    ahead = timedelta(seconds=5)
    hosts = Timeline(replace(POLICY, clock_skew=ahead))
    hosts.ensure()
    hosts.now += DAY
    hosts.rotate(immediately=True)
    assert hosts.signer(SWITCH_DELAY - SECOND + ahead) == "k1"  # what the host that is ahead sees a second too early
    assert hosts.signer(SWITCH_DELAY + ahead) == "k2"
    hosts.now += DAY
    hosts.revoke("k2")
    assert hosts.signer(SWITCH_DELAY) == "k3"  # nothing signs in between: nobody waits longer than it takes to publish


def test_a_hurry_brings_an_announced_rotation_forward(ring: Timeline) -> None:
    ring.rotate()
    ring.now += timedelta(minutes=1)
    plan = ring.rotate(immediately=True)
    assert {record.kid for record in plan.changed} == {"k1", "k2"}
    assert ring.signer(SWITCH_DELAY) == "k2"
    assert ring.records["k1"].removed_at == ring.now + SWITCH_DELAY + POLICY.linger


def test_a_hurry_does_not_put_off_a_rotation_that_is_seconds_away(ring: Timeline) -> None:
    ring.rotate()
    ring.now += POLICY.announce - SECOND
    assert ring.rotate(immediately=True).changed == ()
    assert ring.signer(SECOND) == "k2"


def test_a_key_on_standby_is_used_and_needs_no_further_announcement(ring: Timeline) -> None:
    ring.generate()
    ring.now += DAY
    plan = ring.rotate()
    assert (plan.kid, ring.made) == ("k2", 2)
    assert ring.signer(SWITCH_DELAY) == "k2"


def test_a_fresh_key_on_standby_is_still_announced_in_full(ring: Timeline) -> None:
    ring.generate()
    ring.now += timedelta(minutes=1)
    ring.rotate()
    assert ring.signer(POLICY.announce - timedelta(seconds=61)) == "k1"
    assert ring.signer(POLICY.announce - timedelta(seconds=60)) == "k2"


def test_of_several_keys_on_standby_the_oldest_is_next(ring: Timeline) -> None:
    ring.generate()
    ring.now += DAY
    ring.generate()
    assert ring.rotate().kid == "k2"


def test_pruning_drops_removed_keys_and_revoked_ones_when_their_last_token_has_expired(ring: Timeline) -> None:
    ring.rotate(immediately=True)
    ring.generate()
    ring.revoke("k3")
    ring.now += POLICY.linger - SECOND
    assert ring.prune().deleted == ()
    ring.now += SECOND
    assert ring.prune().deleted == ("k3",)
    ring.now += SWITCH_DELAY
    assert ring.prune().deleted == ("k1",)
    assert ring.signer() == "k2"


def test_a_rotation_is_due_when_the_signer_is_old_and_has_no_successor(ring: Timeline) -> None:
    assert ring.due() == ()
    ring.now = T0 + 90 * DAY
    assert ring.due() == (ALG,)
    ring.rotate()
    assert ring.due() == ()


def test_every_algorithm_is_due_by_itself(ring: Timeline) -> None:
    ring.now += DAY
    ring.ensure("ES256")
    ring.now = T0 + 90 * DAY
    assert ring.due() == (ALG,)
    ring.now += 3 * DAY
    assert ring.due() == ("ES256", ALG)


def test_without_a_rotation_period_nothing_is_ever_due(ring: Timeline) -> None:
    ring.policy = Policy(jwks_max_age=POLICY.jwks_max_age, token_lifetime=POLICY.token_lifetime)
    ring.now += 10_000 * DAY
    assert ring.due() == ()


def test_a_crash_between_two_files_is_mended_by_the_next_operation(ring: Timeline) -> None:
    """I5: the successor's file was written, the end of its predecessor was not."""
    before = ring.records["k1"]
    ring.rotate(immediately=True)
    ring.records["k1"] = before
    ring.now += DAY
    assert ring.signer() == "k2"
    ring.ensure()
    assert ring.records["k1"].retires_at == ring.records["k2"].activates_at
    assert ring.prune().deleted == ("k1",)


def test_a_raised_token_lifetime_prolongs_the_publication_of_a_retired_key(ring: Timeline) -> None:
    """I3"""
    ring.rotate(immediately=True)
    ring.now += timedelta(minutes=1)
    ring.policy = Policy(jwks_max_age=POLICY.jwks_max_age, token_lifetime=timedelta(hours=2))
    ring.ensure()
    retired = ring.records["k1"].retires_at
    assert retired is not None
    assert ring.records["k1"].removed_at == retired + ring.policy.linger


def test_a_lowered_token_lifetime_shortens_no_publication_that_was_planned(ring: Timeline) -> None:
    """I3"""
    ring.rotate(immediately=True)
    planned = ring.records["k1"].removed_at
    ring.policy = Policy(jwks_max_age=POLICY.jwks_max_age, token_lifetime=timedelta(minutes=1))
    ring.ensure()
    assert ring.records["k1"].removed_at == planned
