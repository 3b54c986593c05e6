"""Makers of API keys for tests, and an application with addresses that take them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from oidc_server.audit.service import SYSTEM
from oidc_server.clients.api_key_service import create_api_key, find_api_key, revoke_api_key, rotate_api_key
from oidc_server.clients.models import ApiKey
from oidc_server.protocol.access_classes import internal, service
from tests.relying_party import Server

ELSEWHERE = "198.51.100.7"


@dataclass(frozen=True)
class Key:
    """An API key as its service knows it."""

    row: ApiKey
    secret: str


class KeyedServer:
    """A server with ``/reading``, for the scope ``users:read``, and ``/internal``, for every key."""

    def __init__(self, server: Server) -> None:
        self.server = server
        server.app.add_url_rule("/reading", view_func=service("users:read")(lambda: {"read": True}), endpoint="reading")
        server.app.add_url_rule("/internal", view_func=internal(lambda: {"read": True}), endpoint="internal")

    def make(self, **facts: Any) -> Key:
        """Make a key."""
        facts = {"name": "Orders", "scope": "users:read"} | facts
        with self.server.app.app_context(), self.server.database.transaction() as session:
            return Key(*create_api_key(session, actor=SYSTEM, **facts))

    def rotate(self, key: Key, **options: Any) -> str:
        """Give the key a new secret."""
        with self.server.app.app_context(), self.server.database.transaction() as session:
            found = find_api_key(session, key.row.id, for_change=True)
            assert found is not None
            return rotate_api_key(session, found, actor=SYSTEM, **options)

    def revoke(self, key: Key) -> bool:
        """Revoke the key."""
        with self.server.app.app_context(), self.server.database.transaction() as session:
            found = find_api_key(session, key.row.id, for_change=True)
            assert found is not None
            return revoke_api_key(session, found, actor=SYSTEM)

    def stored(self, key: Key) -> ApiKey:
        """The key as the database has it now."""
        return self.stored_by_id(key.row.id)

    def stored_by_id(self, key_id: uuid.UUID | str) -> ApiKey:
        """The same, for a key that was not made here."""
        with self.server.database.reading() as session:
            found = find_api_key(session, uuid.UUID(str(key_id)))
            assert found is not None
            return found

    def call(self, secret: str, path: str = "/reading", *, address: str = ELSEWHERE, **headers: str) -> TestResponse:
        """Call an address with a key, from somewhere."""
        sent = {"X-API-Key": secret} | headers
        return self.server.http.get(path, headers=sent, environ_overrides={"REMOTE_ADDR": address})

    def status(self, secret: str, path: str = "/reading", *, address: str = ELSEWHERE) -> int:
        """The status of such a call."""
        return self.call(secret, path, address=address).status_code
