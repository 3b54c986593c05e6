"""A demo relying party: OpenID Connect login with Flask and Authlib.

It knows an issuer, a client_id and a client_secret; discovery tells it the rest. It shows the tokens that it gets,
because this is a demo: an app keeps them to itself.
"""

import os
import secrets
import sys
from collections.abc import Mapping
from typing import Any

import surroundings
from authlib.integrations.base_client.errors import MismatchingStateError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth, OAuthError
from display import readable
from flask import Blueprint, Flask, current_app, redirect, render_template, request, session
from memory import Memory
from werkzeug import Response

SCOPE = "openid profile email offline_access"
KEPT_SECONDS = 8 * 3600
PROMPTS = ("login", "select_account", "consent", "none")  # OpenID Connect Core §3.1.2.1

pages = Blueprint("pages", __name__)


def create_app(environment: Mapping[str, str]) -> Flask:
    """The app, as the RP_ variables describe it. Without a secret it is a public client."""
    issuer, client_id = environment["RP_ISSUER"], environment["RP_CLIENT_ID"]
    app = Flask(__name__)
    app.config.update(ISSUER=issuer, URL=f"http://127.0.0.1:{environment.get('RP_PORT', '8001')}", KEPT=Memory())
    surroundings.prepare(app)
    # With a cache, Authlib keeps state, nonce and code_verifier in it, and only the state's name in the cookie.
    OAuth(app, cache=Memory()).register(
        "server",
        server_metadata_url=issuer.rstrip("/") + "/.well-known/openid-configuration",
        client_id=client_id,
        client_secret=environment.get("RP_CLIENT_SECRET"),
        client_kwargs={
            "scope": environment.get("RP_SCOPE", SCOPE),
            "code_challenge_method": "S256",
            "default_timeout": 10,
            "leeway": 0,  # else Authlib refreshes what lives for less than a minute as soon as it has it
        },
    )
    app.register_blueprint(pages)
    return app


def server() -> FlaskOAuth2App:
    """The client, with the metadata of its server loaded and checked."""
    client: FlaskOAuth2App = current_app.extensions["authlib.integrations.flask_client"].server
    if client.load_server_metadata().get("issuer") != current_app.config["ISSUER"]:  # OpenID Connect Discovery §4.3
        raise OAuthError("wrong_issuer", "The discovery document speaks for another issuer.")
    return client


def expected() -> dict[str, Any]:
    """What an ID token must say, beside what Authlib checks by itself (OpenID Connect Core §3.1.3.7)."""
    return {
        "iss": {"essential": True, "value": current_app.config["ISSUER"]},
        "aud": {"essential": True, "value": server().client_id},
    }


def kept() -> dict[str, Any] | None:
    """What is kept for this browser; its cookie has only the random id of it."""
    found: dict[str, Any] | None = current_app.config["KEPT"].get(session.get("id", ""))
    return found


def userinfo(token: dict[str, Any], sub: str) -> dict[str, Any]:
    """What the userinfo endpoint says, which must be about the same person (OpenID Connect Core §5.3.2)."""
    client = server()
    claims: dict[str, Any] = client.userinfo(token=token) if "userinfo_endpoint" in client.server_metadata else {}
    if claims and claims.get("sub") != sub:
        raise OAuthError("wrong_subject", "The userinfo endpoint speaks of somebody else.")
    return claims


def forget() -> None:
    """Sign this browser out of this app."""
    current_app.config["KEPT"].delete(session.pop("id", ""))


@pages.get("/")
def home() -> str:
    found = kept()
    if found is None:
        return render_template("signed_out.html")
    token = found["token"]
    id_token, access_token = readable(token["id_token"]), readable(token["access_token"], token.get("expires_at"))
    return render_template("signed_in.html", id_token=id_token, access_token=access_token, **found)


@pages.get("/login")
def login() -> Response:
    asked = {}
    if request.args.get("prompt") in PROMPTS:
        asked["prompt"] = request.args["prompt"]
    if request.args.get("scope") == "openid":
        asked["scope"] = "openid"
    response: Response = server().authorize_redirect(current_app.config["URL"] + "/callback", **asked)
    return response


@pages.get("/callback")
def callback() -> Response:
    client, iss = server(), request.args.get("iss")
    if iss is None and client.server_metadata.get("authorization_response_iss_parameter_supported"):
        raise OAuthError("missing_iss", "The response does not say which server it comes from.")
    if iss is not None and iss != current_app.config["ISSUER"]:  # RFC 9207 §2.4
        raise OAuthError("wrong_iss", "The response comes from another server than the one that was asked.")
    # Authlib compares the state of a response with a code. An error is not believed without it either.
    if client.framework.get_state_data(session, request.args.get("state")) is None:
        raise MismatchingStateError
    token = client.authorize_access_token(claims_options=expected())
    claims = token.pop("userinfo", None)  # Authlib's name for the claims of the ID token
    if claims is None:
        raise OAuthError("missing_id_token", "The server sent no ID token.")
    values = {"token": token, "claims": claims, "userinfo": userinfo(token, claims["sub"]), "refreshes": 0}
    forget()
    session["id"] = secrets.token_urlsafe(32)
    current_app.config["KEPT"].set(session["id"], values, KEPT_SECONDS)
    return redirect("/", 303)


@pages.post("/refresh")
def refresh() -> Response:
    found = kept()
    if found is None or "refresh_token" not in found["token"]:
        return redirect("/", 303)
    client, old, claims = server(), found["token"], found["claims"]
    try:
        # Without a scope, the new access token has what the old one had (RFC 6749 §6).
        new = client.fetch_access_token(grant_type="refresh_token", refresh_token=old["refresh_token"], scope="")
    except OAuthError:
        forget()
        raise
    if "id_token" in new:
        again = client.parse_id_token(new, nonce=None, claims_options=expected())
        if any(again.get(name, claims.get(name)) != claims.get(name) for name in ("sub", "auth_time", "nonce")):
            raise OAuthError("wrong_subject", "The new ID token is about another login.")  # Core §12.2
    # When the server sends no new refresh token or ID token, the old one stays.
    found.update(token={**old, **new}, refreshes=found["refreshes"] + 1)
    found["userinfo"] = userinfo(new, claims["sub"])
    return redirect("/", 303)


@pages.post("/logout")
def logout() -> Response:
    found, client = kept(), server()
    forget()
    if found is None or "end_session_endpoint" not in client.server_metadata:
        return redirect("/", 303)
    # Authlib adds the state.
    response: Response = client.logout_redirect(current_app.config["URL"] + "/signed-out", found["token"]["id_token"])
    response.status_code = 303
    return response


@pages.get("/signed-out")
def signed_out() -> str:
    server().validate_logout_response()
    return render_template("signed_out.html", just_now=True)


if __name__ == "__main__":
    if missing := {"RP_ISSUER", "RP_CLIENT_ID"} - set(os.environ):
        sys.exit(f"Not set: {' '.join(sorted(missing))}. README.md tells what to set.")
    surroundings.make_server(create_app(os.environ)).serve_forever()
