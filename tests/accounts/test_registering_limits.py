"""Limits on registering and on mails that anybody can have sent: what counts together, and what the answer tells."""

from __future__ import annotations

from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from oidc_server.core.limit_rules import (
    LOGIN_ATTEMPTS,
    MAILS_ALTOGETHER,
    MAILS_BY_ADDRESS,
    MAILS_TO_RECIPIENT,
    REGISTRATIONS_BY_ADDRESS,
)
from oidc_server.core.limits import RateLimitCounter
from oidc_server.messages.models import Message
from tests.accounts.json_client import JsonClient, problem
from tests.accounts.people import ADA, Town
from tests.relying_party import PASSWORD

LIMITED = (429, "too_many_requests")
TO_ONE = MAILS_TO_RECIPIENT[0].amount
SPELLINGS = [ADA, "ADA@EXAMPLE.COM", " Ada@Example.com ", "ada@EXAMPLE.com"]


def resend(town: Town, email: str, address: str = "192.0.2.1", prefix: str = "") -> TestResponse:
    return JsonClient(town.server, address).post(f"{prefix}/auth/resend-verification", email=email)


def messages(town: Town) -> int:
    with town.server.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Message)) or 0


def test_a_hundred_requests_from_everywhere_send_one_person_few_mails_g25(town: Town) -> None:
    """The answer is the same for each, so that it does not tell what others asked for; and spellings are one (R02)."""
    town.register()
    assert len(town.mail()) == 1
    answers = [resend(town, SPELLINGS[n % 4], f"203.0.113.{n}", "/api/v1" * (n % 2)) for n in range(100)]
    assert {(answer.status_code, answer.data) for answer in answers} == {(202, answers[0].data)}
    assert messages(town) == 1 + TO_ONE
    assert {letter.recipient for letter in town.mail()} == {ADA}


def test_one_caller_asks_for_few_mails_whoever_they_are_for_g25_r04(town: Town) -> None:
    """By the address and by its alias alike; told to the caller, since it is about the caller."""
    for number in range(MAILS_BY_ADDRESS.amount):
        assert resend(town, f"{number}@example.com", prefix="/api/v1" * (number % 2)).status_code == 202
    refused = resend(town, "another@example.com")
    assert problem(refused) == LIMITED
    assert 0 < int(refused.headers["Retry-After"]) <= MAILS_BY_ADDRESS.seconds
    assert problem(resend(town, "another@example.com", prefix="/api/v1")) == LIMITED
    assert resend(town, "another@example.com", "198.51.100.7").status_code == 202
    assert messages(town) == MAILS_BY_ADDRESS.amount + 1


def test_a_network_of_ipv6_is_one_caller_g25(town: Town) -> None:
    for number in range(MAILS_BY_ADDRESS.amount):
        assert resend(town, f"{number}@example.com", f"2001:db8::{number:x}").status_code == 202
    assert problem(resend(town, "a@example.com", "2001:db8::ffff:1")) == LIMITED
    assert resend(town, "a@example.com", "2001:db8:0:1::1").status_code == 202


def test_all_callers_together_have_a_limit_for_each_purpose_g25(town: Town) -> None:
    assert resend(town, "first@example.com").status_code == 202
    with town.server.database.transaction() as session:
        counted = RateLimitCounter.key.contains(MAILS_ALTOGETHER.name)
        session.execute(update(RateLimitCounter).where(counted).values(hits=MAILS_ALTOGETHER.amount))
    assert problem(resend(town, ADA, "198.51.100.7")) == LIMITED
    assert town.register().status_code == 201  # another purpose


def test_registering_one_address_again_and_again_sends_few_mails_g25(town: Town) -> None:
    owner = town.server.user(ADA)
    for number in range(TO_ONE + 3):
        assert town.register(SPELLINGS[number % 4]).status_code == 201
    assert {letter.recipient for letter in town.mail()} == {owner.email}
    assert messages(town) == TO_ONE


def test_one_caller_registers_so_many_times_and_no_more_r04(town: Town) -> None:
    """Attempts with taken usernames and refused passwords count; the alias counts together with the address."""
    town.server.user(username="mike")
    tries = [{"username": "mike"}, {"password": "password123"}, {}]
    for number in range(REGISTRATIONS_BY_ADDRESS[0].amount):
        body = {"email": f"{number}@example.com", "password": PASSWORD} | tries[number % 3]
        response = town.app.post("/api/v1/auth/register" if number % 2 else "/auth/register", **body)
        assert response.status_code in {201, 409, 422}
    refused = town.register("one.more@example.com")
    assert problem(refused) == LIMITED
    assert 0 < int(refused.headers["Retry-After"]) <= REGISTRATIONS_BY_ADDRESS[0].seconds
    elsewhere = JsonClient(town.server, "198.51.100.7")
    assert elsewhere.post("/auth/register", email=ADA, password=PASSWORD).status_code == 201


def test_guessing_is_counted_alike_at_login_its_alias_and_with_a_link_r02_r04(town: Town) -> None:
    town.register(username="ada")
    token = town.token()
    guess = "a wrong password"
    wrong = (401, "credentials_wrong")
    tries = [
        ("/auth/login", {"email": ADA}), ("/api/v1/auth/login", {"email": "ADA@EXAMPLE.COM"}),
        ("/auth/login", {"username": "Ada"}), ("/auth/verify-email", {"token": token}),
        ("/api/v1/auth/verify-email", {"token": token}),
    ]  # fmt: skip
    assert len(tries) == LOGIN_ATTEMPTS[0].amount
    assert [problem(town.app.post(path, password=guess, **who)) for path, who in tries] == [wrong] * len(tries)
    right = [problem(town.app.post(path, password=PASSWORD, **who)) for path, who in tries]
    assert right == [LIMITED] * len(tries)
    assert town.app.post("/auth/verify-email", token=token).status_code == 200  # it is not used up
