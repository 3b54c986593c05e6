"""A mailbox on loopback, and a server that sends there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from oidc_server.messages.delivery import EXTENSION, Delivery
from oidc_server.messages.kinds import Kind
from tests.mailbox import Mailbox
from tests.messages.post_office import PostOffice, to_the_recipient, transport_to
from tests.relying_party import Server


@pytest.fixture(scope="session")
def _mailbox() -> Iterator[Mailbox]:
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture
def mailbox(_mailbox: Mailbox) -> Mailbox:
    """A mail server that works, and has no mail."""
    _mailbox.reset()
    return _mailbox


@pytest.fixture
def office(server: Server, mailbox: Mailbox) -> Iterator[PostOffice]:
    """The server of the test, with another delivery in the place of its own."""
    usual = server.app.extensions[EXTENSION]
    composers = dict.fromkeys(Kind, to_the_recipient)
    server.app.extensions[EXTENSION] = Delivery(server.database, {"mail": transport_to(mailbox.url)}, composers)
    try:
        yield PostOffice(server, mailbox, composers)
    finally:
        server.app.extensions[EXTENSION] = usual
