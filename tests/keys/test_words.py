"""Plain words with times: UTC, the next full minute, the date when it is another day."""

from datetime import UTC, datetime, timedelta

import pytest

from oidc_server.keys import planning, words
from oidc_server.keys.lifecycle import KeyRecord, Policy

NOW = datetime(2030, 1, 1, 13, 59, 30, tzinfo=UTC)
POLICY = Policy(jwks_max_age=timedelta(minutes=5), token_lifetime=timedelta(minutes=15))
SIGNER = KeyRecord(kid="old", alg="RS256", published_at=NOW - timedelta(days=9), activates_at=NOW - timedelta(days=9))
SPARE = KeyRecord(kid="new", alg="RS256", published_at=NOW)


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (timedelta(0), "13:59:30 UTC"),
        (timedelta(seconds=3), "13:59:33 UTC"),
        (timedelta(seconds=3.2), "13:59:34 UTC"),
        (timedelta(minutes=5, seconds=30), "14:05 UTC"),
        (timedelta(minutes=5, seconds=31), "14:06 UTC"),
        (timedelta(hours=10), "2030-01-02 00:00 UTC"),
        (timedelta(days=90), "2030-04-01 14:00 UTC"),
        (timedelta(days=-1), "2029-12-31 14:00 UTC"),
    ],
)
def test_an_instant_is_told_as_people_tell_it(ahead: timedelta, text: str) -> None:
    assert words.when(NOW + ahead, NOW) == text


def test_a_rotation_says_when_the_new_key_signs_and_how_long_the_old_one_stays() -> None:
    plan = planning.rotate([SIGNER], NOW, POLICY, "RS256", immediately=False, spare=SPARE)
    assert words.scheduled(plan, NOW) == (
        "Key new: announced now; signs from 14:05 UTC; the old key stays published until 14:22 UTC."
    )
    again = planning.rotate(plan.records, NOW, POLICY, "RS256", immediately=False, spare=None)
    assert words.scheduled(again, NOW) == (
        "Key new: announced already, nothing was changed; signs from 14:05 UTC; "
        "the old key stays published until 14:22 UTC."
    )


def test_a_key_that_was_published_before_is_not_said_to_be_announced_now() -> None:
    waiting = KeyRecord(kid="new", alg="RS256", published_at=NOW - timedelta(days=1))
    plan = planning.rotate([SIGNER, waiting], NOW, POLICY, "RS256", immediately=False, spare=None)
    assert words.scheduled(plan, NOW).startswith("Key new: published already; signs from 13:59:33 UTC; the old key")


def test_a_revocation_says_who_takes_over_and_that_nothing_signs_until_then() -> None:
    plan = planning.revoke([SIGNER], NOW, POLICY, "old", SPARE)
    assert words.revoked(plan, "old", NOW).endswith(
        "Key new takes over: signs from 13:59:33 UTC; nothing signs until then."
    )
    again = planning.revoke(plan.records, NOW, POLICY, "old", None)
    assert words.revoked(again, "old", NOW) == "Key old was revoked at 13:59:30 UTC; nothing was changed."


def test_revoking_a_key_that_was_removed_says_that_there_was_nothing_to_do() -> None:
    gone = KeyRecord(
        kid="gone", alg="RS256", published_at=NOW - timedelta(days=9), activates_at=NOW - timedelta(days=9),
        retires_at=NOW - timedelta(days=2), removed_at=NOW - timedelta(days=1),
    )  # fmt: skip
    plan = planning.revoke([SIGNER, gone], NOW, POLICY, "gone", None)
    assert "nothing to revoke" in words.revoked(plan, "gone", NOW)
    assert plan.changed == ()


def test_every_state_says_what_comes_next() -> None:
    def told(activates: int | None, retires: int | None = None, *, revoked: bool = False) -> str:
        start = None if activates is None else NOW + timedelta(minutes=activates)
        end = None if retires is None else NOW + timedelta(minutes=retires)
        record = KeyRecord(
            kid="k", alg="RS256", published_at=NOW - timedelta(days=1), activates_at=start, retires_at=end,
            removed_at=None if end is None else end + timedelta(minutes=20), revoked_at=NOW if revoked else None,
        )  # fmt: skip
        return words.state(record, NOW)

    assert told(None) == "published; signs when it is rotated in or activated"
    assert told(10) == "published; signs from 14:10 UTC"
    assert told(-60) == "signs until a successor is planned"
    assert told(-60, 10) == "signs until 14:10 UTC, published until 14:30 UTC"
    assert told(-60, -10) == "signs no more; published until 14:10 UTC"
    assert told(-60, -30) == "not published since 13:50 UTC; `keys prune` deletes it"
    assert told(-60, revoked=True) == "revoked at 13:59:30 UTC"


def test_the_other_operations_say_what_they_did() -> None:
    generated = planning.generate([SIGNER], NOW, POLICY, "RS256", SPARE)
    assert "Every verifier knows it from 14:05 UTC" in words.generated(generated, NOW, POLICY)
    assert words.first(planning.ensure_first_key([], NOW, POLICY, "RS256", SPARE), NOW) == (
        "Key new: published now; it signs now."
    )
    rotating = planning.rotate([SIGNER], NOW, POLICY, "RS256", immediately=False, spare=SPARE)
    called_off = planning.activate(rotating.records, NOW, POLICY, "old")
    assert words.kept(called_off, NOW) == "Key old goes on signing; the planned rotation to new was called off."
    assert "signs already" in words.kept(planning.activate([SIGNER], NOW, POLICY, "old"), NOW)
    assert words.pruned(planning.Plan((), (), ("a", "b")), 1) == "2 keys deleted, and 1 unfinished file."
    assert words.pruned(planning.Plan((), ()), 0) == "There was nothing to prune."
    assert words.resealed(1).startswith("1 key sealed")
    assert words.resealed(0).endswith("already.")
