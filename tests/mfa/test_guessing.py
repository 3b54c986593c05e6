"""Guessing second factors: the count is the account's, and whoever is right meanwhile is told that they are wrong."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.core.limit_rules import MFA_ATTEMPTS
from oidc_server.core.settings import Settings
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.proof import FactorWrong, Given
from tests.mfa.at_once import at_once, connected
from tests.mfa.giving import give, prove, refusal
from tests.relying_party import Server, TestUser
from tests.second_factors import Totp, enrol_totp, recovery_codes

A_MINUTE, DAY = MFA_ATTEMPTS[0].amount, MFA_ATTEMPTS[-1]
DEVICE = "a-browser-of-theirs"


@pytest.fixture
def totp(server: Server, user: TestUser) -> Totp:
    return enrol_totp(server, user)


def guess(factors: SecondFactors, user: TestUser, totp: Totp, times: int, device: str | None = None) -> None:
    """Give wrong codes, each of which is looked at."""
    for _ in range(times):
        reason = refusal(factors, user, Given(totp.method_id, totp.wrong_code()), device)
        assert reason is Reason.SECOND_FACTOR_WRONG


def test_a_right_code_is_refused_like_a_wrong_one_when_there_were_too_many_m10(
    server: Server, factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    codes = recovery_codes(server, user)
    guess(factors, user, totp, A_MINUTE)
    refused = []
    for given in (totp.given(), Given(totp.method_id, totp.wrong_code()), Given(None, codes[0]), Given(None, "no")):
        with pytest.raises(FactorWrong) as error:
            prove(factors, user, given)
        refused.append((error.value.status, error.value.retry_after, error.value.reason))
    assert set(refused) == {(422, None, Reason.SECOND_FACTOR_THROTTLED)}
    clock.travel(timedelta(seconds=61))
    assert give(factors, user, totp.method_id, totp.code())


def test_the_admin_sees_failures_and_once_a_window_that_there_were_too_many(
    server: Server, factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    guess(factors, user, totp, A_MINUTE)
    for _ in range(3):
        refusal(factors, user, totp.given())
    failed = server.audit("mfa.failed", str(user.id))
    assert [event.detail for event in failed] == [{"detail": "no code of this time"}] * A_MINUTE
    (throttled,) = server.audit("mfa.throttled", str(user.id))
    assert throttled.detail == {"detail": MFA_ATTEMPTS[0].name}


def test_a_hundred_guesses_at_once_are_looked_at_as_often_as_the_limit_allows_m07(
    server: Server, settings: Settings, factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    wrong = Given(totp.method_id, totp.wrong_code())
    with connected(factors, settings.database_url, 20, limited=True) as many:
        outcomes = at_once(20, lambda _: [refusal(many, user, wrong) for _ in range(5)])
    reasons = Counter(reason for one in outcomes if isinstance(one, list) for reason in one)
    assert reasons == {Reason.SECOND_FACTOR_WRONG: A_MINUTE, Reason.SECOND_FACTOR_THROTTLED: 100 - A_MINUTE}
    assert len(server.audit("mfa.failed", str(user.id))) == A_MINUTE


def test_all_kinds_and_methods_fill_one_count(
    server: Server, factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    other = enrol_totp(server, user, "Another app")
    recovery_codes(server, user)
    guess(factors, user, totp, 2)
    guess(factors, user, other, 2)
    assert refusal(factors, user, Given(None, "2222-2222-2222-2222")) is Reason.SECOND_FACTOR_WRONG
    assert refusal(factors, user, other.given()) is Reason.SECOND_FACTOR_THROTTLED


def test_strangers_cannot_keep_out_who_comes_with_a_browser_of_theirs_r06(
    factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    """Whatever address the strangers come from: they have the password, and not the browser."""
    guess(factors, user, totp, A_MINUTE)
    assert refusal(factors, user, totp.given()) is Reason.SECOND_FACTOR_THROTTLED
    assert give(factors, user, totp.method_id, totp.code(), DEVICE)


def test_a_browser_of_theirs_has_its_own_limit_which_success_clears(
    factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    guess(factors, user, totp, A_MINUTE - 1, DEVICE)
    assert give(factors, user, totp.method_id, totp.code(), DEVICE)
    guess(factors, user, totp, A_MINUTE, DEVICE)
    assert refusal(factors, user, totp.given(1), DEVICE) is Reason.SECOND_FACTOR_THROTTLED


def test_success_from_elsewhere_leaves_the_failures_of_others_counted_r05(
    factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    guess(factors, user, totp, A_MINUTE - 1)
    assert give(factors, user, totp.method_id, totp.code())
    guess(factors, user, totp, 1)
    assert refusal(factors, user, totp.given(1)) is Reason.SECOND_FACTOR_THROTTLED


def test_who_is_never_wrong_is_never_refused(factors: SecondFactors, user: TestUser, totp: Totp) -> None:
    """However often a day: what was right does not count."""
    for _ in range(DAY.amount + 5):
        assert give(factors, user, totp.method_id, totp.code())
        clock.travel(timedelta(seconds=31))


def test_who_may_not_sign_in_is_told_that_a_right_code_is_wrong(
    server: Server, factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    codes = recovery_codes(server, user)
    server.suspend(user)
    assert refusal(factors, user, totp.given()) is Reason.SECOND_FACTOR_WRONG
    assert refusal(factors, user, Given(None, codes[0])) is Reason.SECOND_FACTOR_WRONG
