"""``/auth/login``, ``/auth/refresh``, ``/auth/logout``: the grant engine, run for the built-in first-party client."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import request
from marshmallow import ValidationError, fields, validates_schema

from oidc_server.accounts.api.blueprints import login
from oidc_server.accounts.api.owed_factors import tokens_or_problem
from oidc_server.api.blueprint import ApiSchema, refuses
from oidc_server.api.codes import Code
from oidc_server.api.fields import Login, Password, Text
from oidc_server.audit.service import Actor
from oidc_server.authorizations.ending import end_session
from oidc_server.clients.account_client import account_client
from oidc_server.core.database import transaction
from oidc_server.core.http import client_address, name_client, note_refusal
from oidc_server.mfa.pending import Channel
from oidc_server.protocol.access_classes import caller_if_any, person_or_nobody, public
from oidc_server.protocol.access_token import TokenRefused
from oidc_server.protocol.grants.refresh_token import refresh as refreshed
from oidc_server.protocol.password_login import Ask, log_in
from oidc_server.protocol.scope import allowed_scope
from oidc_server.protocol.server import current_server
from oidc_server.protocol.token_state import live_refresh_token
from oidc_server.sessions.service import Device
from oidc_server.users.sign_in import prove_password

_MOST_TOKEN = 4096


class LoginSchema(ApiSchema):
    """Who signs in, by which of their names; exactly one of `email` and `username`."""

    further: ClassVar = {"oneOf": [{"required": ["email"]}, {"required": ["username"]}]}

    email = Login(
        most=320,
        metadata={"description": "The email address.", "pattern": "@", "examples": ["ada@example.com"]},
    )
    username = Login(most=320, metadata={"description": "The username."})
    password = Password(required=True, metadata={"description": "The password."})
    device = Text(most=100, metadata={"description": "What the person calls this device, for their list of sessions."})
    scope = Text(most=1000, metadata={"description": "Less than everything that an app of ours may have."})

    @validates_schema
    def _one_name(self, data: dict[str, Any], **_options: Any) -> None:
        if ("email" in data) == ("username" in data):
            raise ValidationError("Send either `email` or `username`.", "email")
        if "@" not in data.get("email", "@"):
            raise ValidationError("Has to be an email address.", "email")


class RefreshSchema(ApiSchema):
    """A refresh token."""

    refresh_token = Text(
        required=True, most=_MOST_TOKEN, metadata={"description": "The latest one; the answer replaces it."}
    )


class LogoutSchema(ApiSchema):
    """A refresh token, from a caller without a good access token."""

    refresh_token = Text(most=_MOST_TOKEN, metadata={"description": "One of the session that is to end."})


class TokensSchema(ApiSchema):
    """Tokens of a session (RFC 6749 §5.1)."""

    access_token = fields.String(required=True, metadata={"description": "A JWT (RFC 9068); carries `email` too."})
    token_type = fields.String(required=True, metadata={"enum": ["Bearer"]})
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds for which the access token is good."})
    refresh_token = fields.String(required=True, metadata={"description": "For `POST /auth/refresh`."})
    id_token = fields.String(metadata={"description": "Who signed in (OpenID Connect Core §2)."})
    scope = fields.String(required=True, metadata={"description": "What was granted."})


@login.route("/auth/login", methods=["POST"])
@public
@refuses(Code.CREDENTIALS_WRONG, Code.MFA_REQUIRED, Code.MFA_ENROLMENT_REQUIRED, Code.INSUFFICIENT_SCOPE)
@login.arguments(LoginSchema, example={"email": "ada@example.com", "password": "three random words"})
@login.response(200, TokensSchema)
def sign_in(body: dict[str, Any]) -> dict[str, Any]:
    """Sign a person in

    Who owes a second factor gets no tokens but an `mfa_token`, good for five minutes and once, and the `methods` that
    may be used, in the person's order; `recovery` is among them while there are recovery codes. A code is sent by
    `POST /mfa/challenge`, and `POST /mfa/verify` finishes the login. Who has to set up a factor first is told where.
    Wrong names, wrong passwords and accounts that may not sign in are answered alike."""
    server, address = current_server(), client_address()
    client = account_client(server.clients, server.database)
    name_client(client.client_id)
    ask = Ask(
        client=client, scope=allowed_scope(body.get("scope"), client), resource=[],
        device=Device(request.headers.get("User-Agent", ""), address, body.get("device")),
    )  # fmt: skip
    proof = prove_password(
        server.limits, server.passwords, body.get("email") or body["username"], body["password"], address
    )
    with transaction() as session:
        outcome = log_in(server, session, proof, ask, Channel.API)
    return tokens_or_problem(outcome)


@login.route("/auth/refresh", methods=["POST"])
@login.route("/auth/refresh-token", methods=["POST"])
@public
@refuses(Code.REFRESH_TOKEN_INVALID)
@login.arguments(RefreshSchema)
@login.response(200, TokensSchema)
def refresh(body: dict[str, Any]) -> dict[str, Any]:
    """Get new tokens

    The refresh token is replaced. Sent again within half a minute, after a lost answer, it gives the same one."""
    server = current_server()
    client = account_client(server.clients, server.database)
    name_client(client.client_id)
    return refreshed(server, client, body["refresh_token"])


@login.route("/auth/logout", methods=["POST"])
@person_or_nobody
@login.arguments(LogoutSchema, required=False)
@login.response(204)
def logout(body: dict[str, Any]) -> None:
    """End a session

    The session of the access token, or else of the refresh token, ends with everything that was granted in it. What is
    not good any more has ended already, which is no mistake."""
    caller = caller_if_any()
    if caller is not None:
        user_id, session_id = caller.user_id, caller.session_id
    else:
        try:
            standing = live_refresh_token(current_server().database, body.get("refresh_token", "")).standing
        except TokenRefused as refusal:
            return note_refusal(refusal)
        user_id, session_id = standing.user_id, standing.session_id
    if session_id is not None:
        with transaction() as session:
            end_session(session, session_id, user_id=user_id, actor=Actor("user", str(user_id)))
    return None
