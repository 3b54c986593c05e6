"""An app that pays at the resource server: when that wants more than the person has proven, they are asked for it."""

import os
import secrets

import requests
from authlib.integrations.flask_client import OAuth
from challenge import step_up_asked
from flask import Flask, abort, redirect, request, session
from markupsafe import escape

ISSUER, CLIENT_ID = os.environ["ISSUER"], os.environ["CLIENT_ID"]
API, HERE = os.environ["API"], os.environ.get("HERE", "http://127.0.0.1:5000")

app = Flask(__name__)
app.config.update(SECRET_KEY=os.urandom(32), SESSION_COOKIE_NAME="step_up_app", SESSION_COOKIE_SAMESITE="Lax")
server = OAuth(app).register(
    "server",
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_id=CLIENT_ID,
    client_secret=os.environ["CLIENT_SECRET"],
    client_kwargs={"scope": "openid orders:read", "code_challenge_method": "S256"},
)


tokens: dict[str, str] = {}  # here and not in the cookie, which the person's browser can read


@app.get("/")
def home():
    if session.get("id") not in tokens:
        return '<a href="/login">Log in</a>'
    said = f'<p id="said">{escape(session.pop("said", ""))}</p>'
    return f'{said}<form method="post" action="/pay"><button id="pay">Pay</button></form>'


@app.get("/login")
def login():
    return server.authorize_redirect(f"{HERE}/callback")


@app.get("/callback")
def callback():
    if request.args.get("iss") != ISSUER:  # RFC 9207
        abort(400)
    if "error" in request.args:  # such as unmet_authentication_requirements: nothing of theirs reaches that level
        session["said"] = f"It was not done: {request.args['error']}"
        return redirect("/", 303)
    token = server.authorize_access_token()
    tokens.pop(session.get("id"), None)
    session["id"] = secrets.token_urlsafe()
    tokens[session["id"]] = token["access_token"]
    return redirect("/", 303)


@app.post("/pay")
def pay():
    token = tokens.get(session.get("id"), "")
    answer = requests.post(f"{API}/payments", headers={"Authorization": f"Bearer {token}"}, timeout=10)
    wanted = step_up_asked(answer.status_code, answer.headers.get("WWW-Authenticate"))
    if wanted is not None:
        session["said"] = "Thank you. Press once more to pay."
        return server.authorize_redirect(f"{HERE}/callback", **wanted)  # RFC 9470 §4
    session["said"] = "Paid" if answer.ok else f"Refused: {answer.json()['error']}"
    return redirect("/", 303)
