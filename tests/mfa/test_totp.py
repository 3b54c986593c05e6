"""Codes of authenticator apps: each works once, about when it is shown, and as it is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.core.settings import Settings
from oidc_server.mfa.enrolment import begin_enrolment, confirm_enrolment
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.models import Method
from oidc_server.mfa.proof import FactorProof, FactorWrong, Given
from oidc_server.mfa.proving import prove_factor
from tests.mfa.at_once import at_once, connected
from tests.mfa.giving import ALL, BOUND_TO, HERE, PROVEN, give, prove, refusal
from tests.relying_party import Server, TestUser
from tests.second_factors import Totp, enrol_totp

STEP = timedelta(seconds=30)


@pytest.fixture
def totp(server: Server, user: TestUser) -> Totp:
    return enrol_totp(server, user)


def stored(server: Server, totp: Totp) -> Method:
    with server.database.reading() as session:
        return session.get_one(Method, totp.method_id)


def test_a_code_says_who_gave_which_factor(server: Server, factors: SecondFactors, user: TestUser, totp: Totp) -> None:
    assert prove(factors, user, totp.given()) == FactorProof(user.id, ("otp",), totp.method_id)
    assert (used_at := stored(server, totp).last_used_at) is not None
    assert clock.now() - used_at < timedelta(minutes=1)


def test_a_code_works_once_in_any_login_m04(factors: SecondFactors, user: TestUser, totp: Totp) -> None:
    code = totp.code()
    assert give(factors, user, totp.method_id, code)
    assert not give(factors, user, totp.method_id, code)
    with pytest.raises(FactorWrong):
        prove(factors, user, Given(totp.method_id, code), bound_to="login of another grant")
    clock.travel(STEP)
    assert not give(factors, user, totp.method_id, code)
    assert give(factors, user, totp.method_id, totp.code())


def test_no_code_from_before_the_newest_one_works_m04(factors: SecondFactors, user: TestUser, totp: Totp) -> None:
    earlier, now = totp.code(-1), totp.code()
    assert give(factors, user, totp.method_id, now)
    assert not give(factors, user, totp.method_id, earlier)


def test_the_code_that_set_the_app_up_is_no_login_m04(factors: SecondFactors, user: TestUser) -> None:
    setup = begin_enrolment(
        factors, user.id, FactorKind.TOTP, name=None, bound_to=BOUND_TO, address=HERE, kinds=ALL
    )  # fmt: skip
    assert setup.totp is not None
    app = Totp(setup.method_id, setup.totp.secret)
    code = app.code()
    confirm_enrolment(factors, user.id, setup.method_id, Given(None, code), amr=PROVEN, bound_to=BOUND_TO, address=HERE)
    assert not give(factors, user, setup.method_id, code)
    assert give(factors, user, setup.method_id, app.code(1))


def test_twenty_at_once_use_a_code_once_m04(
    settings: Settings, factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    given = totp.given()
    with connected(factors, settings.database_url, 20) as many:
        outcomes = at_once(20, lambda _: prove(many, user, given))
    right = [one for one in outcomes if isinstance(one, FactorProof)]
    wrong = [one for one in outcomes if isinstance(one, FactorWrong)]
    assert (len(right), len(wrong)) == (1, 19), outcomes
    assert {one.reason for one in wrong} == {Reason.SECOND_FACTOR_WRONG}


def test_the_codes_beside_the_present_one_work_and_no_others(
    factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    assert [give(factors, user, totp.method_id, totp.code(steps)) for steps in (-2, 2, -1)] == [False, False, True]
    assert give(factors, user, totp.method_id, totp.code(1))


def test_a_code_in_groups_is_the_code_and_is_used_up_as_such_m06(
    factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    """It is read once, before anything is compared: no other spelling of a used code is a new one."""
    code = totp.code()
    assert give(factors, user, totp.method_id, f" {code[:3]} {code[3:]}-")
    for again in (code, f"{code[:3]}-{code[3:]}", f"{code} "):
        assert not give(factors, user, totp.method_id, again)


def test_nothing_else_is_read_as_a_code_m06(factors: SecondFactors, user: TestUser, totp: Totp) -> None:
    code = totp.code()
    arabic, full_width = (code.translate({48 + n: zero + n for n in range(10)}) for zero in (0x0660, 0xFF10))
    tries = [
        arabic, full_width, f"+{code}", f"0{code}", f"{code}0", code[:5], f"{code[:3]}_{code[3:]}", f"{code}.0",
        f"{code}\n", f"\u00a0{code}", "", "0x1234", " " * 1000 + code, "\x00" + code, f"{code[:3]}\t{code[3:]}",
    ]  # fmt: skip
    for number, given in enumerate(tries):
        reason = refusal(factors, user, Given(totp.method_id, given), f"device {number}")
        assert reason is Reason.SECOND_FACTOR_WRONG, given
    assert give(factors, user, totp.method_id, code)


def test_neither_another_persons_code_nor_an_app_of_another_person_works(
    server: Server, factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    other = server.user()
    theirs = enrol_totp(server, other)
    assert not give(factors, user, totp.method_id, theirs.code())
    assert not give(factors, user, theirs.method_id, theirs.code())
    assert give(factors, other, theirs.method_id, theirs.code())


def test_a_kind_that_is_not_used_here_is_refused_like_a_wrong_code(
    factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    with pytest.raises(FactorWrong) as refused:
        prove_factor(
            factors, user.id, totp.given(), bound_to=BOUND_TO, kinds=frozenset({FactorKind.WEBAUTHN}), address=HERE
        )
    assert refused.value.reason is Reason.SECOND_FACTOR_WRONG


def test_the_secret_is_sealed_for_its_own_row(
    server: Server, factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    """Whoever can write to the table but has not the master key cannot move a known secret to another method."""
    own, other = enrol_totp(server, user, "Other"), enrol_totp(server, server.user())
    sealed = stored(server, other).totp_secret
    assert sealed is not None
    assert other.secret not in sealed
    with server.database.transaction() as session:
        session.get_one(Method, own.method_id).totp_secret = sealed
    assert refusal(factors, user, Given(own.method_id, other.code())) is Reason.SECOND_FACTOR_WRONG
    assert give(factors, user, totp.method_id, totp.code())


def test_a_secret_is_sealed_anew_when_it_is_used_after_the_master_key_changed(
    server: Server, settings: Settings, factors: SecondFactors, user: TestUser, totp: Totp
) -> None:
    later = replace(settings, master_key="x" * 43, master_key_previous=(settings.master_key,))
    rotated = replace(factors, settings=later)
    assert give(rotated, user, totp.method_id, totp.code())
    assert rotated.sealer.is_current(stored(server, totp).totp_secret or "")
    assert give(rotated, user, totp.method_id, totp.code(1))
    with server.database.reading() as session:
        assert totp.secret not in str(session.execute(text("SELECT * FROM mfa_methods")).all())
