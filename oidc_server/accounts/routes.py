"""Puts the pages on the application."""

from flask import Flask

from oidc_server.accounts import choose_account, consent, logos, sign_in, sign_out
from oidc_server.accounts.blueprint import CHOOSE_ACCOUNT, CONSENT, SIGN_IN, accounts
from oidc_server.pages.routes import serve_pages
from oidc_server.protocol.end_session import SIGN_OUT, SIGNED_OUT

VIEWS = (choose_account, consent, logos, sign_in, sign_out)
PATHS = (SIGN_IN, CONSENT, CHOOSE_ACCOUNT, SIGN_OUT, SIGNED_OUT)


def init_app(app: Flask) -> None:
    """Serve the pages."""
    app.register_blueprint(accounts)
    serve_pages(app, *PATHS)
