"""Subject identifiers (OpenID Connect Core §8): the same for every client, or another one for each sector."""

from __future__ import annotations

import uuid

from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core import crypto


def subject_of(client: ClientSnapshot, user_id: uuid.UUID) -> str:
    """Who the user is to the client. A pairwise one tells two clients of different sectors nothing about each other
    (§8.1); the salt is the sector's own and never changes."""
    if client.sector_salt is None:
        return str(user_id)
    return crypto.urlsafe(crypto.keyed_digest(client.sector_salt, str(user_id)))
