"""The logos of clients, from this server: a page that loaded them from elsewhere would tell others who signs in
(RFC 9700 §4.2.4, attacks D21 and F23)."""

from __future__ import annotations

from flask import Response

from oidc_server.accounts.pages.blueprint import accounts
from oidc_server.clients.logos import LOGOS, find_logo
from oidc_server.core.database import reading
from oidc_server.core.errors import Reason
from oidc_server.core.http import HttpFault

_YEAR = 31_536_000  # seconds


@accounts.get(f"{LOGOS}/<client_id>/<digest>")
def logo(client_id: str, digest: str) -> Response:
    """A client's logo. The digest is of the image, so what is at this address never changes.

    Opened by itself, whatever else the file may contain can do nothing."""
    with reading() as session:
        found = find_logo(session, client_id, digest)
    if found is None:
        raise HttpFault(Reason.NOT_FOUND, 404, "no such logo")
    response = Response(found.image, content_type=found.media_type)
    response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
