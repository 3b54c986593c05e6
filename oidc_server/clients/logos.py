"""Clients' logos: copies of our own, because a page that loaded them from elsewhere would tell others who signs in."""

import hashlib
import re
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from oidc_server.clients.metadata import CLIENT_ID, MetadataInvalid
from oidc_server.clients.models import Client, ClientLogo
from oidc_server.core import clock, crypto

LOGOS = "/logos"
LOGO_BYTES_AT_MOST = 65536
_DIGEST_BYTES = 16
_DIGEST = re.compile(r"[A-Za-z0-9_-]{22}")
# What a file begins with. Not by its name, and no SVG: that is a document in which a script can stand.
_SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),  # PNG, third edition, §5.2
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),  # ISO/IEC 10918-1 Annex B
    (re.compile(rb"RIFF.{4}WEBPVP8[ LX]", re.DOTALL), "image/webp"),  # RFC 9649 §2.4 to §2.7
)


@dataclass(frozen=True)
class Logo:
    """An image and its media type."""

    media_type: str
    image: bytes


def check_logo(image: bytes) -> Logo:
    """The image with the media type that its first bytes tell. Raises :class:`MetadataInvalid`."""
    if len(image) > LOGO_BYTES_AT_MOST:
        raise MetadataInvalid("A logo has at most 64 KiB. It is shown at 48 by 48 pixels.")
    for signature, media_type in _SIGNATURES:
        if signature.match(image):
            return Logo(media_type, image)
    raise MetadataInvalid("A logo is a PNG, WebP or JPEG image; this is none, whatever its file is called.")


def logo_path(client_id: str, digest: str) -> str:
    """Where on this server the logo is."""
    return f"{LOGOS}/{client_id}/{digest}"


def keep_logo(session: Session, client: Client, logo: Logo) -> None:
    """Give the client this logo in place of the one that it may have; the caller holds the client's lock."""
    digest = crypto.urlsafe(hashlib.sha256(logo.image).digest()[:_DIGEST_BYTES])
    session.merge(
        ClientLogo(
            client_id=client.client_id,
            media_type=logo.media_type,
            image=logo.image,
            digest=digest,
            updated_at=clock.now(),
        )
    )
    session.flush()


def remove_logo(session: Session, client: Client) -> None:
    """Take the client's logo away, if it has one; the caller holds the client's lock."""
    session.execute(delete(ClientLogo).where(ClientLogo.client_id == client.client_id))


def find_logo(session: Session, client_id: str, digest: str) -> Logo | None:
    """The logo of an enabled client, when this is its digest; both may be any text."""
    if not CLIENT_ID.fullmatch(client_id) or not _DIGEST.fullmatch(digest):
        return None
    query = (
        select(ClientLogo.media_type, ClientLogo.image)
        .join(Client, Client.client_id == ClientLogo.client_id)
        .where(ClientLogo.client_id == client_id, ClientLogo.digest == digest, Client.disabled_at.is_(None))
    )
    found = session.execute(query).one_or_none()
    return Logo(found.media_type, found.image) if found is not None else None
