"""Whoever earns by text messages gets few of them sent: per number, range of numbers, account, address, altogether."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from oidc_server.core import clock
from oidc_server.core.errors import Reason, Throttled
from oidc_server.core.limits import Limits
from oidc_server.messages.models import Message
from oidc_server.mfa.models import Method
from oidc_server.mfa.phone_numbers import PhoneNumberRefused
from tests.mfa.code_post import CodePost, code_post
from tests.relying_party import Server, TestUser
from tests.second_factors import enrol_email, enrol_sms

HALF_A_MINUTE = timedelta(seconds=31)
DAY = 86400


@pytest.fixture
def post(server: Server, tmp_path: Path) -> Iterator[CodePost]:
    with code_post(server, tmp_path / "outbox") as made:
        yield made


def with_amounts(post: CodePost, **amounts: int) -> None:
    """Go on with other amounts of these rules, as OIDC_LIMITS sets them."""
    post.factors = replace(post.factors, limits=Limits(post.server.database.engine, amounts=amounts))


def throttled(post: CodePost, user: TestUser, method_id: uuid.UUID) -> Throttled:
    """Ask for a code that is not sent."""
    with pytest.raises(Throttled) as raised:
        post.ask(user, method_id)
    assert raised.value.reason is Reason.CODE_SENDING_THROTTLED
    assert raised.value.status == 429
    return raised.value


def set_up(post: CodePost, user: TestUser, number: str) -> uuid.UUID:
    """A number that somebody has typed, and not confirmed."""
    method_id = enrol_sms(post.server, user, number)
    waiting = {"confirmed_at": None, "expires_at": clock.now() + timedelta(days=2)}
    with post.server.database.transaction() as session:
        session.execute(update(Method).where(Method.id == method_id).values(waiting))
    return method_id


def sent(post: CodePost) -> int:
    """How many messages were written down."""
    with post.server.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Message)) or 0


@pytest.mark.parametrize("enrol", [enrol_sms, enrol_email])
def test_who_asks_again_and_again_waits_longer_and_longer_m23(
    post: CodePost, enrol: Callable[[Server, TestUser], uuid.UUID]
) -> None:
    user = post.server.user()
    method_id = enrol(post.server, user)
    start = clock.seconds()
    asked_at: list[float] = []
    while len(asked_at) < 13:
        try:
            post.ask(user, method_id)
            asked_at.append(clock.seconds() - start)
        except Throttled as refusal:
            clock.travel(timedelta(seconds=refusal.retry_after or 0))
    assert asked_at[0] < 5
    assert 30 <= asked_at[1] < 900, "half a minute after the first one"
    assert 900 <= asked_at[4] < 6 * 3600, "a quarter of an hour after four"
    assert 6 * 3600 <= asked_at[8] < DAY, "hours after eight"
    assert asked_at[12] >= DAY, "a day after twelve"
    assert sent(post) == 13


def test_the_wait_that_is_told_is_the_one_that_helps_m23(post: CodePost) -> None:
    user = post.server.user()
    method_id = enrol_sms(post.server, user)
    post.ask(user, method_id)
    wait = throttled(post, user, method_id).retry_after or 0
    assert 0 < wait <= 30
    clock.travel(timedelta(seconds=wait))
    post.ask(user, method_id)


def test_no_number_gets_more_by_being_set_up_in_many_accounts_m23(post: CodePost) -> None:
    number, owner = "+4915112345678", post.server.user()
    theirs = enrol_sms(post.server, owner, number)
    for place in range(4):
        user = post.server.user()
        post.address = f"192.0.2.{place}"
        post.ask(user, set_up(post, user, number))
        clock.travel(HALF_A_MINUTE)
    fifth = post.server.user()
    assert throttled(post, fifth, set_up(post, fifth, number)).detail == "codes_quarter"
    post.ask(owner, theirs)
    assert sent(post) == 5, "nobody keeps the owner of a number from being sent codes"


def test_one_number_in_use_in_many_accounts_is_counted_once_m23(post: CodePost) -> None:
    people = [post.server.user() for _ in range(5)]
    methods = [enrol_sms(post.server, user, "+4915112345678") for user in people]
    for user, method_id in zip(people[:4], methods[:4], strict=True):
        post.ask(user, method_id)
    assert throttled(post, people[4], methods[4]).detail == "sms_to_number"


def test_many_numbers_of_one_range_are_one_m23(post: CodePost, capsys: pytest.CaptureFixture[str]) -> None:
    with_amounts(post, sms_by_prefix=3)
    for place, user in enumerate(people := [post.server.user() for _ in range(5)]):
        post.address = f"192.0.2.{place}"
        method_id = set_up(post, user, f"+491511234567{place}")
        if place < 3:
            post.ask(user, method_id)
        else:
            assert throttled(post, user, method_id).detail == "sms_by_prefix"
    log = capsys.readouterr().err
    assert log.count('"event":"sms_limit_reached"') == 1, "once, however often it is run into"
    assert '"numbers":"+4915112"' not in log
    assert '"numbers":"+491511234"' in log
    post.ask(people[4], set_up(post, people[4], "+4915122345678"))
    assert sent(post) == 4


def test_one_network_address_and_one_account_get_few_whatever_the_numbers_m23(post: CodePost) -> None:
    with_amounts(post, sms_by_address=3, sms_by_account=2)
    user = post.server.user()
    numbers = [f"+49151{place}2345678" for place in range(4)]
    for number in numbers[:2]:
        post.ask(user, set_up(post, user, number))
    assert throttled(post, user, set_up(post, user, numbers[2])).detail == "sms_by_account"
    clock.travel(HALF_A_MINUTE)
    post.ask(other := post.server.user(), set_up(post, other, numbers[2]))
    last = post.server.user()
    method_id = set_up(post, last, numbers[3])
    assert throttled(post, last, method_id).detail == "sms_by_address"
    clock.travel(HALF_A_MINUTE)
    post.address = "198.51.100.1"
    post.ask(last, method_id)


def test_altogether_there_is_an_end_that_those_who_are_refused_do_not_bring_closer_m23(post: CodePost) -> None:
    with_amounts(post, sms_altogether=2)
    user = post.server.user()
    method_id = enrol_sms(post.server, user)
    post.ask(user, method_id)
    for _ in range(5):
        assert throttled(post, user, method_id).detail == "codes_minute"
    other, third = post.server.user(), post.server.user()
    post.ask(other, enrol_sms(post.server, other, "+447400123456"))
    assert throttled(post, third, enrol_sms(post.server, third, "+12015550123")).detail == "sms_altogether"
    post.ask(third, enrol_email(post.server, third))
    assert sent(post) == 3, "mails are not counted with what costs"


def test_a_country_that_is_not_allowed_any_more_gets_nothing_m23(post: CodePost) -> None:
    user = post.server.user()
    method_id = enrol_sms(post.server, user, "+447400123456")
    post.with_settings(post.factors.settings, sms_countries=("DE",))
    with pytest.raises(PhoneNumberRefused):
        post.ask(user, method_id)
    assert sent(post) == 0
