"""Puts the pages and the JSON API on the application."""

from flask import Flask

from oidc_server.accounts.addresses import ACCOUNT, PUBLIC
from oidc_server.accounts.api import (
    api_keys,
    apps,
    blueprints,
    export,
    giving_factors,
    invitations,
    login,
    me,
    own_account,
    preferences,
    recovery,
    registration,
    second_factors,
    sessions,
    user_activity,
    user_states,
    users,
)
from oidc_server.accounts.pages import (
    ask_for_mail,
    choose_account,
    consent,
    email_links,
    logos,
    new_password,
    passkey_origins,
    passkey_sign_in,
    register,
    sign_in,
    sign_out,
    verify_email,
)
from oidc_server.accounts.pages.account.views import OWN_VIEWS
from oidc_server.accounts.pages.blueprint import CHOOSE_ACCOUNT, CONSENT, SIGN_IN, accounts
from oidc_server.accounts.pages.second_factor import enrol, give
from oidc_server.api.blueprint import serve
from oidc_server.api.problems import render
from oidc_server.core.http import register_renderer
from oidc_server.pages.routes import serve_pages
from oidc_server.protocol.end_session import SIGN_OUT, SIGNED_OUT

VIEWS = (
    choose_account, consent, logos, sign_in, sign_out, register, ask_for_mail, verify_email, new_password, email_links,
    passkey_sign_in, passkey_origins, give, enrol,
    *OWN_VIEWS,
)  # fmt: skip
PATHS = (SIGN_IN, CONSENT, CHOOSE_ACCOUNT, SIGN_OUT, SIGNED_OUT, ACCOUNT, *PUBLIC)
JSON_VIEWS = (
    registration,
    login,
    recovery,
    giving_factors,
    second_factors,
    me,
    own_account,
    export,
    sessions,
    apps,
    api_keys,
    invitations,
    users,
    user_states,
    preferences,
    user_activity,
)
BLUEPRINTS = (
    blueprints.registration,
    blueprints.login,
    blueprints.recovery,
    blueprints.second_factors,
    blueprints.account,
    blueprints.sessions,
    blueprints.apps,
    blueprints.api_keys,
    blueprints.users,
)


def init_app(app: Flask) -> None:
    """Serve both. Whatever no other renderer is registered for is refused in the way of the JSON API."""
    app.register_blueprint(accounts)
    serve_pages(app, *PATHS)
    serve(app, BLUEPRINTS)
    register_renderer(app, "/", render)
