"""Puts what all pages need on the application."""

from flask import Flask

from oidc_server.core import crypto
from oidc_server.core.http import register_renderer
from oidc_server.core.settings import Settings
from oidc_server.pages import addresses, assets, cookies, forms, rendering, theme
from oidc_server.pages.errors import render_error


def init_app(app: Flask, settings: Settings) -> None:
    """Templates, the theme, cookies by the issuer's scheme, and the keys of the forms."""
    app.extensions[rendering.EXTENSION] = rendering.make_environments(settings)
    app.extensions[addresses.EXTENSION] = addresses.root_of(settings)
    app.extensions[theme.EXTENSION] = theme.make_theme(settings)
    app.extensions[cookies.EXTENSION] = cookies.Cookies(secure=settings.issuer.startswith("https://"))
    app.extensions[forms.EXTENSION] = crypto.derive_each(settings.secret_keys, "oidc-server/page-forms")
    with app.app_context():
        assets.init_assets()
    app.register_blueprint(assets.assets)


def serve_pages(app: Flask, *paths: str) -> None:
    """Show refusals below these paths as a page."""
    for path in paths:
        register_renderer(app, path, render_error)
