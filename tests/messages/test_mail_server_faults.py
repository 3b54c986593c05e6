"""A mail server that is away, hangs, or drops mail it has accepted; and senders that are killed, or many at once."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from oidc_server.core import clock
from oidc_server.messages.delivery import EXTENSION, Delivered, Delivery
from tests.mailbox import Mailbox
from tests.messages.post_office import PostOffice, transport_to


@pytest.fixture
def sending_to(office: PostOffice) -> Callable[[str], None]:
    """Have the server send to somewhere else."""

    def send_to(url: str) -> None:
        transports = {"mail": transport_to(url)}
        office.server.app.extensions[EXTENSION] = Delivery(office.server.database, transports, office.composers)

    return send_to


def test_while_the_server_is_away_it_is_asked_once_and_then_everything_is_sent_soon_x38(
    office: PostOffice, sending_to: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with Mailbox() as mailbox:
        sending_to(mailbox.url)
    ids = {office.wait_for().id for _ in range(3)}
    for pause in (10, 20, 40, 60, 60):
        assert office.deliver() == (0, 0, 1)
        assert office.deliver() == (0, 0, 0)
        clock.travel(timedelta(seconds=pause + 0.1))
    assert {message.attempts for message in office.messages()} == {0}
    assert capsys.readouterr().err.count('"event":"message_channel_away"') == 1
    office.server.app.extensions[EXTENSION].transports = {"mail": transport_to(office.mailbox.url)}
    clock.travel(timedelta(seconds=60))
    assert office.deliver() == (3, 0, 0)
    assert {letter.link[-32:] for letter in office.mailbox.letters} == {one.hex for one in ids}
    assert '"event":"message_channel_back"' in capsys.readouterr().err


def test_a_server_that_hangs_is_waited_for_once_and_not_for_each_message_x38(office: PostOffice) -> None:
    office.mailbox.hang()
    for _ in range(5):
        office.wait_for()
    start = time.monotonic()
    assert office.deliver() == (0, 0, 1)
    assert time.monotonic() - start < 2
    office.mailbox.reset()
    clock.travel(timedelta(seconds=11))
    assert office.deliver() == (5, 0, 0)


def test_what_was_accepted_and_dropped_comes_again_with_the_same_link_and_the_same_number_x38(
    office: PostOffice,
) -> None:
    office.mailbox.drop_after_data()
    message = office.wait_for()
    assert office.deliver() == (0, 0, 1)
    office.mailbox.drop_after_data(False)
    clock.travel(timedelta(seconds=11))
    assert office.deliver() == (1, 0, 0)
    first, second = office.mailbox.letters
    assert first.link == second.link
    assert first.message["Message-ID"] == second.message["Message-ID"] == f"<{message.id}@login.example.com>"


@pytest.mark.parametrize("words", ["421 4.3.2 closing", "421"])
def test_a_server_that_closes_keeps_the_message_x38(office: PostOffice, words: str) -> None:
    office.mailbox.refuse_recipients(words)
    office.wait_for()
    assert office.deliver() == (0, 0, 1)
    office.mailbox.reset()
    clock.travel(timedelta(seconds=11))
    assert office.deliver() == (1, 0, 0)


def test_what_a_killed_sender_had_is_sent_by_another_when_its_lease_is_over_x38(
    office: PostOffice, database_url: str
) -> None:
    office.mailbox.hang()
    office.wait_for()
    command = [sys.executable, "-m", "tests.messages.sending_process", database_url, office.mailbox.url]
    with subprocess.Popen(command) as process:
        while office.mailbox.connections == 0:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    assert process.returncode == -9
    office.mailbox.reset()
    assert office.deliver() == (0, 0, 0)  # it is somebody's
    clock.travel(timedelta(minutes=5))
    assert office.deliver() == (1, 0, 0)
    assert office.only().sent_at is not None


def test_many_senders_at_once_send_each_message_once_x38(office: PostOffice) -> None:
    for number in range(12):
        office.wait_for(f"person-{number}@example.com")
    begin = threading.Barrier(4)
    counts: list[Delivered] = []

    def send() -> None:
        transports = {"mail": transport_to(office.mailbox.url, timeout=30)}
        delivery = Delivery(office.server.database, transports, office.composers)
        begin.wait()
        counts.append(delivery.deliver_due())

    threads = [threading.Thread(target=send) for _ in range(begin.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(count.sent for count in counts) == 12
    assert set(Counter(letter.recipient for letter in office.mailbox.letters).values()) == {1}
    assert len(office.mailbox.letters) == 12


def test_who_sends_for_longer_than_the_lease_does_not_spoil_what_another_one_did(office: PostOffice) -> None:
    """The slow one's failure is written down nowhere, because the message is another one's by then."""
    office.wait_for()
    slow = transport_to(office.mailbox.url)
    delivery = Delivery(office.server.database, {"mail": slow}, office.composers)

    def meanwhile(*_: object) -> None:
        clock.travel(timedelta(minutes=6))
        assert office.deliver() == (1, 0, 0)
        raise RuntimeError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slow, "_open", meanwhile)
        with office.server.app.app_context():
            assert delivery.deliver_due() == (0, 0, 1)
    row = office.only()
    assert row.sent_at is not None
    assert (row.next_attempt_at, row.last_error) == (None, None)
