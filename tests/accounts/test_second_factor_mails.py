"""Whatever happens to somebody's second factors, they are told, at the address that they had then."""

from __future__ import annotations

import pytest

from oidc_server.audit.service import SYSTEM
from oidc_server.mfa.enrolment import begin_enrolment, confirm_enrolment
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.methods import method_of, remove_method
from oidc_server.mfa.proof import Given
from oidc_server.mfa.proving import prove_factor
from oidc_server.mfa.recovery_codes import make_codes, store_codes
from oidc_server.mfa.reset import reset_factors
from oidc_server.users.models import User
from tests.accounts.people import ADA, Town
from tests.mailbox import Letter
from tests.mfa.giving import PROVEN
from tests.relying_party import TestUser
from tests.second_factors import Totp, enrol_totp, factors_of

HERE, ALL = "198.51.100.23", frozenset(FactorKind)


@pytest.fixture
def ada(town: Town) -> TestUser:
    return town.server.user(ADA)


def only_letter(town: Town) -> Letter:
    """The one mail, which leads to the second factors."""
    (letter,) = town.mail()
    assert letter.recipient == ADA
    assert letter.link == f"{town.server.metadata['issuer']}/account/security"
    return letter


def test_who_sets_one_up_is_told_once_and_by_its_kind_not_its_name(town: Town, ada: TestUser) -> None:
    factors = factors_of(town.server)
    setup = begin_enrolment(
        factors, ada.id, FactorKind.TOTP, name="Call 0900 now", bound_to="session", address=HERE, kinds=ALL
    )  # fmt: skip
    assert setup.totp is not None
    code = Totp(setup.method_id, setup.totp.secret).code()
    confirm_enrolment(factors, ada.id, setup.method_id, Given(None, code), amr=PROVEN, bound_to="session", address=HERE)
    letter = only_letter(town)
    assert letter.subject == "A second factor was added"
    for part in (letter.text, letter.html):
        assert "Authenticator app" in part
        assert HERE in part
        assert "0900" not in part
        assert setup.totp.secret not in part


def test_who_removes_one_is_told_at_the_address_of_then_in_their_language(town: Town, ada: TestUser) -> None:
    totp = enrol_totp(town.server, ada)
    german = town.server.app.test_request_context(headers={"Accept-Language": "de"})
    with german, town.server.database.transaction() as session:
        user = session.get_one(User, ada.id)
        method = method_of(session, ada.id, totp.method_id)
        remove_method(session, factors_of(town.server), user, method, actor=SYSTEM)
        user.email, user.email_key = "thief@example.org", "thief@example.org"
    letter = only_letter(town)
    assert letter.subject == "Ein zweiter Faktor wurde entfernt"
    assert "Authenticator-App" in letter.text


def test_who_makes_or_uses_recovery_codes_is_told_which_and_how_many_are_left(town: Town, ada: TestUser) -> None:
    enrol_totp(town.server, ada)
    new = make_codes(factors_of(town.server).passwords)
    with town.server.database.transaction() as session:
        store_codes(session, session.get_one(User, ada.id), new, SYSTEM)
    codes = new.codes
    made = only_letter(town)
    assert made.subject == "New recovery codes"
    prove_factor(
        factors_of(town.server), ada.id, Given(None, codes[0]), bound_to="session", kinds=ALL, address=HERE
    )  # fmt: skip
    used = only_letter(town)
    assert used.subject == "A recovery code was used"
    assert "Codes that are left: 9." in used.text
    assert HERE in used.text
    assert not [code for code in codes if code in made.text + used.text]


def test_whose_factors_an_admin_removed_is_told_what_comes_next_m25(town: Town, ada: TestUser) -> None:
    enrol_totp(town.server, ada)
    with town.server.database.transaction() as session:
        reset_factors(session, session.get_one(User, ada.id), actor=SYSTEM, note="secret to the admins")
    letter = only_letter(town)
    assert letter.subject == "Your second factors were removed"
    assert "you set up a new one" in letter.text
    assert "secret to the admins" not in letter.text + letter.html


def test_who_is_gone_by_then_is_told_nothing(town: Town, ada: TestUser) -> None:
    enrol_totp(town.server, ada)
    with town.server.database.transaction() as session:
        reset_factors(session, session.get_one(User, ada.id), actor=SYSTEM, note="")
    with town.server.database.transaction() as session:
        session.delete(session.get_one(User, ada.id))
    assert town.mail() == []
