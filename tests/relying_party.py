"""The server as tests meet it: over HTTP, by a relying party that knows the discovery URL and verifies by JWKS."""

from __future__ import annotations

import uuid
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import jwt
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select
from werkzeug.test import TestResponse

from oidc_server.audit.models import AuditEvent
from oidc_server.audit.service import SYSTEM
from oidc_server.clients.models import UsedAssertion
from oidc_server.clients.service import Registration, create_client, disable_client, find_client, update_client
from oidc_server.core import clock
from oidc_server.core.database import EXTENSION as DATABASE
from oidc_server.core.database import Database
from oidc_server.core.limits import RateLimitCounter
from oidc_server.sessions.models import Epoch
from oidc_server.users.passwords import EXTENSION as PASSWORDS
from oidc_server.users.service import create_user, find_user, suspend

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class TestClient:
    """An OAuth client as its owner knows it."""

    __test__ = False

    client_id: str
    client_secret: str | None
    method: str = "client_secret_basic"

    @property
    def basic(self) -> dict[str, str]:
        """The Authorization header of client_secret_basic."""
        pair = f"{self.client_id}:{self.client_secret}".encode()
        return {"Authorization": "Basic " + b64encode(pair).decode()}


@dataclass(frozen=True)
class TestUser:
    """A person as they know themselves."""

    __test__ = False

    id: uuid.UUID
    email: str
    password: str


class Server:
    """The server under test."""

    def __init__(self, app: Flask, http: FlaskClient) -> None:
        self.app = app
        self.http = http
        self.database: Database = app.extensions[DATABASE]

    # What exists

    def client(self, client_type: str = "", client_id: str | None = None, **registration: Any) -> TestClient:
        """Register a client; of no given type, it is confidential when it has redirect URIs, and else a service."""
        client_type = client_type or ("confidential" if registration.get("redirect_uris") else "service")
        registration.setdefault("client_name", "Test client")
        registration.setdefault("scope", "orders:read orders:write")
        with self.app.app_context(), self.database.transaction() as session:
            client, secret = create_client(
                session, actor=SYSTEM, client_type=client_type, registration=Registration(**registration),
                client_id=client_id,
            )  # fmt: skip
            return TestClient(client.client_id, secret, client.token_endpoint_auth_method)

    def first_party(self, **registration: Any) -> TestClient:
        """Register a first-party client that may use the password grant."""
        registration.setdefault("scope", "openid profile email orders:read")
        registration.setdefault("grant_types", ("password", "refresh_token"))
        return self.client("confidential", first_party=True, **registration)

    def user(self, email: str | None = None, password: str | None = PASSWORD, **facts: Any) -> TestUser:
        """Make a verified user."""
        email = email or f"{uuid.uuid4().hex[:12]}@example.com"
        hashed = self.app.extensions[PASSWORDS].hash(password) if password is not None else None
        with self.app.app_context(), self.database.transaction() as session:
            user = create_user(session, actor=SYSTEM, email=email, password_hash=hashed, verified=True, **facts)
            return TestUser(user.id, email, password or "")

    def update(self, client: TestClient, **registration: Any) -> None:
        """Change a client's metadata."""
        with self.app.app_context(), self.database.transaction() as session:
            found = find_client(session, client.client_id)
            assert found is not None
            update_client(session, found, actor=SYSTEM, registration=Registration(**registration))

    def suspend(self, user: TestUser) -> None:
        """Suspend a user, and nothing else."""
        with self.app.app_context(), self.database.transaction() as session:
            found = find_user(session, str(user.id))
            assert found is not None
            suspend(session, found, actor=SYSTEM)

    def disable(self, client: TestClient) -> None:
        """Disable a client, and nothing else."""
        with self.app.app_context(), self.database.transaction() as session:
            found = find_client(session, client.client_id)
            assert found is not None
            disable_client(session, found, actor=SYSTEM)

    def forget_used_assertions(self) -> None:
        """Lose the record of every client assertion that was used."""
        with self.database.transaction() as session:
            session.execute(delete(UsedAssertion))

    def forget_limits(self) -> None:
        """Count every attempt anew, where the database counts them."""
        with self.database.transaction() as session:
            session.execute(delete(RateLimitCounter))

    # What it is asked

    def post(self, path: str, client: TestClient | None = None, /, **parameters: Any) -> TestResponse:
        """POST a form, authenticated as ``client`` by its registered method."""
        headers: dict[str, str] = parameters.pop("headers", {})
        if client is not None and client.method == "client_secret_basic":
            headers = client.basic | headers
        elif client is not None and client.method == "client_secret_post":
            parameters |= {"client_id": client.client_id, "client_secret": client.client_secret}
        elif client is not None:
            parameters |= {"client_id": client.client_id}
        data = {name: value for name, value in parameters.items() if value is not None}
        return self.http.post("/oauth/token" if path == "token" else path, data=data, headers=headers)

    def token(self, client: TestClient, grant_type: str = "client_credentials", **parameters: Any) -> TestResponse:
        """Ask the token endpoint."""
        return self.post("/oauth/token", client, grant_type=grant_type, **parameters)

    def sign_in(self, client: TestClient, user: TestUser, **parameters: Any) -> dict[str, Any]:
        """Sign in by the password grant; the token response."""
        response = self.token(client, "password", username=user.email, password=user.password, **parameters)
        assert response.status_code == 200, response.json
        return body_of(response)

    def refresh(self, client: TestClient, refresh_token: str, **parameters: Any) -> TestResponse:
        """Redeem a refresh token."""
        return self.token(client, "refresh_token", refresh_token=refresh_token, **parameters)

    def introspect(self, client: TestClient, token: str, **parameters: Any) -> dict[str, Any]:
        """Introspect a token; the answer."""
        response = self.post("/oauth/introspect", client, token=token, **parameters)
        assert response.status_code == 200, response.json
        return body_of(response)

    def revoke(self, client: TestClient, token: str, **parameters: Any) -> TestResponse:
        """Revoke a token."""
        return self.post("/oauth/revoke", client, token=token, **parameters)

    # What a relying party sees

    @property
    def metadata(self) -> dict[str, Any]:
        """The discovery document."""
        return body_of(self.http.get("/.well-known/openid-configuration"))

    def jwks(self) -> dict[str, Any]:
        """The published keys, found through discovery."""
        metadata = self.metadata
        path = metadata["jwks_uri"].removeprefix(metadata["issuer"])
        return body_of(self.http.get(path))

    def verify(self, token: str, *, audience: str | None = None, typ: str = "at+jwt") -> dict[str, Any]:
        """The claims of a token, verified as a resource server does: by JWKS, with PyJWT."""
        header = jwt.get_unverified_header(token)
        assert header["typ"] == typ
        key = next(key for key in jwt.PyJWKSet.from_dict(self.jwks()).keys if key.key_id == header["kid"])
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=[header["alg"]], issuer=self.metadata["issuer"],
            audience=audience or self.metadata["issuer"], options={"verify_exp": False, "verify_iat": False},
        )  # fmt: skip
        assert claims["exp"] > clock.timestamp()
        return claims

    # What the admin sees

    def epochs(self) -> list[Epoch]:
        """The epochs that have begun."""
        with self.database.reading() as session:
            return list(session.scalars(select(Epoch)))

    def audit(self, event: str, subject: str) -> list[AuditEvent]:
        """The recorded events of a kind about a subject, oldest first."""
        query = select(AuditEvent).where(AuditEvent.event == event, AuditEvent.subject_id == subject)
        with self.database.reading() as session:
            return list(session.scalars(query.order_by(AuditEvent.id)))


def body_of(response: TestResponse) -> dict[str, Any]:
    """The JSON object of an answer."""
    body: dict[str, Any] | None = response.json
    assert isinstance(body, dict)
    return body


def error(response: TestResponse) -> tuple[int, str]:
    """The status and OAuth error code of a refusal, which must be well-formed."""
    body = body_of(response)
    assert set(body) == {"error", "error_description", "error_id"}, body
    assert body["error_id"] == response.headers["X-Request-Id"]
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, body["error"]
