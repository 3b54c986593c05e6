"""Trusted browsers: the secret is that of one person and browser, changes at each use, and ends with a change of the
password or of the factors."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from oidc_server.core import clock, crypto
from oidc_server.core.settings import Settings
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.trusted_devices import MOST, end_trusted, recognise, trust, trusted_devices_of
from oidc_server.users.models import User
from tests.accounts.devices import FIREFOX, SAFARI
from tests.mfa.at_once import at_once, connected
from tests.relying_party import Server, TestUser
from tests.second_factors import enrol_totp

NEWER_FIREFOX = FIREFOX.replace("140.0", "155.0")


@pytest.fixture
def secret(factors: SecondFactors, user: TestUser) -> str:
    return trusted(factors, user)


def trusted(factors: SecondFactors, user: TestUser, user_agent: str = FIREFOX) -> str:
    with factors.database.transaction() as session:
        return trust(session, factors, session.get_one(User, user.id), user_agent)


def come(factors: SecondFactors, user: TestUser, secret: str | None, user_agent: str = FIREFOX) -> str | None:
    """Sign in with this cookie; the next one, when the browser is trusted."""
    with factors.database.transaction() as session:
        return recognise(session, factors, session.get_one(User, user.id), secret, user_agent)


def count(factors: SecondFactors, user: TestUser) -> int:
    with factors.database.reading() as session:
        return len(trusted_devices_of(session, user.id))


def test_a_browser_is_known_again_by_a_secret_that_changes_at_each_use(
    server: Server, factors: SecondFactors, user: TestUser, secret: str
) -> None:
    seen = [secret]
    for _ in range(3):
        clock.travel(timedelta(days=2))
        following = come(factors, user, seen[-1], NEWER_FIREFOX)
        assert following is not None
        seen.append(following)
    assert len(set(seen)) == 4
    assert count(factors, user) == 1
    (event,) = server.audit("mfa.device_trusted", str(user.id))
    assert (event.detail or {})["user_agent"] == FIREFOX


def test_it_ends_thirty_days_after_the_factor_was_given_however_often_it_is_used(
    factors: SecondFactors, user: TestUser, secret: str
) -> None:
    clock.travel(timedelta(days=29))
    following = come(factors, user, secret)
    assert following is not None
    clock.travel(timedelta(days=1))
    assert come(factors, user, following) is None
    assert count(factors, user) == 0


def test_it_is_no_other_persons_and_no_other_program_s_m24(
    server: Server, factors: SecondFactors, user: TestUser, secret: str
) -> None:
    assert come(factors, server.user(), secret) is None
    assert come(factors, user, secret, SAFARI) is None
    assert come(factors, user, None) is None
    assert come(factors, user, crypto.new_secret()) is None
    assert come(factors, user, secret) is not None


def test_a_copy_is_found_out_when_either_comes_again_m24(
    server: Server, factors: SecondFactors, user: TestUser, secret: str
) -> None:
    copied = secret
    following = come(factors, user, secret)
    clock.travel(timedelta(seconds=31))
    assert come(factors, user, copied) is None
    assert come(factors, user, following) is None
    (event,) = server.audit("mfa.device_copied", str(user.id))
    assert (event.detail or {})["user_agent"] == FIREFOX
    assert count(factors, user) == 0


def test_a_browser_that_lost_the_answer_gets_the_same_one_again(
    server: Server, factors: SecondFactors, user: TestUser, secret: str
) -> None:
    following = come(factors, user, secret)
    clock.travel(timedelta(seconds=20))
    assert come(factors, user, secret) == following
    assert come(factors, user, following) is not None
    assert not server.audit("mfa.device_copied", str(user.id))


def test_many_tabs_at_once_get_the_same_one(
    settings: Settings, factors: SecondFactors, user: TestUser, secret: str
) -> None:
    with connected(factors, settings.database_url, 8) as many:
        outcomes = at_once(8, lambda _: come(many, user, secret))
    assert len(set(outcomes)) == 1, outcomes
    assert isinstance(outcomes[0], str)


def test_it_dies_with_a_change_of_the_factors_m24(
    server: Server, factors: SecondFactors, user: TestUser, secret: str
) -> None:
    enrol_totp(server, user)
    assert come(factors, user, secret) is None


def test_a_person_ends_the_trust_in_one_browser_or_in_all(factors: SecondFactors, user: TestUser, secret: str) -> None:
    other, third = trusted(factors, user, SAFARI), trusted(factors, user)
    with factors.database.transaction() as session:
        safari = next(one for one in trusted_devices_of(session, user.id) if "Safari" in one.user_agent)
        end_trusted(session, user.id, safari.id)
    assert come(factors, user, other, SAFARI) is None
    assert come(factors, user, third) is not None
    with factors.database.transaction() as session:
        end_trusted(session, user.id)
    assert come(factors, user, secret) is None


def test_a_person_trusts_twenty_at_most_and_the_one_unused_for_longest_makes_place(
    factors: SecondFactors, user: TestUser, secret: str
) -> None:
    clock.travel(timedelta(minutes=1))
    others = [trusted(factors, user) for _ in range(MOST)]
    assert count(factors, user) == MOST
    assert come(factors, user, secret) is None
    assert come(factors, user, others[0]) is not None


def test_where_no_browser_is_trusted_any_more_none_is_known(
    factors: SecondFactors, user: TestUser, secret: str, settings: Settings
) -> None:
    stricter = replace(factors, settings=replace(settings, mfa_trusted_device_days=0))
    assert come(stricter, user, secret) is None
    clock.travel(timedelta(days=3))
    shorter = replace(factors, settings=replace(settings, mfa_trusted_device_days=2))
    assert come(shorter, user, secret) is None
    assert come(factors, user, secret) is not None


def test_no_secret_stands_in_the_database(factors: SecondFactors, user: TestUser, secret: str) -> None:
    following = come(factors, user, secret)
    with factors.database.reading() as session:
        (device,) = trusted_devices_of(session, user.id)
    assert (device.previous_digest, device.digest) == (crypto.digest(secret), crypto.digest(following or ""))
