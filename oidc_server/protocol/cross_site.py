"""Forms from other sites where those are legitimate (OpenID Connect Core §3.1.2.1, RP-Initiated Logout 1.0 §2).

Browsers add no cookie with ``SameSite=Lax`` to them, and do to the GET that follows a redirect."""

from __future__ import annotations

import re

from flask import Request, Response

from oidc_server.pages import cookies
from oidc_server.pages.addresses import address
from oidc_server.pages.rendering import see_other

_BYTES_AT_MOST = 7000  # what an address has room for
_ENCODED = re.compile(rb"[!$&-;=?-Z_a-z~%]+")  # RFC 3986 §3.4


def again_with_cookies(request: Request, path: str, encoded: bytes) -> Response | None:
    """The redirect to the same request as a GET, or None when it need not or cannot be one."""
    if request.method != "POST" or cookies.browser_secret(request) or cookies.session_secret(request):
        return None
    if len(encoded) > _BYTES_AT_MOST or not _ENCODED.fullmatch(encoded):
        return None
    return see_other(f"{address(path)}?{encoded.decode('ascii')}")
