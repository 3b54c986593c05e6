"""Puts the protocol's endpoints on the application."""

import functools

from flask import Flask

from oidc_server.core.http import register_renderer, serve_from_memory
from oidc_server.pages.routes import serve_pages
from oidc_server.protocol import (
    authorize,
    bearer,
    cors,
    discovery,
    end_session,
    introspection,
    jwks,
    revocation,
    token,
    userinfo,
)
from oidc_server.protocol.blueprint import (
    AUTHORIZATION,
    AUTHORIZATION_SERVER_METADATA,
    END_SESSION,
    JWKS,
    OAUTH_PREFIX,
    OPENID_CONFIGURATION,
    USERINFO,
    protocol,
)
from oidc_server.protocol.errors import render
from oidc_server.protocol.server import EXTENSION, AuthorizationServer

ENDPOINTS = (authorize, cors, discovery, end_session, introspection, jwks, revocation, token, userinfo)


def init_app(app: Flask) -> None:
    """Serve the protocol with the application's engine."""
    server: AuthorizationServer = app.extensions[EXTENSION]
    app.extensions[discovery.EXTENSION] = documents = discovery.Discovery()
    register_renderer(app, OAUTH_PREFIX, render)
    register_renderer(app, USERINFO, bearer.render)
    serve_pages(app, AUTHORIZATION, END_SESSION)
    app.register_blueprint(protocol)
    serve_from_memory(app, JWKS, server.ring.jwks)
    for path in (OPENID_CONFIGURATION, AUTHORIZATION_SERVER_METADATA):
        serve_from_memory(app, path, functools.partial(documents.document, server))
