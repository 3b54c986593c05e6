"""R04: the pages and the JSON API count together, so nobody gets twice as far by using both."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from oidc_server.core.limit_rules import MAILS_BY_ADDRESS, MAILS_TO_RECIPIENT, REGISTRATIONS_BY_ADDRESS
from oidc_server.messages.models import Message
from tests.accounts.json_client import JsonClient, problem
from tests.accounts.people import ADA, Town
from tests.accounts.walks import SENT, ask_for_mail, browser_at, register
from tests.relying_party import PASSWORD

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"
LIMITED = (429, "too_many_requests")
ASKING = {"/forgot-password": "/auth/forgot-password", "/resend-verification": "/auth/resend-verification"}


def messages(town: Town) -> int:
    with town.server.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Message)) or 0


def test_registering_counts_together_r04(town: Town) -> None:
    browser = browser_at(town, HERE)
    for number in range(REGISTRATIONS_BY_ADDRESS[0].amount):
        if number % 2:
            register(browser, ADA, "password123")
        else:
            assert town.register("", "x").status_code == 422
            assert town.register(ADA, "password123").status_code == 422
    refused = register(browser, full_name="Ada")
    assert refused.status == 429
    assert "Too many attempts." in refused.words
    assert refused.form.fields["full_name"] == "Ada"
    assert 0 < int(refused.response.headers["Retry-After"]) <= REGISTRATIONS_BY_ADDRESS[0].seconds
    assert problem(town.register()) == LIMITED
    assert SENT in register(browser_at(town, ELSEWHERE)).words


@pytest.mark.parametrize("path", ASKING)
def test_asking_for_mails_counts_together_r04(town: Town, path: str) -> None:
    browser = browser_at(town, HERE)
    for number in range(MAILS_BY_ADDRESS.amount):
        email = f"{number}@example.com"
        if number % 2:
            assert SENT in ask_for_mail(browser, path, email).words
        else:
            assert town.app.post(ASKING[path], email=email).status_code == 202
    refused = ask_for_mail(browser, path)
    assert (refused.status, refused.form.fields["email"]) == (429, ADA)
    assert 0 < int(refused.response.headers["Retry-After"]) <= MAILS_BY_ADDRESS.seconds
    assert problem(town.app.post(ASKING[path], email=ADA)) == LIMITED
    assert SENT in ask_for_mail(browser_at(town, ELSEWHERE), path).words


@pytest.mark.parametrize("path", ASKING)
def test_mails_to_one_person_count_together_and_nobody_is_told_r04_g25(town: Town, path: str) -> None:
    town.server.user(ADA)
    for number in range(2 * MAILS_TO_RECIPIENT[0].amount):
        address = f"203.0.113.{number}"
        if number % 2:
            assert SENT in ask_for_mail(browser_at(town, address), path).words
        else:
            assert JsonClient(town.server, address).post(ASKING[path], email=ADA).status_code == 202
    assert messages(town) == MAILS_TO_RECIPIENT[0].amount


def test_a_taken_address_and_a_free_one_reach_the_limit_alike_g01_r04(town: Town) -> None:
    town.server.user(ADA)
    found = []
    for email, address in ((ADA, HERE), ("nobody@example.com", ELSEWHERE)):
        browser = browser_at(town, address)
        statuses = [register(browser, email, PASSWORD).status for _ in range(MAILS_TO_RECIPIENT[0].amount + 2)]
        found.append(statuses)
    assert found[0] == found[1]
    assert set(found[0]) == {200}
