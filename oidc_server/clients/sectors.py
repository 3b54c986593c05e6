"""Pairwise subjects (OpenID Connect Core §8.1): to which sector a client belongs, and the sector's salt."""

import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from oidc_server.clients.metadata import MetadataInvalid
from oidc_server.clients.models import PairwiseSector
from oidc_server.core import clock

_HOST_CHARACTERS = 255
_SALT_BYTES = 32


def sector_of(redirect_uris: Sequence[str]) -> str:
    """The sector of a client: the one host of its (checked) redirect URIs. Raises :class:`MetadataInvalid`.

    A loopback address or a private-use scheme is the same for every app there is, so it names no sector."""
    parts = [urlsplit(uri) for uri in redirect_uris]
    if not parts or any(part.scheme != "https" for part in parts):
        raise MetadataInvalid("Pairwise subjects need redirect URIs that are https: their host names the sector.")
    hosts = sorted({part.hostname or "" for part in parts})
    if len(hosts) > 1:
        raise MetadataInvalid(
            f"Pairwise subjects need all redirect URIs on one host, and these are on {', '.join(hosts)}."
            " A sector_identifier_uri, which would join them, is not fetched: register one client for each host."
        )
    if len(hosts[0]) > _HOST_CHARACTERS:
        raise MetadataInvalid(f"The host of a sector has at most {_HOST_CHARACTERS} characters.")
    return hosts[0]


def check_sector_stays(registered: str | None, wanted: str | None) -> None:
    """Refuse to move a pairwise client to another sector: its people would be strangers to it.

    Raises :class:`MetadataInvalid`."""
    if registered is not None and wanted is not None and registered != wanted:
        raise MetadataInvalid(
            f"The redirect URIs of this client stay on the host {registered}: it has pairwise subjects, and on {wanted}"
            " each person would have another one. Register a new client for that host."
        )


def ensure_sector(session: Session, sector_identifier: str) -> None:
    """Make the sector, with a salt of 256 random bits, unless there is one.

    Closes the race of two clients of one new sector: the second insert waits for the first, and then does nothing, so
    that both find the same salt."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    values = {
        "sector_identifier": sector_identifier,
        "salt": secrets.token_bytes(_SALT_BYTES),
        "created_at": clock.now(),
    }
    session.execute(insert(PairwiseSector).values(values).on_conflict_do_nothing())
