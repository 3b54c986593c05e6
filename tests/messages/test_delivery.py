"""What waits is sent, once; what was not taken is tried again, ever more seldom, and given up after three days."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from oidc_server.authorizations.sweep import sweep
from oidc_server.core import clock
from oidc_server.messages.kinds import Kind
from oidc_server.messages.mail import Mail
from oidc_server.messages.models import Message
from oidc_server.messages.service import enqueue
from tests.messages.post_office import PostOffice, to_the_recipient


def test_what_waits_is_sent_and_only_once(office: PostOffice) -> None:
    message = office.wait_for("ada@example.com")
    assert office.deliver() == (1, 0, 0)
    assert office.deliver() == (0, 0, 0)
    letter = office.mailbox.only()
    assert (letter.recipient, letter.subject, letter.sender) == (
        "ada@example.com",
        "Words",
        "no-reply@login.example.com",
    )
    assert letter.link.endswith(message.id.hex)
    assert "<p>Words</p>" in letter.html
    row = office.only()
    assert (row.next_attempt_at, row.dropped_at, row.attempts) == (None, None, 1)
    assert row.sent_at is not None


def test_a_batch_goes_over_one_connection(office: PostOffice) -> None:
    for _ in range(3):
        office.wait_for()
    assert office.deliver() == (3, 0, 0)
    assert office.mailbox.connections == 1


def test_a_fact_that_was_taken_back_is_not_told(office: PostOffice) -> None:
    with suppress(ZeroDivisionError), office.server.database.transaction() as session:
        enqueue(session, kind=Kind.RESET_PASSWORD, recipient="ada@example.com")
        raise ZeroDivisionError
    assert office.messages() == []
    assert office.deliver() == (0, 0, 0)


def test_a_message_with_nothing_to_tell_any_more_is_dropped_and_nobody_is_connected_to(office: PostOffice) -> None:
    office.composers[Kind.RESET_PASSWORD] = lambda _session, _message: None
    office.wait_for()
    assert office.deliver() == (0, 1, 0)
    assert office.only().dropped_at is not None
    assert office.mailbox.connections == 0


def test_a_composer_that_fails_holds_up_nobody_and_what_it_wrote_is_undone(
    office: PostOffice, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(session: Session, message: Message) -> Mail | None:
        enqueue(session, kind=Kind.NEW_DEVICE, recipient=message.recipient)
        raise ZeroDivisionError

    office.composers[Kind.INVITATION] = failing
    office.wait_for(kind=Kind.INVITATION)
    office.wait_for("bob@example.com")
    assert office.deliver() == (1, 0, 1)
    assert office.mailbox.only().recipient == "bob@example.com"
    failed, _ = office.messages()
    assert (failed.last_error, failed.attempts, failed.sent_at) == ("ZeroDivisionError", 1, None)
    logged = json.loads(capsys.readouterr().err)
    assert (logged["event"], logged["kind"]) == ("message_not_composed", "invitation")
    assert "ada@example.com" not in json.dumps(logged)
    office.composers[Kind.INVITATION] = to_the_recipient
    clock.travel(timedelta(seconds=11))
    assert office.deliver() == (1, 0, 0)


def test_a_kind_that_this_sender_does_not_know_waits_for_one_that_does(office: PostOffice) -> None:
    composer = office.composers.pop(Kind.RESET_PASSWORD)
    office.wait_for()
    assert office.deliver() == (0, 0, 1)
    office.composers[Kind.RESET_PASSWORD] = composer
    clock.travel(timedelta(seconds=11))
    assert office.deliver() == (1, 0, 0)


def test_a_message_that_cannot_be_written_holds_up_nobody(office: PostOffice) -> None:
    office.composers[Kind.INVITATION] = lambda *_: Mail("ada@example.com", "Half a character: \ud800", "", "")
    office.wait_for(kind=Kind.INVITATION)
    office.wait_for("bob@example.com")
    assert office.deliver() == (1, 0, 1)


def test_a_recipient_that_does_not_exist_is_given_up_at_once_and_the_others_are_not_x38(office: PostOffice) -> None:
    office.mailbox.refuse_recipients("550 5.1.1 nobody here")
    office.wait_for()
    assert office.deliver() == (0, 1, 0)
    assert office.only().last_error == "550 5.1.1 nobody here"
    office.mailbox.refuse_recipients(None)
    office.wait_for("bob@example.com")
    assert office.deliver() == (1, 0, 0)
    assert office.mailbox.only().recipient == "bob@example.com"


def test_an_address_that_is_none_is_given_up_at_once(office: PostOffice) -> None:
    office.wait_for("nobody")
    assert office.deliver() == (0, 1, 0)
    assert office.mailbox.letters == []


def test_what_is_refused_for_now_is_tried_ever_more_seldom_and_given_up_after_three_days_x38(
    office: PostOffice, capsys: pytest.CaptureFixture[str]
) -> None:
    office.mailbox.refuse_recipients("451 4.2.0 come back later")
    office.wait_for()
    waits = []
    while office.deliver().failed:
        wait = office.only().next_attempt_at - clock.now()  # type: ignore[operator]
        waits.append(wait.total_seconds())
        clock.travel(wait + timedelta(seconds=0.01))
    # It is looked at a moment after the attempt.
    assert waits[:9] == pytest.approx([10, 20, 40, 80, 160, 320, 640, 1280, 2560], abs=2)
    assert waits[9:] == pytest.approx([3600] * len(waits[9:]), abs=2)
    assert 3 * 86400 - 3600 <= sum(waits) < 3 * 86400 + 3600
    assert office.only().dropped_at is not None
    assert '"event":"message_given_up"' in capsys.readouterr().err
    assert office.mailbox.letters == []


def test_a_lasting_refusal_of_anything_but_the_recipient_can_be_mended_and_the_mail_waits_x38(
    office: PostOffice,
) -> None:
    office.wait_for()
    office.mailbox.refuse_contents("554 5.7.1 not this")
    assert office.deliver() == (0, 0, 1)
    office.mailbox.refuse_contents(None)
    office.mailbox.refuse_senders("550 5.7.1 not from you")
    clock.travel(timedelta(seconds=11))
    assert office.deliver() == (0, 0, 1)
    office.mailbox.reset()
    clock.travel(timedelta(seconds=11))
    assert office.deliver() == (1, 0, 0)


def test_what_nobody_can_take_is_given_up_after_three_days(office: PostOffice) -> None:
    from oidc_server.messages.delivery import current_delivery

    office.wait_for("+442079460123", channel="sms")
    with office.server.app.app_context():
        assert office.deliver() == (0, 0, 0)
        clock.travel(timedelta(days=3) - timedelta(seconds=5))
        office.wait_for()
        assert current_delivery().drop_what_nobody_takes() == 0
        clock.travel(timedelta(seconds=6))
        assert current_delivery().drop_what_nobody_takes() == 1
    assert [message.dropped_at is None for message in office.messages()] == [False, True]


def test_old_messages_are_swept_and_none_that_waits(office: PostOffice) -> None:
    office.wait_for()
    office.deliver()
    clock.travel(timedelta(days=32))
    assert sweep(office.server.database)["messages"] == 0
    clock.travel(timedelta(days=1))
    assert sweep(office.server.database)["messages"] == 1
    office.wait_for()
    clock.travel(timedelta(days=34))
    assert sweep(office.server.database)["messages"] == 0
