"""An admin removes the factors of who has lost them all: recorded, told, and followed by setting one up."""

from __future__ import annotations

from oidc_server.audit.service import Actor
from oidc_server.core import clock
from oidc_server.mfa.enrolment import begin_enrolment, confirm_enrolment
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.methods import methods_of
from oidc_server.mfa.policy import Demand, Owed, demand
from oidc_server.mfa.proof import Given
from oidc_server.mfa.recovery_codes import count_left
from oidc_server.mfa.reset import reset_factors
from oidc_server.mfa.trusted_devices import trust, trusted_devices_of
from oidc_server.sessions.assurance import ACR_PASSWORD
from oidc_server.users.models import User
from tests.mfa.giving import ALL, BOUND_TO, HERE, PROVEN, give
from tests.relying_party import Server, TestUser
from tests.second_factors import Totp, account_of, enrol_email, enrol_totp, recovery_codes


def reset(server: Server, factors: SecondFactors, user: TestUser) -> None:
    with server.database.transaction() as session:
        account = session.get_one(User, user.id)
        trust(session, factors, account, "Firefox/140.0")
        reset_factors(session, account, actor=Actor("operator", "olga"), note="Lost phone, showed passport")


def owed(server: Server, factors: SecondFactors, user: TestUser) -> Demand:
    """What is owed by who has just given the password."""
    return demand(factors.policy, account_of(server, user), amr=["pwd"], acr=ACR_PASSWORD, now=clock.now())


def test_nothing_of_the_factors_is_left_and_it_is_recorded_m25(
    server: Server, factors: SecondFactors, user: TestUser
) -> None:
    totp, other = enrol_totp(server, user), server.user()
    enrol_email(server, user)
    recovery_codes(server, user)
    theirs = enrol_totp(server, other)
    reset(server, factors, user)
    with server.database.reading() as session:
        assert not methods_of(session, user.id)
        assert not trusted_devices_of(session, user.id)
        assert count_left(session, user.id) == 0
    assert not give(factors, user, totp.method_id, totp.code())
    assert give(factors, other, theirs.method_id, theirs.code())
    (event,) = server.audit("mfa.reset", str(user.id))
    assert (event.actor_kind, event.actor_id) == ("operator", "olga")
    assert event.detail == {"note": "Lost phone, showed passport", "kinds": ["totp", "email"]}
    assert len(server.audit("mfa.method_removed", str(user.id))) == 2


def test_one_has_to_be_set_up_at_the_next_sign_in_and_then_it_is_over_m25(
    server: Server, factors: SecondFactors, user: TestUser
) -> None:
    """Also where the policy leaves it to people whether they have one."""
    assert not owed(server, factors, user)
    enrol_totp(server, user)
    assert owed(server, factors, user).owed is Owed.FACTOR
    reset(server, factors, user)
    assert owed(server, factors, user).owed is Owed.ENROLMENT
    setup = begin_enrolment(
        factors, user.id, FactorKind.TOTP, name=None, bound_to=BOUND_TO, address=HERE, kinds=ALL
    )  # fmt: skip
    assert setup.totp is not None
    code = Totp(setup.method_id, setup.totp.secret).code()
    enrolled = confirm_enrolment(
        factors, user.id, setup.method_id, Given(None, code), amr=PROVEN, bound_to=BOUND_TO, address=HERE
    )
    assert len(enrolled.recovery_codes or ()) == 10
    assert owed(server, factors, user).owed is Owed.FACTOR
    assert account_of(server, user).second_factor_forced_at is None
