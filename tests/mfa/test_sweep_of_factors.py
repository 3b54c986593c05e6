"""What second factors leave behind goes when its time is over, and nothing that somebody uses."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from oidc_server.authorizations.sweep import sweep
from oidc_server.core import clock, crypto
from oidc_server.mfa.enrolment import begin_enrolment
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.models import Method, PendingLogin, SentCode, TrustedDevice, UsedChallenge
from oidc_server.mfa.pending import Channel, begin_pending
from oidc_server.mfa.recovery_codes import count_left
from oidc_server.mfa.trusted_devices import trust
from oidc_server.users.models import User
from tests.mfa.giving import ALL, BOUND_TO, HERE
from tests.relying_party import Server, TestUser
from tests.second_factors import enrol_totp, recovery_codes

PASSING = (Method, SentCode, PendingLogin, TrustedDevice, UsedChallenge)


def test_set_ups_codes_waiting_sign_ins_trust_and_challenges_go_and_factors_stay(
    server: Server, factors: SecondFactors, user: TestUser
) -> None:
    totp = enrol_totp(server, user)
    recovery_codes(server, user)
    begin_enrolment(factors, user.id, FactorKind.EMAIL, name=None, bound_to=BOUND_TO, address=HERE, kinds=ALL)
    begin_enrolment(factors, user.id, FactorKind.TOTP, name=None, bound_to=BOUND_TO, address=HERE, kinds=ALL)
    with server.database.transaction() as session:
        account = session.get_one(User, user.id)
        trust(session, factors, account, "Firefox/140.0")
        begin_pending(session, account, Channel.PAGE, amr=["pwd"])
        expires_at = clock.now() + timedelta(minutes=10)
        session.add(UsedChallenge(digest=crypto.digest("a challenge"), expires_at=expires_at))
    before = sweep(server.database)
    assert [before[model.__tablename__] for model in PASSING] == [0, 0, 0, 0, 0]
    clock.travel(timedelta(days=31))
    after = sweep(server.database)
    # The code went with its set-up.
    assert [after[model.__tablename__] for model in PASSING] == [2, 0, 1, 1, 1]
    with server.database.reading() as session:
        assert session.scalars(select(Method.id)).all() == [totp.method_id]
        assert count_left(session, user.id) == 10
        assert session.scalars(select(SentCode.id)).all() == []
