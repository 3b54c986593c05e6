"""oidc-server: an OAuth 2.0 / OpenID Connect authorization server.

This module is the composition root: the only one that knows every slice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from oidc_server.core.settings import Settings

__version__ = "0.1.0"


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application; settings come from the environment unless given.

    Raises ``SettingsError`` when the settings cannot be used, ``KeyStoreError`` when the key store cannot be read."""
    from oidc_server.accounts import routes as accounts_routes
    from oidc_server.authorizations import refresh
    from oidc_server.clients import registry
    from oidc_server.core import crypto, database, http, limits, logs
    from oidc_server.core.application import Application
    from oidc_server.core.settings import read_settings
    from oidc_server.core.settings_checks import check
    from oidc_server.documentation import routes as documentation_routes
    from oidc_server.keys import ring
    from oidc_server.operation import routes as operation_routes
    from oidc_server.pages import routes as pages_routes
    from oidc_server.protocol import routes, server
    from oidc_server.users import passwords

    settings = settings or check(read_settings(), production=True)
    logs.configure(settings.log_level)
    app = Application(__name__, settings)
    http.init_app(app, settings)

    app.extensions[database.EXTENSION] = db = database.Database.open(
        settings.database_url, pool_size=settings.pool_size, statement_timeout_ms=settings.statement_timeout_ms
    )
    app.extensions[limits.EXTENSION] = limiter = limits.Limits(db.engine, settings.redis_url)
    app.extensions[ring.EXTENSION] = key_ring = ring.make_key_ring(settings, db)
    app.extensions[passwords.EXTENSION] = hashing = passwords.make_passwords(settings)
    app.extensions[registry.EXTENSION] = clients = registry.ClientRegistry(db, settings.client_cache_seconds)
    app.extensions[refresh.EXTENSION] = refresh_policy = refresh.RefreshPolicy(
        idle_lifetime=timedelta(seconds=settings.refresh_token_idle_lifetime),
        grace=timedelta(seconds=settings.refresh_grace),
        peppers=crypto.derive_each(settings.secret_keys, "oidc-server/refresh-token-successor"),
    )
    engine_of_grants = server.AuthorizationServer(
        settings=settings, database=db, clients=clients, limits=limiter, ring=key_ring, passwords=hashing,
        refresh_policy=refresh_policy,
    )  # fmt: skip
    pages_routes.init_app(app, settings)
    routes.init_app(app, engine_of_grants)
    accounts_routes.init_app(app)
    operation_routes.init_app(app, settings)
    documentation_routes.init_app(app, settings)
    return app
