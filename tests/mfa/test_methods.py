"""Naming, ordering and removing second factors, and what ends with one."""

from __future__ import annotations

import uuid

import pytest

from oidc_server.audit.service import SYSTEM
from oidc_server.core.errors import Reason
from oidc_server.core.settings import Settings
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.methods import (
    LastMethod,
    MethodUnknown,
    make_first,
    method_of,
    methods_of,
    remove_method,
    rename_method,
)
from oidc_server.mfa.pending import Channel, PendingLoginGone, begin_pending, find_pending
from oidc_server.mfa.policy import stored_policy
from oidc_server.mfa.recovery_codes import count_left
from oidc_server.mfa.trusted_devices import trust, trusted_devices_of
from oidc_server.users.models import User
from tests.mfa.at_once import at_once, connected
from tests.relying_party import Server, TestUser
from tests.second_factors import account_of, enrol_email, enrol_totp, recovery_codes, set_policy

REQUIRED = stored_policy("required")


def remove(
    factors: SecondFactors, user: TestUser, method_id: uuid.UUID, client_policy: dict[str, object] | None = None
) -> None:
    with factors.database.transaction() as session:
        method = method_of(session, user.id, method_id)
        account = session.get_one(User, user.id)
        remove_method(session, factors, account, method, actor=SYSTEM, client_policy=client_policy)


def ids(server: Server, user: TestUser) -> list[uuid.UUID]:
    with server.database.reading() as session:
        return [method.id for method in methods_of(session, user.id)]


def test_methods_are_named_and_put_first(server: Server, user: TestUser) -> None:
    one, two, three = (enrol_totp(server, user, f"{number}").method_id for number in range(3))
    with server.database.transaction() as session:
        rename_method(session, method_of(session, user.id, two), "  Work\u202e phone ")
        make_first(session, method_of(session, user.id, three))
        rename_method(session, method_of(session, user.id, one), " \u200b ")
    assert ids(server, user) == [three, one, two]
    with server.database.reading() as session:
        assert [method.name for method in methods_of(session, user.id)] == ["2", "0", "Work phone"]
        assert methods_of(session, user.id, {FactorKind.EMAIL}) == []


def test_nobody_finds_the_method_of_somebody_else(server: Server, user: TestUser) -> None:
    totp = enrol_totp(server, user)
    with server.database.reading() as session:
        assert method_of(session, user.id, totp.method_id).name
        for user_id, method_id in ((server.user().id, totp.method_id), (user.id, uuid.uuid4())):
            with pytest.raises(MethodUnknown) as refused:
                method_of(session, user_id, method_id)
            assert (refused.value.status, refused.value.reason) == (404, Reason.SECOND_FACTOR_UNKNOWN)


def test_with_the_last_method_the_recovery_codes_end(server: Server, factors: SecondFactors, user: TestUser) -> None:
    first, second = enrol_totp(server, user), enrol_email(server, user)
    recovery_codes(server, user)
    remove(factors, user, first.method_id)
    assert account_of(server, user).second_factors == ["email"]
    with server.database.reading() as session:
        assert count_left(session, user.id) == 10
    remove(factors, user, second)
    assert account_of(server, user).second_factors is None
    with server.database.reading() as session:
        assert count_left(session, user.id) == 0
    removed = server.audit("mfa.method_removed", str(user.id))
    assert [(event.detail or {})["kind"] for event in removed] == ["totp", "email"]


def test_the_last_one_stays_where_a_policy_demands_one_m15(
    server: Server, factors: SecondFactors, user: TestUser
) -> None:
    first, second = enrol_totp(server, user), enrol_totp(server, user)
    set_policy(server, user=user, level="required")
    remove(factors, user, first.method_id)
    with pytest.raises(LastMethod):
        remove(factors, user, second.method_id)
    set_policy(server, user=user)
    with pytest.raises(LastMethod):
        remove(factors, user, second.method_id, REQUIRED)
    assert ids(server, user) == [second.method_id]
    remove(factors, user, second.method_id, stored_policy("optional"))


def test_one_of_a_kind_that_is_not_allowed_does_not_count_as_the_one_that_is_left_m15(
    server: Server, factors: SecondFactors, user: TestUser
) -> None:
    totp, email = enrol_totp(server, user), enrol_email(server, user)
    set_policy(server, user=user, level="required", methods=("totp", "webauthn"))
    with pytest.raises(LastMethod):
        remove(factors, user, totp.method_id)
    remove(factors, user, email)


def test_two_who_remove_one_of_the_last_two_each_leave_one_m15(
    server: Server, settings: Settings, factors: SecondFactors, user: TestUser
) -> None:
    methods = [enrol_totp(server, user).method_id for _ in range(2)]
    set_policy(server, user=user, level="required")
    with connected(factors, settings.database_url, 2) as both:
        outcomes = at_once(2, lambda number: remove(both, user, methods[number]))
    assert sorted(type(one).__name__ for one in outcomes) == ["LastMethod", "NoneType"]
    assert len(ids(server, user)) == 1


def test_a_change_ends_the_trust_in_browsers_and_sign_ins_that_wait(
    server: Server, factors: SecondFactors, user: TestUser
) -> None:
    totp, changed_at = enrol_totp(server, user), account_of(server, user).second_factors_changed_at
    enrol_totp(server, user)
    with server.database.transaction() as session:
        account = session.get_one(User, user.id)
        trust(session, factors, account, "Firefox/140.0")
        pending = begin_pending(session, account, Channel.API, amr=["pwd"])
    remove(factors, user, totp.method_id)
    with server.database.reading() as session:
        assert trusted_devices_of(session, user.id) == []
        with pytest.raises(PendingLoginGone):
            find_pending(session, pending, Channel.API)
    later = account_of(server, user).second_factors_changed_at
    assert changed_at is not None
    assert later is not None
    assert later > changed_at
