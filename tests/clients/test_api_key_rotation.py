"""Rotating an API key: the present secret lives on for the overlap, and none lives longer than it would have."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from oidc_server.audit.service import SYSTEM
from oidc_server.clients.api_key_service import ApiKeyEnded, ApiKeyInvalid, facts_of, find_api_key, rotate_api_key
from oidc_server.core import clock
from tests.clients.api_key_makers import Key, KeyedServer
from tests.commands.command_line import until_somebody_waits

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AFTER_THE_CACHE = timedelta(seconds=3.01)


def statuses(keyed: KeyedServer, *secrets: str) -> list[int]:
    """The status that each secret gets once nothing is remembered."""
    clock.travel(AFTER_THE_CACHE)
    return [keyed.status(secret) for secret in secrets]


def test_after_a_rotation_both_secrets_are_good_for_a_day(keyed: KeyedServer) -> None:
    key = keyed.make()
    second = keyed.rotate(key)
    assert statuses(keyed, key.secret, second) == [200, 200]
    clock.travel(DAY - timedelta(seconds=10))
    assert statuses(keyed, key.secret, second) == [200, 200]
    clock.travel(timedelta(seconds=10))
    assert statuses(keyed, key.secret, second) == [401, 200]
    assert facts_of(keyed.stored(key))["previous_expires_at"] is None


def test_the_earlier_secret_ends_at_its_instant_although_it_is_remembered(keyed: KeyedServer) -> None:
    key = keyed.make()
    keyed.rotate(key, overlap=timedelta(seconds=60))
    clock.travel(timedelta(seconds=58.5))
    assert keyed.status(key.secret) == 200
    clock.travel(timedelta(seconds=1.5))
    assert keyed.status(key.secret) == 401


def test_without_an_overlap_the_earlier_secret_ends_within_the_bound(keyed: KeyedServer) -> None:
    key = keyed.make()
    assert keyed.status(key.secret) == 200
    second = keyed.rotate(key, overlap=timedelta(0))
    assert statuses(keyed, key.secret, second) == [401, 200]


def test_a_second_rotation_ends_the_secret_before_the_present_one(keyed: KeyedServer) -> None:
    key = keyed.make()
    second = keyed.rotate(key)
    third = keyed.rotate(key)
    assert statuses(keyed, key.secret, second, third) == [401, 200, 200]


def test_a_rotation_keeps_what_the_key_is_and_is_recorded_without_secrets(keyed: KeyedServer) -> None:
    key = keyed.make(networks=["198.51.100.0/24"], expires_at=clock.now() + 9 * DAY)
    second = keyed.rotate(key)
    before, after = facts_of(key.row), facts_of(keyed.stored(key))
    assert {name for name in before if before[name] != after[name]} == {"previous_expires_at"}
    assert second.startswith(f"{key.row.prefix}_")
    [event] = keyed.server.audit("api_key.rotated", str(key.row.id))
    assert second not in str(event.detail)


def test_an_overlap_does_not_outlast_the_end_of_the_key(keyed: KeyedServer) -> None:
    key = keyed.make(expires_at=clock.now() + HOUR)
    longer = keyed.rotate(key, expires_at=clock.now() + 9 * DAY)
    clock.travel(HOUR)
    assert statuses(keyed, key.secret, longer) == [401, 200]
    shorter = keyed.rotate(key, expires_at=clock.now() + HOUR)
    clock.travel(HOUR)
    assert statuses(keyed, longer, shorter) == [401, 401]


def test_an_expired_key_gets_a_new_secret_with_a_new_end_and_its_own_stays_dead(keyed: KeyedServer) -> None:
    key = keyed.make(expires_at=clock.now() + HOUR)
    clock.travel(HOUR)
    with pytest.raises(ApiKeyEnded, match="expired"):
        keyed.rotate(key)
    second = keyed.rotate(key, expires_at=clock.now() + HOUR)
    assert statuses(keyed, key.secret, second) == [401, 200]


def test_revoking_ends_both_secrets_and_a_revoked_key_is_not_rotated(keyed: KeyedServer) -> None:
    key = keyed.make()
    second = keyed.rotate(key)
    keyed.revoke(key)
    assert statuses(keyed, key.secret, second) == [401, 401]
    with pytest.raises(ApiKeyEnded, match="revoked"):
        keyed.rotate(key, expires_at=clock.now() + DAY)


def test_an_overlap_without_measure_is_refused(keyed: KeyedServer) -> None:
    key = keyed.make()
    for overlap in (timedelta(seconds=-1), timedelta(days=91)):
        with pytest.raises(ApiKeyInvalid, match="overlap"):
            keyed.rotate(key, overlap=overlap)


@pytest.mark.parametrize("database_kind", ["postgresql"])  # SQLite has one writer at a time anyway
def test_of_two_rotations_at_once_one_comes_after_the_other(keyed: KeyedServer) -> None:
    key, database = keyed.make(), keyed.server.database
    with ThreadPoolExecutor() as pool:
        with keyed.server.app.app_context(), database.transaction() as session:
            row = find_api_key(session, key.row.id, for_change=True)
            assert row is not None
            second = rotate_api_key(session, row, actor=SYSTEM)
            running = pool.submit(keyed.rotate, key)
            until_somebody_waits(database)
        third = running.result()
    assert statuses(keyed, key.secret, second, third) == [401, 200, 200]


def test_rotations_of_several_keys_do_not_meet(keyed: KeyedServer) -> None:
    keys: list[Key] = [keyed.make(name=name) for name in ("Orders", "Invoices")]
    keyed.rotate(keys[0], overlap=timedelta(0))
    assert statuses(keyed, *(key.secret for key in keys)) == [401, 200]
