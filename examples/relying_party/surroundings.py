"""What is around the login: the cookie, the headers of every page, errors in words, and the web server on loopback."""

import logging
import secrets
from urllib.parse import urlsplit

from authlib.common.errors import AuthlibBaseError
from display import pretty, when
from flask import Flask, Response, abort, redirect, render_template, request
from joserfc.errors import JoseError
from requests import RequestException
from werkzeug import Response as AnyResponse
from werkzeug import serving

POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"
MEANINGS = {
    "access_denied": "Access was denied, so this app got nothing.",
    "login_required": "You are not signed in at the server, and this app had asked it to show no page.",
    "consent_required": "You have not allowed this yet, and this app had asked the server to show no page.",
    "interaction_required": "The server has something to ask you, and this app had asked it to show no page.",
    "account_selection_required": "You would have to choose an account, and this app had asked for no page.",
    "invalid_scope": "This app asked for more than it may have.",
    "invalid_client": "The server does not know this app, or not with this secret.",
    "invalid_grant": "What this app presented was used before, has expired or was revoked. Sign in again.",
    "temporarily_unavailable": "The server has too much to do. Try again in a while.",
    "mismatching_state": "This answer belongs to no login that was begun in this browser.",
    "server_unreachable": "The server cannot be reached, or does not work as it should.",
    "wrong_id_token": "The ID token cannot be verified, so it was thrown away.",
}


def prepare(app: Flask) -> None:
    """Give the app its surroundings."""
    app.config.update(
        SECRET_KEY=secrets.token_bytes(32),
        MAX_CONTENT_LENGTH=16 * 1024,
        # Cookies do not tell ports apart: the server on the same host has a cookie named `session`.
        SESSION_COOKIE_NAME="relying_party",
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.jinja_env.filters.update(pretty=pretty, when=when)

    @app.before_request
    def only_at_our_own_address() -> AnyResponse | None:
        """The redirect URI and so the cookie are for one name of this host; forms come from our own pages only."""
        if request.host_url != app.config["URL"] + "/":
            return redirect(app.config["URL"], 303)
        if request.method == "POST" and request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            abort(403, "This form was sent by another site.")
        return None

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.errorhandler(AuthlibBaseError)
    def refused(error: AuthlibBaseError) -> tuple[str, int]:
        return _page(error.error, error.description), 400

    @app.errorhandler(JoseError)
    def not_verified(error: JoseError) -> tuple[str, int]:
        return _page("wrong_id_token", str(error)), 502

    @app.errorhandler(RequestException)
    def not_reached(error: RequestException) -> tuple[str, int]:
        answered = error.response is not None
        return _page("server_unreachable", str(error) if answered else f"{app.config['ISSUER']} did not answer."), 502


def make_server(app: Flask, listener: int | None = None) -> serving.BaseWSGIServer:
    """A server on the app's address, which is one of this machine only; `listener` is a socket that has it already."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # its lines would contain the codes
    port = urlsplit(app.config["URL"]).port or 80
    return serving.make_server("127.0.0.1", port, app, threaded=True, fd=listener)


def _page(error: str, description: str | None) -> str:
    return render_template("error.html", error=error, meaning=MEANINGS.get(error), description=description)
