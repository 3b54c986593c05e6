"""What apps are called, and where lists go on."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TypeVar

from flask import request

from oidc_server.core.identity import parse_id
from oidc_server.protocol.server import current_server

Row = TypeVar("Row")


def client_name(client_id: str) -> str | None:
    """The name of a client, while there is one."""
    client = current_server().clients.find(client_id)
    return None if client is None else client.client_name


def asked_cursor() -> uuid.UUID | None:
    """Where the page before ended; what is none begins at the beginning."""
    return parse_id(request.args.get("cursor", ""))


def split(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], Row | None]:
    """The rows of the page, and its last one when there is a further page, for which one more row was asked for."""
    shown = rows[:limit]
    return shown, shown[-1] if len(rows) > limit else None
