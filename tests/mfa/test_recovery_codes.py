"""Recovery codes: each stands in for a factor once, is void when new ones are made, and is not to be had from the
database."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import select, text

from oidc_server.core.database import Base
from oidc_server.core.errors import Reason
from oidc_server.core.settings import Settings
from oidc_server.mfa import recovery_codes as module
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.models import RecoveryCode
from oidc_server.mfa.proof import FactorProof, FactorWrong, Given
from oidc_server.mfa.recovery_codes import count_left, make_codes
from oidc_server.users.passwords import HashingGate, Passwords
from tests.mfa.at_once import at_once, connected
from tests.mfa.giving import prove, refusal
from tests.relying_party import Server, TestUser
from tests.second_factors import account_of, enrol_totp, recovery_codes


@pytest.fixture
def codes(server: Server, user: TestUser) -> list[str]:
    enrol_totp(server, user)
    return recovery_codes(server, user)


def right(factors: SecondFactors, user: TestUser, code: str, device: str | None = None) -> bool:
    return refusal(factors, user, Given(None, code), device) is None


def left(server: Server, user: TestUser) -> int:
    with server.database.reading() as session:
        return count_left(session, user.id)


def test_a_code_stands_in_for_a_factor_once(
    server: Server, factors: SecondFactors, user: TestUser, codes: list[str]
) -> None:
    assert prove(factors, user, Given(None, codes[0])) == FactorProof(user.id, ("otp", "recovery_code"))
    assert not right(factors, user, codes[0])
    assert right(factors, user, codes[1])
    assert left(server, user) == 8
    used = server.audit("mfa.recovery_code_used", str(user.id))
    assert [event.detail for event in used] == [{"left": 9}, {"left": 8}]


def test_ten_codes_have_eighty_random_bits_without_characters_that_look_alike(codes: list[str]) -> None:
    assert len({code[:2] for code in codes}) == len(codes) == 10
    assert all(re.fullmatch(r"([2-9a-km-np-z]{4}-){3}[2-9a-km-np-z]{4}", code) for code in codes)
    assert len(set(module._ALPHABET)) == 32


def test_twenty_at_once_use_a_code_once_m12(
    server: Server, settings: Settings, factors: SecondFactors, user: TestUser, codes: list[str]
) -> None:
    with connected(factors, settings.database_url, 20) as many:
        outcomes = at_once(20, lambda _: prove(many, user, Given(None, codes[3])))
    assert [type(one) for one in outcomes if isinstance(one, FactorProof)] == [FactorProof]
    assert {one.reason for one in outcomes if isinstance(one, FactorWrong)} == {Reason.SECOND_FACTOR_WRONG}, outcomes
    assert left(server, user) == 9


def test_new_codes_void_those_from_before_used_or_not_m12(
    server: Server, factors: SecondFactors, user: TestUser, codes: list[str]
) -> None:
    assert right(factors, user, codes[0])
    new = recovery_codes(server, user)
    assert not set(new) & set(codes)
    assert not any(right(factors, user, code) for code in codes[:3])
    assert right(factors, user, new[0])
    assert left(server, user) == 9


def test_a_code_that_is_found_while_new_ones_are_made_is_void_m12(
    server: Server, factors: SecondFactors, user: TestUser, codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is compared outside of the transaction in which it is used up."""
    verify = type(factors.passwords).verify

    def slowly(*arguments: object) -> bool:
        recovery_codes(server, user)
        return verify(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(type(factors.passwords), "verify", slowly)
    assert not right(factors, user, codes[0])
    assert left(server, user) == 10


def test_case_spaces_and_hyphens_do_not_matter_and_nothing_else_is_forgiven_m12(
    factors: SecondFactors, user: TestUser, codes: list[str]
) -> None:
    code = codes[0]
    plain = code.replace("-", "")
    kelvin = plain.translate({ord("k"): "\u212a", ord("s"): "\u017f"})  # which are k and s in lower case
    wrong = [plain[:-1], f"{plain}2", f"{plain[:-1]}l", f"{code}\n", f"\u00a0{code}", f"{code}\x00", "", "-" * 5000]
    for number, given in enumerate([*wrong, *([kelvin] if kelvin != plain else [])]):
        assert not right(factors, user, given, f"device {number}"), given
    assert right(factors, user, f" {plain[:8].upper()} {plain[8:]}-")
    for spelling in (code, plain, code.upper()):
        assert not right(factors, user, spelling)


def test_a_right_selector_alone_is_worth_nothing(factors: SecondFactors, user: TestUser, codes: list[str]) -> None:
    other_secret = codes[0][:2] + codes[1][2:]
    assert not right(factors, user, other_secret)
    assert right(factors, user, codes[0])


def test_whoever_has_the_database_has_no_code_m12(
    server: Server, settings: Settings, user: TestUser, codes: list[str]
) -> None:
    """Of each only its first two characters stand there, and a salted, slow hash like that of a password."""
    dump = dump_of(server, settings)
    for code in codes:
        assert code not in dump
        assert code.replace("-", "")[2:] not in dump
    with server.database.reading() as session:
        rows = session.scalars(select(RecoveryCode).where(RecoveryCode.user_id == user.id)).all()
    assert {row.selector for row in rows} == {code[:2] for code in codes}
    assert len({row.code_hash for row in rows}) == 10
    assert all(row.code_hash.startswith("bcrypt-sha256$$2b$") for row in rows)


def dump_of(server: Server, settings: Settings) -> str:
    """All that stands in the database, as whoever steals it sees it."""
    if settings.database_url.startswith("sqlite"):
        with closing(sqlite3.connect(settings.database_url.removeprefix("sqlite:///"))) as connection:
            return "\n".join(connection.iterdump())
    with server.database.glance() as connection:
        tables = [table.name for table in Base.metadata.sorted_tables]
        return str([connection.execute(text(f'SELECT * FROM "{name}"')).all() for name in tables])


def test_hashes_cost_what_the_decision_says_and_one_is_made_for_any_code(
    factors: SecondFactors, user: TestUser, codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first pair of characters that no code has takes as long as one that some code has."""
    made = make_codes(Passwords(12, HashingGate(1, 1)))
    assert all(stored.startswith("bcrypt-sha256$$2b$07$") for _, stored in made.stored)
    verified, verify = [0], type(factors.passwords).verify

    def counting(*arguments: object) -> bool:
        verified[0] += 1
        return verify(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(type(factors.passwords), "verify", counting)
    free = next(a + b for a in module._ALPHABET for b in module._ALPHABET if a + b not in {c[:2] for c in codes})
    for typed in (codes[0][:2] + "2" * 14, free + "2" * 14):
        assert not right(factors, user, typed)
    assert verified == [2]


def test_without_codes_none_is_right(server: Server, factors: SecondFactors, user: TestUser) -> None:
    enrol_totp(server, user)
    assert refusal(factors, user, Given(None, "2222-2222-2222-2222")) is Reason.SECOND_FACTOR_WRONG


def test_a_code_of_another_person_is_wrong(
    server: Server, factors: SecondFactors, user: TestUser, codes: list[str]
) -> None:
    other = server.user()
    enrol_totp(server, other)
    theirs = recovery_codes(server, other)
    assert not right(factors, user, theirs[0])
    assert right(factors, other, theirs[0])
    assert account_of(server, user).second_factors == ["totp"]
    assert left(server, user) == len(codes)
