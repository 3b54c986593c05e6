"""Puts the operators' endpoints on the application."""

from flask import Flask

from oidc_server.core.settings import Settings
from oidc_server.keys.ring import EXTENSION as KEY_RING
from oidc_server.messages.delivery import EXTENSION as DELIVERY
from oidc_server.messages.service import MAIL
from oidc_server.operation.health import health
from oidc_server.operation.metrics import metrics
from oidc_server.operation.readiness import EXTENSION, Readiness


def init_app(app: Flask, settings: Settings) -> None:
    """Serve health and metrics."""
    sends_mail = MAIL in app.extensions[DELIVERY].transports
    app.extensions[EXTENSION] = Readiness(app.extensions[KEY_RING], settings, sends_mail=sends_mail)
    app.register_blueprint(health)
    app.register_blueprint(metrics)
