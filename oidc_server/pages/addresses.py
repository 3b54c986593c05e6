"""Addresses of pages as a browser has to ask for them: below the issuer's path, where the issuer has one."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode, urlsplit

from flask import current_app

from oidc_server.core.settings import Settings

EXTENSION = "oidc_server.root"


def root_of(settings: Settings) -> str:
    """The issuer's path, without a final slash; empty for most."""
    return urlsplit(settings.issuer).path


def address(path: str, **query: str) -> str:
    """Where a browser finds a page of ours."""
    root = cast("str", current_app.extensions[EXTENSION])
    return f"{root}{path}?{urlencode(query)}" if query else f"{root}{path}"
