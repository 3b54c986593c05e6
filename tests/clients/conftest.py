"""Fixtures for API keys: a server with addresses that take them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from oidc_server import create_app
from oidc_server.core.database import EXTENSION as DATABASE
from oidc_server.core.settings import Settings
from tests.clients.api_key_makers import KeyedServer
from tests.relying_party import Server


@pytest.fixture(scope="session")
def _keyed_servers() -> Iterator[dict[Settings, KeyedServer]]:
    servers: dict[Settings, KeyedServer] = {}
    yield servers
    for keyed in servers.values():
        keyed.server.app.extensions[DATABASE].dispose()


@pytest.fixture
def keyed(settings: Settings, app: Flask, _keyed_servers: dict[Settings, KeyedServer]) -> KeyedServer:
    """A server that takes API keys, on the empty database of ``app``."""
    if settings not in _keyed_servers:
        application = create_app(settings)
        _keyed_servers[settings] = KeyedServer(Server(application, application.test_client()))
    return _keyed_servers[settings]
