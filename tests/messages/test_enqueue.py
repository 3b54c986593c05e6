"""Writing down what has to be told: one insert, in the language of whoever asks, and nothing is looked up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from oidc_server.core import clock
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue
from tests.messages.post_office import PostOffice


def test_it_costs_one_insert_whether_or_not_there_is_such_an_account_g02(office: PostOffice) -> None:
    statements: list[str] = []
    engine = office.server.database.engine
    known = office.server.user()

    def note(*arguments: Any) -> None:
        statements.append(arguments[2].split()[0])

    event.listen(engine, "before_cursor_execute", note)
    try:
        for recipient in (known.email, "nobody@example.com"):
            statements.clear()
            office.wait_for(recipient)
            assert [statement for statement in statements if statement != "BEGIN"] == ["INSERT"]
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_the_language_is_that_of_the_request_unless_another_one_is_named(office: PostOffice) -> None:
    with (
        office.server.app.test_request_context("/", headers={"Accept-Language": "de-AT, en;q=0.5"}),
        office.server.database.transaction() as session,
    ):
        enqueue(session, kind=Kind.INVITATION, recipient="a@example.com")
        enqueue(session, kind=Kind.INVITATION, recipient="b@example.com", language="en")
    office.wait_for("c@example.com")
    assert {message.recipient: message.language for message in office.messages()} == {
        "a@example.com": "de", "b@example.com": "en", "c@example.com": None
    }  # fmt: skip


def test_it_is_due_at_once_and_what_is_told_of_it_is_kept(office: PostOffice) -> None:
    user = office.server.user()
    office.wait_for(None, user_id=user.id, parameters={"address": "203.0.113.7"})  # type: ignore[arg-type]
    row = office.only()
    assert (row.user_id, row.parameters, row.channel, row.attempts) == (user.id, {"address": "203.0.113.7"}, "mail", 0)
    assert row.next_attempt_at == row.created_at <= clock.now()
