"""The state of a key is a function of its instants and the clock."""

from datetime import UTC, datetime, timedelta

import pytest

from oidc_server.keys.lifecycle import (
    NOTICE_BOUND,
    STALENESS_LIMIT,
    SWITCH_DELAY,
    KeyRecord,
    Policy,
    State,
    next_change,
    signer,
    signing_interval,
)
from oidc_server.keys.ring import LOOK_INTERVAL

T0 = datetime(2030, 1, 1, 12, tzinfo=UTC)
POLICY = Policy(jwks_max_age=timedelta(minutes=5), token_lifetime=timedelta(minutes=15))


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def key(
    *course: float | None, kid: str = "a", alg: str = "RS256", revoked: float | None = None, first: float | None = None
) -> KeyRecord:
    """A key published at minute 0, with the minutes at which it activates, retires and is removed."""
    activates, retires, removed = [None if m is None else at(m) for m in (*course, None, None, None)[:3]]
    return KeyRecord(
        kid=kid, alg=alg, published_at=T0, activates_at=activates, retires_at=retires, removed_at=removed,
        revoked_at=None if revoked is None else at(revoked), first_activated_at=None if first is None else at(first),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("record", "minute", "state"),
    [
        (key(), -1, State.STANDBY),  # another host's clock is behind: published is published
        (key(), 0, State.STANDBY),
        (key(), 1e6, State.STANDBY),
        (key(6), 5.999, State.ANNOUNCED),
        (key(6), 6, State.ACTIVE),
        (key(6), 1e6, State.ACTIVE),
        (key(6, 10, 26), 9.999, State.ACTIVE),
        (key(6, 10, 26), 10, State.RETIRED),
        (key(6, 10, 26), 25.999, State.RETIRED),
        (key(6, 10, 26), 26, State.REMOVED),
        (key(6, 10), 1e6, State.RETIRED),
        (key(6, 10, 26, revoked=7), 6.5, State.REVOKED),  # revoked by a host whose clock is ahead
        (key(6, 10, 26, revoked=7), 8, State.REVOKED),
        (key(6, 10, 26, revoked=7), 1e6, State.REVOKED),
        (key(6, 6, 6), 6, State.REMOVED),
    ],
)
def test_a_state_follows_from_instants_and_clock(record: KeyRecord, minute: float, state: State) -> None:
    assert record.state(at(minute)) is state
    assert record.is_published(at(minute)) is (state not in {State.REMOVED, State.REVOKED})


@pytest.mark.parametrize("course", [(-1,), (6, 5), (6, 7, 6.5), (None, 7), (6, None, 7), (None, None, 7)])
def test_instants_out_of_order_are_refused(course: tuple[float | None, ...]) -> None:
    with pytest.raises(ValueError, match="out of order"):
        key(*course)


def test_the_newest_active_key_of_an_algorithm_signs() -> None:
    records = [key(1, kid="a"), key(2, kid="b"), key(9, kid="c"), key(3, kid="d", alg="ES256"), key(kid="e")]
    assert signer(records, "RS256", at(5)) == records[1]
    assert signer(records, "ES256", at(5)) == records[3]
    assert signer(records, "PS256", at(5)) is None
    assert signer(records, "RS256", at(0)) is None


def test_every_process_picks_the_same_of_two_keys_that_activate_together() -> None:
    pair = [key(1, kid="a"), key(1, kid="b")]
    assert signer(pair, "RS256", at(5)) == signer(pair[::-1], "RS256", at(5)) == pair[1]


def test_the_next_change_is_the_nearest_instant_ahead_of_any_key_that_still_counts() -> None:
    records = [key(6, 10, 26), key(8, kid="b"), key(7, kid="c", revoked=1)]
    assert [next_change(records, at(m)) for m in (0, 6, 8, 10, 26)] == [at(6), at(8), at(10), at(26), None]


@pytest.mark.parametrize(
    ("record", "interval"),
    [
        (key(), None),
        (key(70), None),
        (key(50), (at(50), at(60))),
        (key(1), (at(45), at(60))),  # older tokens have expired
        (key(1, 50, 70), (at(45), at(50) + STALENESS_LIMIT)),
        (key(1, 59.5, 80), (at(45), at(60))),
        (key(1, 30, 50), None),
        (key(61, first=1), (at(45), at(60))),  # taken back: it has signed before
    ],
)
def test_the_interval_in_which_a_key_may_have_signed_living_tokens(
    record: KeyRecord, interval: tuple[datetime, datetime] | None
) -> None:
    assert signing_interval(record, at(60), POLICY) == interval


def test_no_key_signs_before_every_process_has_had_two_looks() -> None:
    assert timedelta(seconds=2) >= NOTICE_BOUND >= timedelta(seconds=2 * LOOK_INTERVAL)
    assert SWITCH_DELAY > NOTICE_BOUND
    assert POLICY.announce > POLICY.jwks_max_age + SWITCH_DELAY


def test_announcing_and_lingering_outlast_every_copy_and_every_token() -> None:
    assert POLICY.announce > POLICY.jwks_max_age
    assert POLICY.linger > POLICY.token_lifetime + STALENESS_LIMIT
