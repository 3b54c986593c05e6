"""Codes by mail and SMS: one method, one purpose, one address, ten minutes, once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from oidc_server.audit.catalogue import Event
from oidc_server.audit.models import AuditEvent
from oidc_server.core import clock
from oidc_server.messages.models import Message
from oidc_server.mfa.methods import MethodUnknown
from oidc_server.mfa.models import Method, SentCode
from oidc_server.mfa.proof import FactorWrong
from oidc_server.mfa.sent_codes import LIFETIME, mask, redeem_sent_code
from oidc_server.users.models import User
from tests.mfa.code_post import LOGIN, SESSION, CodePost, code_post
from tests.relying_party import Server, TestUser
from tests.second_factors import enrol_email, enrol_sms, enrol_totp

HALF_A_MINUTE = timedelta(seconds=31)


@pytest.fixture
def post(server: Server, tmp_path: Path) -> Iterator[CodePost]:
    with code_post(server, tmp_path / "outbox") as made:
        yield made


def refused(post: CodePost, user: TestUser, method_id: uuid.UUID, code: str, bound_to: str = LOGIN) -> str:
    """Give a code that is refused; why, as the log has it."""
    with pytest.raises(FactorWrong) as raised:
        post.give(user, method_id, code, bound_to)
    return raised.value.detail or ""


def test_a_code_by_mail_proves_the_factor_once(post: CodePost) -> None:
    user = post.server.user()
    method_id = enrol_email(post.server, user)
    code = post.code(user, method_id)
    assert post.last().recipient == user.email
    proof = post.give(user, method_id, f" {code[:3]} {code[3:]}")
    assert (proof.user_id, proof.method_id, proof.amr) == (user.id, method_id, ("otp", "mca"))
    assert refused(post, user, method_id, code) == "no code is waited for"
    with post.server.database.reading() as session:
        query = select(AuditEvent.detail).where(AuditEvent.event == Event.MFA_CODE_SENT.value)
        detail = session.scalars(query.where(AuditEvent.user_id == user.id)).one()
    assert detail == {"kind": "email", "method_id": str(method_id)}


def test_a_code_by_text_message_proves_the_factor(post: CodePost) -> None:
    user = post.server.user()
    method_id = enrol_sms(post.server, user, "+4915112345678")
    code = post.code(user, method_id)
    assert (post.last().recipient, post.last().html) == ("+4915112345678", "")
    assert post.give(user, method_id, code).amr == ("sms",)


def test_the_code_before_is_void_once_another_was_sent_m11(post: CodePost) -> None:
    user = post.server.user()
    method_id = enrol_email(post.server, user)
    old = post.code(user, method_id)
    clock.travel(HALF_A_MINUTE)
    new = post.code(user, method_id)
    assert old == new or refused(post, user, method_id, old) == "wrong code"
    assert post.give(user, method_id, new).method_id == method_id


def test_a_code_is_good_for_what_it_was_sent_for_only_m11(post: CodePost) -> None:
    user, other = post.server.user(), post.server.user()
    method_id, theirs = enrol_email(post.server, user), enrol_email(post.server, other)
    code = post.code(user, method_id, SESSION)
    assert refused(post, user, method_id, code, LOGIN) == "the code is for something else"
    assert refused(post, user, method_id, code, f"{SESSION}f") == "the code is for something else"
    assert refused(post, other, theirs, code, SESSION) == "no code is waited for"
    assert refused(post, other, method_id, code, SESSION) == "no such method"
    assert post.give(user, method_id, code, SESSION).method_id == method_id


def test_a_code_lasts_ten_minutes_and_no_second_longer_m11(post: CodePost) -> None:
    user = post.server.user()
    method_id = enrol_email(post.server, user)
    assert timedelta(minutes=10) == LIFETIME
    code = post.code(user, method_id)
    clock.travel(LIFETIME + timedelta(seconds=1))
    assert refused(post, user, method_id, code) == "the code has expired"
    code = post.code(user, method_id)
    clock.travel(LIFETIME - timedelta(seconds=5))
    assert post.give(user, method_id, code).method_id == method_id


def test_a_code_to_an_address_that_was_replaced_is_worth_nothing_m11_m27(post: CodePost) -> None:
    user = post.server.user()
    method_id = enrol_email(post.server, user)
    code = post.code(user, method_id)
    with post.server.database.transaction() as session:
        session.execute(update(User).where(User.id == user.id).values(email="n@example.com", email_key="n@example.com"))
    assert refused(post, user, method_id, code) == "the address or number was replaced since"
    clock.travel(HALF_A_MINUTE)
    assert post.give(user, method_id, post.code(user, method_id)).method_id == method_id
    assert post.last().recipient == "n@example.com"


def test_a_code_to_a_number_that_was_replaced_is_worth_nothing_m27(post: CodePost) -> None:
    user = post.server.user()
    method_id = enrol_sms(post.server, user, "+4915112345678")
    code = post.code(user, method_id)
    clock.travel(HALF_A_MINUTE)
    post.ask(user, method_id)
    with post.server.database.transaction() as session:
        session.execute(update(Method).where(Method.id == method_id).values(phone_number="+4915112345679"))
    assert post.deliver() == (0, 1, 0), "what still waits is not sent to the old number"
    assert refused(post, user, method_id, code)
    clock.travel(HALF_A_MINUTE)
    code = post.code(user, method_id)
    assert post.last().recipient == "+4915112345679"
    assert post.give(user, method_id, code).method_id == method_id


def test_nothing_in_the_database_tells_a_code(post: CodePost, server: Server) -> None:
    user = server.user()
    method_id = enrol_email(server, user)
    code_id = post.ask(user, method_id)
    post.deliver()
    code = next(word.strip() for word in post.last().text.split() if word.isdigit() and len(word) == 6)
    with server.database.reading() as session:
        sent, message = session.get_one(SentCode, code_id), session.scalars(select(Message)).one()
        kept = [sent.bound_to, sent.sent_to, *map(str, message.parameters.values()), message.recipient, message.kind]
    assert code not in " ".join(map(str, kept))
    with server.database.reading() as session:
        for secret in ("", "oidc-server/sent-codes", str(code_id)):  # what somebody without the key would try
            post.with_settings(post.factors.settings, secret_key=secret)
            method, owner = session.get_one(Method, method_id), session.get_one(User, user.id)
            with pytest.raises(FactorWrong, match="wrong code"):
                redeem_sent_code(session, post.factors, method, owner, code, bound_to=LOGIN)


def test_a_row_that_somebody_alters_has_another_code(post: CodePost, server: Server) -> None:
    user, eve = server.user(), server.user()
    method_id, eves = enrol_email(server, user), enrol_email(server, eve)
    code = post.code(eve, eves)
    with server.database.transaction() as session:
        moved = {"method_id": method_id, "sent_to": user.email}
        session.execute(update(SentCode).where(SentCode.method_id == eves).values(moved))
    assert refused(post, user, method_id, code) == "wrong code"


def test_a_code_outlives_a_change_of_the_secret_key(post: CodePost) -> None:
    user = post.server.user()
    method_id = enrol_email(post.server, user)
    code, settings = post.code(user, method_id), post.factors.settings
    post.with_settings(settings, secret_key="n" * 43)
    assert refused(post, user, method_id, code) == "wrong code"
    post.with_settings(settings, secret_key="n" * 43, secret_key_previous=(settings.secret_key,))
    assert post.give(user, method_id, code).method_id == method_id


def test_one_code_given_by_many_at_once_is_good_once(post: CodePost, server: Server) -> None:
    user = server.user()
    method_id = enrol_email(server, user)
    code = post.code(user, method_id)

    def redeem(_: int) -> bool:
        with server.app.app_context(), server.database.transaction() as session:
            method, owner = session.get_one(Method, method_id), session.get_one(User, user.id)
            try:
                redeem_sent_code(session, post.factors, method, owner, code, bound_to=LOGIN)
            except FactorWrong:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(redeem, range(20))) == 1


def test_what_was_overtaken_before_it_was_sent_is_not_sent(post: CodePost, server: Server) -> None:
    user = server.user()
    method_id = enrol_email(server, user)
    post.ask(user, method_id)
    clock.travel(HALF_A_MINUTE)
    post.ask(user, method_id)
    assert post.deliver() == (1, 1, 0)
    clock.travel(HALF_A_MINUTE)
    post.ask(user, method_id)
    clock.travel(LIFETIME)
    assert post.deliver() == (0, 1, 0)
    post.ask(user, method_id)
    server.suspend(user)
    assert post.deliver() == (0, 1, 0)


def test_codes_are_sent_for_methods_of_the_person_that_have_an_address_or_a_number_only(
    post: CodePost, server: Server
) -> None:
    user, other = server.user(), server.user()
    for method_id in (enrol_totp(server, user).method_id, enrol_email(server, other)):
        with pytest.raises(MethodUnknown):
            post.ask(user, method_id)
    abandoned = enrol_email(server, user)
    with server.database.transaction() as session:
        over = {"confirmed_at": None, "expires_at": clock.now()}
        session.execute(update(Method).where(Method.id == abandoned).values(over))
    with pytest.raises(MethodUnknown):
        post.ask(user, abandoned)
    with server.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SentCode)) == 0


def test_where_a_code_went_is_shown_so_that_only_its_owner_knows_it() -> None:
    user = User(email="ada@example.com")
    assert mask(Method(kind="email"), user) == "a•••@example.com"
    assert mask(Method(kind="email"), User(email="a@example.com")) == "•••@example.com"
    assert mask(Method(kind="sms", phone_number="+4915112345678"), user) == "••• 78"
    assert mask(Method(kind="totp"), user) == ""
