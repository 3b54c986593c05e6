"""What setting a password does to second factors: a mail alone neither removes nor replaces one, and what somebody else
set up for an address that was not theirs goes."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from oidc_server.core.database import Database
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.methods import methods_of
from oidc_server.mfa.pending import Channel, PendingLoginGone, begin_pending, find_pending
from oidc_server.mfa.proof import Given
from oidc_server.mfa.proving import prove_factor
from oidc_server.mfa.recovery_codes import count_left
from oidc_server.mfa.trusted_devices import trust, trusted_devices_of
from oidc_server.users.models import User
from tests.accounts.json_client import JsonClient, problem
from tests.accounts.people import ADA, Town
from tests.relying_party import TestUser, body_of
from tests.second_factors import account_of, enrol_email, enrol_totp, factors_of, recovery_codes

NEW = "four quiet green lamps"


def reset(town: Town) -> None:
    """Set a new password by a link from the mail."""
    assert town.app.post("/auth/forgot-password", email=ADA).status_code == 202
    assert town.app.post("/auth/reset-password", token=town.token(), password=NEW).status_code == 200


def trusting(town: Town, user: TestUser) -> str:
    """Have a browser trusted, and a sign-in wait for a factor; the secret of that."""
    with town.server.database.transaction() as session:
        account = session.get_one(User, user.id)
        trust(session, factors_of(town.server), account, "Firefox/140.0")
        return begin_pending(session, account, Channel.API, amr=["pwd"])


def trusted(database: Database, user: TestUser) -> int:
    with database.reading() as session:
        return len(trusted_devices_of(session, user.id))


def test_a_reset_leaves_the_factors_and_the_next_sign_in_asks_for_one_g10(town: Town) -> None:
    user = town.server.user(ADA)
    totp, codes = enrol_totp(town.server, user), recovery_codes(town.server, user)
    reset(town)
    with town.server.database.reading() as session:
        assert [method.id for method in methods_of(session, user.id)] == [totp.method_id]
        assert count_left(session, user.id) == len(codes) == 10
    response = JsonClient(town.server).post("/auth/login", email=ADA, password=NEW)
    assert problem(response) == (403, "mfa_required")
    assert "access_token" not in body_of(response)
    assert account_of(town.server, user).second_factors == ["totp"]


def test_that_a_mail_alone_set_the_password_is_noted_until_another_factor_is_given_g10(town: Town) -> None:
    """Where a factor is demanded, another mail is none: see the policy."""
    user = town.server.user(ADA)
    totp = enrol_totp(town.server, user)
    enrol_email(town.server, user)
    assert account_of(town.server, user).password_set_by_mail_at is None
    reset(town)
    assert account_of(town.server, user).password_set_by_mail_at is not None
    prove_factor(
        factors_of(town.server), user.id, Given(totp.method_id, totp.code()), bound_to="session of now",
        kinds=frozenset(FactorKind), address="192.0.2.1",
    )  # fmt: skip
    assert account_of(town.server, user).password_set_by_mail_at is None


def test_a_recovery_code_also_ends_that_note(town: Town) -> None:
    user = town.server.user(ADA)
    enrol_email(town.server, user)
    codes = recovery_codes(town.server, user)
    reset(town)
    prove_factor(
        factors_of(town.server), user.id, Given(None, codes[0]), bound_to="session of now",
        kinds=frozenset(FactorKind), address="192.0.2.1",
    )  # fmt: skip
    assert account_of(town.server, user).password_set_by_mail_at is None


def test_who_had_no_factor_when_a_mail_set_the_password_may_use_mail_as_one_later(town: Town) -> None:
    user = town.server.user(ADA)
    reset(town)
    assert account_of(town.server, user).password_set_by_mail_at is None


def test_a_new_password_ends_the_trust_in_browsers_and_sign_ins_that_wait_m24(town: Town) -> None:
    """Whether it is changed by who is signed in or set by a link."""
    user = town.server.user(ADA)
    app = JsonClient(town.server).login(user)
    pending = trusting(town, user)
    assert trusted(town.server.database, user) == 1
    changed = app.put("/users/me/password", current_password=user.password, new_password=NEW)
    assert changed.status_code < 300, changed.json
    assert trusted(town.server.database, user) == 0
    town.mail()
    further = trusting(town, user)
    reset(town)
    assert trusted(town.server.database, user) == 0
    with town.server.database.reading() as session:
        for secret in (pending, further):
            with pytest.raises(PendingLoginGone):
                find_pending(session, secret, Channel.API)


def test_taking_an_address_back_ends_trust_and_leaves_the_factors_m24(town: Town) -> None:
    """Whoever reads the mail of the address before is not thereby who has the factor."""
    user = town.server.user(ADA)
    app = JsonClient(town.server).login(user)
    assert app.post("/auth/change-email", email="ada@example.org").status_code == 202
    assert app.post("/auth/change-email/confirm", token=town.token()).status_code == 200
    token = town.token()
    totp = enrol_totp(town.server, user)
    trusting(town, user)
    assert JsonClient(town.server).post("/auth/change-email/undo", token=token).status_code == 200
    assert trusted(town.server.database, user) == 0
    with town.server.database.reading() as session:
        assert [method.id for method in methods_of(session, user.id)] == [totp.method_id]


def test_factors_that_somebody_set_up_for_an_address_that_is_not_theirs_go_g18(town: Town) -> None:
    """Whoever registered it cannot keep its owner out by a factor, nor come back with one."""
    body = body_of(town.app.post("/auth/register", email=ADA, password="the attacker has chosen this"))
    attacker = TestUser(uuid.UUID(body["id"]), ADA, "the attacker has chosen this")
    totp = enrol_totp(town.server, attacker)
    recovery_codes(town.server, attacker)
    trusting(town, attacker)
    town.mail()
    reset(town)
    with town.server.database.reading() as session:
        assert not methods_of(session, attacker.id)
        assert not trusted_devices_of(session, attacker.id)
        assert count_left(session, attacker.id) == 0
    assert account_of(town.server, attacker).second_factors is None
    (event,) = town.server.audit("mfa.method_removed", str(attacker.id))
    assert event.detail == {"method_id": str(totp.method_id), "kind": "totp"}
    JsonClient(town.server).login(replace(attacker, password=NEW))
