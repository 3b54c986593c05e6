"""An app that logs people in: it knows the discovery URL and its own registration, and verifies what it is told."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from werkzeug.test import TestResponse

from tests.browsing import Browser, Visit
from tests.relying_party import Server, TestClient, TestUser, body_of

CALLBACK = "https://app.example.com/callback"
GOODBYE = "https://app.example.com/goodbye"
SCOPE = "openid profile email address phone offline_access"


def challenge_of(verifier: str) -> str:
    """RFC 7636 §4.2."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass
class App:
    """One client; ``verifier``, ``state`` and ``nonce`` are those of its latest request."""

    server: Server
    client: TestClient
    redirect_uri: str = CALLBACK
    pkce: bool = True
    verifier: str = field(default="", init=False)
    state: str = field(default="", init=False)
    nonce: str = field(default="", init=False)

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The discovery document, read once, as apps do."""
        return self.server.metadata

    # Asking

    def request(self, **parameters: str | None) -> dict[str, str]:
        """The parameters of a new authorization request; None leaves one away."""
        self.verifier = secrets.token_urlsafe(32)
        self.state, self.nonce = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        usual: dict[str, str | None] = {
            "client_id": self.client.client_id, "redirect_uri": self.redirect_uri, "response_type": "code",
            "scope": "openid", "state": self.state, "nonce": self.nonce,
        }  # fmt: skip
        if self.pkce:
            usual |= {"code_challenge": challenge_of(self.verifier), "code_challenge_method": "S256"}
        return {name: value for name, value in (usual | parameters).items() if value is not None}

    def address(self, **parameters: str | None) -> str:
        """The address to send a browser to."""
        return f"{self.metadata['authorization_endpoint']}?{urlencode(self.request(**parameters))}"

    def open(self, browser: Browser, **parameters: str | None) -> Visit:
        """Send a browser to the server."""
        return browser.open(self.address(**parameters))

    def log_in(self, browser: Browser, user: TestUser, **parameters: str | None) -> Visit:
        """Send a browser to the server, where the person signs in and allows everything that they are asked for."""
        visit = self.open(browser, **parameters)
        if visit.path.startswith("/sign-in"):
            visit = browser.sign_in(visit, user.email, user.password)
        return browser.press(visit, "allow") if visit.path.startswith("/consent") else visit

    # Being answered

    def code(self, visit: Visit) -> str:
        """The code of an answer that is what the specifications say (RFC 6749 §4.1.2, RFC 9207)."""
        assert visit.elsewhere is None or visit.elsewhere.startswith(self.redirect_uri), visit.elsewhere
        answer = visit.answer
        assert set(answer) == {"code", "state", "iss"} - ({"state"} if not self.state else set()), answer
        assert answer.get("state", "") == self.state
        assert answer["iss"] == self.metadata["issuer"]
        return answer["code"]

    def error(self, visit: Visit) -> str:
        """The error of an answer that is what the specifications say (RFC 6749 §4.1.2.1, RFC 9207)."""
        answer = visit.answer
        assert set(answer) <= {"error", "error_description", "state", "iss"}, answer
        assert answer.get("state", "") == self.state
        assert answer["iss"] == self.metadata["issuer"]
        return answer["error"]

    def redeem(self, code: str, **parameters: str | None) -> TestResponse:
        """Ask for the tokens behind a code."""
        usual = {"redirect_uri": self.redirect_uri, "code_verifier": self.verifier if self.pkce else None}
        return self.server.token(self.client, "authorization_code", code=code, **usual | parameters)

    def tokens(self, visit: Visit) -> dict[str, Any]:
        """The tokens of an answer, of which the ID Token was verified."""
        response = self.redeem(self.code(visit))
        assert response.status_code == 200, response.json
        tokens = body_of(response)
        if "id_token" in tokens:
            self.id_token(tokens)
        return tokens

    def id_token(self, tokens: dict[str, Any], *, nonce: bool = True) -> dict[str, Any]:
        """The claims of the ID Token, after the checks of OpenID Connect Core §3.1.3.7."""
        claims = self.server.verify(tokens["id_token"], audience=self.client.client_id, typ="JWT")
        assert claims["aud"] == self.client.client_id
        assert claims["azp"] == self.client.client_id
        hashed = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
        assert claims["at_hash"] == urlsafe_b64encode(hashed).rstrip(b"=").decode()
        # OpenID Connect Core §3.3.2.11; a refreshed one comes without a code.
        assert ("c_hash" in claims) == nonce
        assert claims.get("nonce") == (self.nonce if nonce else None)
        return claims

    def userinfo(self, access_token: str) -> TestResponse:
        """Ask userinfo."""
        path = self.metadata["userinfo_endpoint"].removeprefix(self.metadata["issuer"])
        return self.server.http.get(path, headers={"Authorization": f"Bearer {access_token}"})


def make_app(server: Server, client_type: str = "confidential", **registration: Any) -> App:
    """Register an app with everything that OpenID Connect asks of one."""
    registration.setdefault("redirect_uris", (CALLBACK,))
    registration.setdefault("post_logout_redirect_uris", (GOODBYE,))
    registration.setdefault("scope", f"{SCOPE} orders:read")
    return App(server, server.client(client_type, **registration))
