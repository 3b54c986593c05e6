"""The thread that sends: about every second, in spite of faults, and it keeps nobody from ending."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from itertools import chain, repeat
from unittest.mock import patch

import pytest
from sqlalchemy.orm import Session

from oidc_server.messages.delivery import EXTENSION
from oidc_server.messages.kinds import Kind
from oidc_server.messages.mail import Mail
from oidc_server.messages.models import Message
from oidc_server.messages.sender import Sender
from tests.messages.post_office import PostOffice, to_the_recipient


def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds; fail when it does not in ten seconds."""
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_it_sends_what_is_due_and_what_becomes_due(office: PostOffice) -> None:
    sender = Sender(office.server.app, period=0.01)
    office.wait_for("ada@example.com")
    sender.start()
    until(lambda: len(office.mailbox.letters) == 1)
    office.wait_for("bob@example.com")
    until(lambda: len(office.mailbox.letters) == 2)
    assert sender.stop(5)


def test_it_goes_on_after_a_fault(office: PostOffice, capsys: pytest.CaptureFixture[str]) -> None:
    delivery = office.server.app.extensions[EXTENSION]
    outcomes = chain([ConnectionError("gone")], repeat((0, 0, 0)))
    with patch.object(delivery, "deliver_due", side_effect=outcomes) as asked:
        sender = Sender(office.server.app, period=0.01)
        sender.start()
        until(lambda: asked.call_count >= 3)
        assert sender.stop(5)
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in logged] == ["message_delivery_failed"]


def test_told_to_end_it_finishes_the_message_at_hand_and_begins_no_other(office: PostOffice) -> None:
    begun, told = threading.Event(), threading.Event()

    def compose(session: Session, message: Message) -> Mail | None:
        begun.set()
        assert told.wait(10)
        return to_the_recipient(session, message)

    office.composers[Kind.RESET_PASSWORD] = compose
    office.wait_for()
    office.wait_for()
    sender = Sender(office.server.app, period=0.01)
    sender.start()
    assert begun.wait(10)
    assert not sender.stop(0)
    told.set()
    assert sender.stop(5)
    first, second = office.messages()
    assert first.sent_at is not None
    assert (second.sent_at, second.next_attempt_at) == (None, second.created_at)


def test_a_mail_server_that_hangs_does_not_keep_its_process_from_ending_x38(office: PostOffice) -> None:
    office.mailbox.hang()
    office.wait_for()
    sender = Sender(office.server.app, period=0.01)
    sender.start()
    until(lambda: office.mailbox.connections == 1)
    start = time.monotonic()
    assert not sender.stop(0.01)
    assert time.monotonic() - start < 0.25
    assert sender.stop(5)  # it ends by itself when its patience does
    assert office.only().sent_at is None
