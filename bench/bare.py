"""The yardstick of the framework: a Flask view of constant bytes, under the gunicorn configuration of the product.

``python -m bench.bare PORT BYTES``"""

import sys

from flask import Flask, Response

from oidc_server.commands.gunicorn_server import Server
from oidc_server.core.settings import Settings

PATH = "/constant"


class BareServer(Server):
    """The product's gunicorn with another application, which has no database connections to forget after a fork."""

    def __init__(self, settings: Settings, body: bytes) -> None:
        self._body = body
        super().__init__(settings)

    def load_config(self) -> None:
        super().load_config()
        for hook in ("post_fork", "child_exit"):
            self.cfg.set(hook, lambda _arbiter, _worker: None)

    def load(self) -> Flask:
        return make_app(self._body)


def make_app(body: bytes) -> Flask:
    """The application: nothing but the view."""
    app = Flask(__name__, static_folder=None)

    @app.get(PATH)
    def constant() -> Response:
        return Response(body, content_type="application/json")

    return app


def main(port: str, size: str) -> None:
    """Serve ``size`` bytes on ``port`` with one worker, until told to stop."""
    settings = Settings(bind=f"127.0.0.1:{port}", workers=1, drain_seconds=0)
    BareServer(settings, b"x" * int(size)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
