"""oidc-server: an OAuth 2.0 / OpenID Connect authorization server.

This module is the composition root: the only one that knows every slice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

    from oidc_server.core.settings import Settings

__version__ = "0.1.0"


def create_app(settings: Settings | None = None, *, catch_messages_in: Path | None = None) -> Flask:
    """The WSGI application; settings come from the environment unless given. A development server catches mail in a
    folder and shows it, instead of sending it.

    Raises ``SettingsError`` when the settings cannot be used, ``KeyStoreError`` when the key store cannot be read."""
    from oidc_server.accounts import routes as accounts_routes
    from oidc_server.core.settings_checks import check
    from oidc_server.core.settings_reading import read_settings
    from oidc_server.documentation import routes as documentation_routes
    from oidc_server.messages import routes as messages_routes
    from oidc_server.operation import routes as operation_routes
    from oidc_server.protocol import routes

    settings = settings or check(read_settings(), production=True)
    app = assemble(settings, catch_messages_in)
    routes.init_app(app)
    messages_routes.init_app(app)
    accounts_routes.init_app(app)
    operation_routes.init_app(app, settings)
    documentation_routes.init_app(app, settings, accounts_routes.BLUEPRINTS)
    return app


def assemble(settings: Settings, catch_messages_in: Path | None = None) -> Flask:
    """What the slices work with, as extensions of an application without endpoints: all that most commands need, and
    made in a small part of the time."""
    from oidc_server.accounts.mails import COMPOSERS
    from oidc_server.authorizations import refresh
    from oidc_server.clients import api_keys, registry
    from oidc_server.core import crypto, database, http, limits, logs
    from oidc_server.core.application import Application
    from oidc_server.keys import ring
    from oidc_server.messages import setup as messages
    from oidc_server.mfa import factors
    from oidc_server.pages import routes as pages_routes
    from oidc_server.protocol import server
    from oidc_server.users import new_passwords, passwords

    logs.configure(settings.log_level)
    app = Application(__name__, settings)
    http.init_app(app, settings)

    app.extensions[database.EXTENSION] = db = database.Database.open(
        settings.database_url, pool_size=settings.pool_size, statement_timeout_ms=settings.statement_timeout_ms
    )
    app.extensions[limits.EXTENSION] = limiter = limits.Limits(db.engine, settings.redis_url, settings.limit_amounts)
    app.extensions[ring.EXTENSION] = key_ring = ring.make_key_ring(settings, db)
    app.extensions[passwords.EXTENSION] = hashing = passwords.make_passwords(settings)
    app.extensions[new_passwords.EXTENSION] = new_passwords.make_new_passwords(settings)
    app.extensions[registry.EXTENSION] = clients = registry.ClientRegistry(db, settings.client_cache_seconds)
    app.extensions[api_keys.EXTENSION] = api_keys.ApiKeys(db, limiter, settings.client_cache_seconds)
    app.extensions[refresh.EXTENSION] = refresh_policy = refresh.RefreshPolicy(
        idle_lifetime=timedelta(seconds=settings.refresh_token_idle_lifetime),
        grace=timedelta(seconds=settings.refresh_grace),
        peppers=crypto.derive_each(settings.secret_keys, "oidc-server/refresh-token-successor"),
    )
    app.extensions[factors.EXTENSION] = second_factors = factors.SecondFactors(settings, db, limiter, hashing)
    app.extensions[server.EXTENSION] = server.AuthorizationServer(
        settings=settings, database=db, clients=clients, limits=limiter, ring=key_ring, passwords=hashing,
        refresh_policy=refresh_policy, factors=second_factors,
    )  # fmt: skip
    pages_routes.init_app(app, settings)
    messages.init_app(app, settings, composers=COMPOSERS, catch_in=catch_messages_in)
    return app
