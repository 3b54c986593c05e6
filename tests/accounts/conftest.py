"""Every server of these tests hands its mail to one mail server, which is emptied between tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from oidc_server.core.settings import Settings
from tests.accounts.json_client import JsonClient
from tests.accounts.own_pages import Owner, owner_of
from tests.accounts.people import ADA, Town
from tests.mailbox import Mailbox
from tests.relying_party import Server, TestUser

MakeTown = Callable[..., Town]


@pytest.fixture(scope="session")
def _mail_server() -> Iterator[Mailbox]:
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture
def mailbox(_mail_server: Mailbox) -> Mailbox:
    _mail_server.clear()
    return _mail_server


@pytest.fixture
def settings(settings: Settings, mailbox: Mailbox) -> Settings:
    return replace(settings, smtp_url=mailbox.url)


@pytest.fixture
def town(server: Server, mailbox: Mailbox) -> Town:
    return Town(server, mailbox, JsonClient(server))


@pytest.fixture
def make_town(make_server: Callable[..., Server], app: Flask, mailbox: Mailbox) -> MakeTown:
    """Makes a further town on the same, empty database, with some settings of its server changed."""

    def make(**changes: Any) -> Town:
        server = make_server(**changes)
        return Town(server, mailbox, JsonClient(server))

    return make


@pytest.fixture
def admin(server: Server) -> JsonClient:
    """An app in which an admin has just signed in."""
    return JsonClient(server).login(server.user("admin@example.org", superuser=True))


@pytest.fixture
def user(server: Server) -> TestUser:
    """Ada."""
    return server.user(ADA)


@pytest.fixture
def owner(server: Server, user: TestUser) -> Owner:
    """Ada, signed in at a browser of her own."""
    return owner_of(server, user, address="192.0.2.44")
