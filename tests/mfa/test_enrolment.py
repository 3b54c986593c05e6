"""Setting up a second factor: nothing counts before it has worked, and what was there stays until then."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from sqlalchemy import func, select

from oidc_server.authorizations.sweep import sweep
from oidc_server.core import clock
from oidc_server.core.settings import Settings
from oidc_server.mfa.enrolment import (
    Enrolled,
    KindNotAllowed,
    Setup,
    TooManyMethods,
    begin_enrolment,
    confirm_enrolment,
)
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.methods import MethodUnknown, method_of, methods_of
from oidc_server.mfa.models import Method, PendingLogin
from oidc_server.mfa.pending import Channel, PendingLoginGone, begin_pending, find_pending
from oidc_server.mfa.proof import FactorWrong, Given
from oidc_server.mfa.recovery_codes import count_left
from oidc_server.users.models import User
from tests.mfa.at_once import at_once, connected
from tests.mfa.giving import ALL, BOUND_TO, HERE, PROVEN, give, refusal
from tests.relying_party import Server, TestUser
from tests.second_factors import Totp, account_of, enrol_email, enrol_totp


def begin(
    factors: SecondFactors, user: TestUser, name: str | None = None, kinds: Collection[FactorKind] = ALL
) -> Setup:
    return begin_enrolment(
        factors, user.id, FactorKind.TOTP, name=name, bound_to=BOUND_TO, address=HERE, kinds=frozenset(kinds)
    )  # fmt: skip


def app_of(setup: Setup) -> Totp:
    assert setup.totp is not None
    return Totp(setup.method_id, setup.totp.secret)


def confirm(
    factors: SecondFactors,
    user: TestUser,
    method_id: uuid.UUID,
    code: str,
    bound_to: str = BOUND_TO,
    amr: Sequence[str] = PROVEN,
) -> Enrolled:
    given = Given(method_id, code)
    return confirm_enrolment(factors, user.id, method_id, given, amr=amr, bound_to=bound_to, address=HERE)


def waiting(server: Server, user: TestUser) -> int:
    query = select(func.count()).select_from(Method)
    with server.database.reading() as session:
        return session.scalar(query.where(Method.user_id == user.id, Method.confirmed_at.is_(None))) or 0


def test_an_app_is_told_the_secret_by_text_uri_and_picture(factors: SecondFactors, user: TestUser) -> None:
    setup = begin(factors, user)
    assert setup.totp is not None
    uri = urlsplit(setup.totp.uri)
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert unquote(uri.path).endswith(f":{user.email}")
    assert parse_qs(uri.query)["secret"] == [setup.totp.secret]
    assert setup.totp.qr_svg.startswith("<svg")
    assert "script" not in setup.totp.qr_svg
    assert (setup.kind, setup.name, setup.sent_to) == (FactorKind.TOTP, "Authenticator app", None)
    assert setup.totp.secret not in repr(setup)


def test_the_first_one_brings_ten_recovery_codes_and_the_next_one_none(
    server: Server, factors: SecondFactors, user: TestUser
) -> None:
    first = begin(factors, user)
    enrolled = confirm(factors, user, first.method_id, app_of(first).code())
    assert (enrolled.kind, enrolled.amr, len(enrolled.recovery_codes or ())) == (FactorKind.TOTP, ("otp",), 10)
    assert (enrolled.recovery_codes or ("",))[0] not in repr(enrolled)
    assert account_of(server, user).second_factors == ["totp"]
    second = begin(factors, user, "  My\nother\x07 phone ")
    assert second.name == "My other phone"
    assert confirm(factors, user, second.method_id, app_of(second).code()).recovery_codes is None
    with server.database.reading() as session:
        assert [one.id for one in methods_of(session, user.id)] == [first.method_id, second.method_id]
        assert count_left(session, user.id) == 10
    assert len(server.audit("mfa.method_added", str(user.id))) == 2
    assert refusal(factors, user, Given(None, (enrolled.recovery_codes or ("",))[0])) is None


def test_a_set_up_that_is_abandoned_changes_nothing_m14(server: Server, factors: SecondFactors, user: TestUser) -> None:
    own = enrol_totp(server, user)
    changed_at = account_of(server, user).second_factors_changed_at
    setup = begin(factors, user)
    assert not give(factors, user, setup.method_id, app_of(setup).code())
    assert account_of(server, user).second_factors_changed_at == changed_at
    assert give(factors, user, own.method_id, own.code())
    clock.travel(timedelta(minutes=15))
    with pytest.raises(MethodUnknown):
        confirm(factors, user, setup.method_id, app_of(setup).code())
    assert waiting(server, user) == 1
    sweep(server.database)
    assert waiting(server, user) == 0
    assert give(factors, user, own.method_id, own.code())


def test_a_set_up_counts_for_nothing_until_it_has_worked_m14(
    server: Server, factors: SecondFactors, user: TestUser
) -> None:
    setup = begin(factors, user)
    assert account_of(server, user).second_factors is None
    with server.database.reading() as session, pytest.raises(MethodUnknown):
        method_of(session, user.id, setup.method_id)
    with pytest.raises(FactorWrong):
        confirm(factors, user, setup.method_id, app_of(setup).wrong_code())
    assert account_of(server, user).second_factors is None
    assert confirm(factors, user, setup.method_id, app_of(setup).code()).method_id == setup.method_id


def test_each_of_two_set_ups_is_confirmed_by_its_own_code_only_m14(factors: SecondFactors, user: TestUser) -> None:
    one, other = begin(factors, user), begin(factors, user)
    assert one.totp != other.totp
    for setup, app in ((one, app_of(other)), (other, app_of(one))):
        with pytest.raises(FactorWrong):
            confirm(factors, user, setup.method_id, app.code())
    confirm(factors, user, other.method_id, app_of(other).code())
    confirm(factors, user, one.method_id, app_of(one).code())


def test_nobody_else_confirms_a_set_up_and_nobody_does_twice_m14(
    server: Server, factors: SecondFactors, user: TestUser
) -> None:
    setup, stranger = begin(factors, user), server.user()
    with pytest.raises(MethodUnknown):
        confirm(factors, stranger, setup.method_id, app_of(setup).code())
    confirm(factors, user, setup.method_id, app_of(setup).code())
    with pytest.raises(MethodUnknown):
        confirm(factors, user, setup.method_id, app_of(setup).code(1))


def test_of_many_who_finish_at_once_one_gets_the_recovery_codes_m14(
    server: Server, settings: Settings, factors: SecondFactors, user: TestUser
) -> None:
    apps = [app_of(begin(factors, user)) for _ in range(5)]
    with connected(factors, settings.database_url, 10) as many:
        outcomes = at_once(10, lambda n: confirm(many, user, apps[n % 5].method_id, apps[n % 5].code()))
    enrolled = [one for one in outcomes if isinstance(one, Enrolled)]
    assert len(enrolled) == 5, outcomes
    assert [type(one) for one in outcomes if not isinstance(one, Enrolled)] == [MethodUnknown] * 5
    given = [one.recovery_codes for one in enrolled if one.recovery_codes]
    assert len(given) == 1
    with server.database.reading() as session:
        assert sorted(one.position for one in methods_of(session, user.id)) == [0, 1, 2, 3, 4]
        assert count_left(session, user.id) == 10


def test_the_password_alone_adds_nothing_to_what_somebody_set_up_at_this_moment_m13(
    factors: SecondFactors, user: TestUser
) -> None:
    """Whoever has only the password, and began while there was no factor, comes a moment too late."""
    owner, thief = begin(factors, user), begin(factors, user)
    confirm(factors, user, owner.method_id, app_of(owner).code(), amr=["pwd"])
    for amr in (["pwd"], ["pwd", "trusted_device"]):
        with pytest.raises(FactorWrong):
            confirm(factors, user, thief.method_id, app_of(thief).code(), amr=amr)
    confirm(factors, user, thief.method_id, app_of(thief).code())


def test_guessing_at_a_set_up_counts_as_guessing_at_a_sign_in(
    server: Server, factors: SecondFactors, user: TestUser
) -> None:
    own, setup = enrol_totp(server, user), begin(factors, user)
    for _ in range(5):
        with pytest.raises(FactorWrong):
            confirm(factors, user, setup.method_id, app_of(setup).wrong_code())
    assert not give(factors, user, own.method_id, own.code())
    with pytest.raises(FactorWrong):
        confirm(factors, user, setup.method_id, app_of(setup).code())


def test_five_wait_at_most_and_the_oldest_makes_place(server: Server, factors: SecondFactors, user: TestUser) -> None:
    setups = [begin(factors, user) for _ in range(7)]
    assert waiting(server, user) == 5
    with pytest.raises(MethodUnknown):
        confirm(factors, user, setups[1].method_id, app_of(setups[1]).code())
    confirm(factors, user, setups[2].method_id, app_of(setups[2]).code())


def test_twenty_exist_at_most(server: Server, factors: SecondFactors, user: TestUser) -> None:
    for number in range(19):
        enrol_totp(server, user, f"{number}")
    late, last = begin(factors, user), begin(factors, user)
    confirm(factors, user, last.method_id, app_of(last).code())
    with pytest.raises(TooManyMethods):
        confirm(factors, user, late.method_id, app_of(late).code())
    with pytest.raises(TooManyMethods):
        begin(factors, user)


def test_codes_by_mail_are_one_method(server: Server, factors: SecondFactors, user: TestUser) -> None:
    enrol_email(server, user)
    with pytest.raises(TooManyMethods):
        begin_enrolment(factors, user.id, FactorKind.EMAIL, name=None, bound_to=BOUND_TO, address=HERE, kinds=ALL)


def test_a_kind_that_is_not_used_here_cannot_be_set_up(factors: SecondFactors, user: TestUser) -> None:
    with pytest.raises(KindNotAllowed):
        begin(factors, user, kinds={FactorKind.WEBAUTHN})


def test_who_may_not_sign_in_sets_nothing_up(server: Server, factors: SecondFactors, user: TestUser) -> None:
    setup = begin(factors, user)
    server.suspend(user)
    for act in (lambda: begin(factors, user), lambda: confirm(factors, user, setup.method_id, app_of(setup).code())):
        with pytest.raises(FactorWrong):
            act()


def test_names_that_nobody_gave_are_told_apart(server: Server, factors: SecondFactors, user: TestUser) -> None:
    enrol_totp(server, user)
    assert begin(factors, user).name == "Authenticator app 2"
    assert begin(factors, user, "\u200b \n").name == "Authenticator app 2"
    assert len(begin(factors, user, "x" * 500).name) == 100


def test_a_sign_in_that_waits_goes_on_when_it_was_for_this_and_no_other_does(
    server: Server, factors: SecondFactors, user: TestUser
) -> None:
    with server.database.transaction() as session:
        account = session.get_one(User, user.id)
        own, other = (begin_pending(session, account, Channel.PAGE, amr=["pwd"]) for _ in range(2))
        bound_to = find_pending(session, own, Channel.PAGE).bound_to
    setup = begin_enrolment(
        factors, user.id, FactorKind.TOTP, name=None, bound_to=bound_to, address=HERE, kinds=ALL
    )  # fmt: skip
    confirm(factors, user, setup.method_id, app_of(setup).code(), bound_to)
    with server.database.reading() as session:
        assert find_pending(session, own, Channel.PAGE).user.id == user.id
        with pytest.raises(PendingLoginGone):
            find_pending(session, other, Channel.PAGE)
        ends = session.scalars(select(PendingLogin.used_at).where(PendingLogin.user_id == user.id)).all()
    assert sorted(one is None for one in ends) == [False, True]
