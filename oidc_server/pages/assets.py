"""The style sheets, the scripts and the logo of the pages, from this server and read once."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, abort, current_app, request

from oidc_server.core.settings_checks import LOGO_TYPES
from oidc_server.pages.theme import Theme, current_theme

EXTENSION = "oidc_server.assets"
_MAX_AGE = 300
_STATIC = Path(__file__).resolve().parent.parent / "static"
_SHIPPED = {
    "pages.css": "text/css; charset=utf-8",
    "form_post.js": "text/javascript; charset=utf-8",
    "passkeys.js": "text/javascript; charset=utf-8",
}

assets = Blueprint("assets", __name__)


def read_assets(theme: Theme) -> dict[str, tuple[bytes, str]]:
    """Every asset by its name, with its media type."""
    found = {name: ((_STATIC / name).read_bytes(), media_type) for name, media_type in _SHIPPED.items()}
    found["theme.css"] = (theme.css.encode(), "text/css; charset=utf-8")
    if theme.logo is not None:
        found["logo"] = (theme.logo.read_bytes(), LOGO_TYPES[theme.logo.suffix.lower()])
    return found


@assets.get("/static/<name>")
def asset(name: str) -> Response:
    """An asset, or 304 when the browser has it. A logo can be an SVG, in which nothing may run."""
    found: dict[str, tuple[bytes, str]] = current_app.extensions[EXTENSION]
    if name not in found:
        abort(404)
    body, media_type = found[name]
    response = Response(body, content_type=media_type)
    response.headers["Cache-Control"] = f"public, max-age={_MAX_AGE}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    response.add_etag()
    response.make_conditional(request)
    return response


def init_assets() -> None:
    """Read them for the current application."""
    current_app.extensions[EXTENSION] = read_assets(current_theme())
