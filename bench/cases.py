"""What is asked, of which server, and how an answer is known to be good."""

import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import jwt

from bench.bare import PATH as BARE_PATH
from bench.load import BadAnswer, Source, run_load
from bench.seed import APP_CALLBACK, APP_SCOPE, Client, OneRequest, Seed
from bench.server import HOST, ISSUER, Server

AUTHORIZATION = "/oauth/authorize"
TOKEN = "/oauth/token"
INTROSPECTION = "/oauth/introspect"
JWKS = "/.well-known/jwks.json"
DISCOVERY = "/.well-known/openid-configuration"

BARE_VIEW = "bare Flask view"


@dataclass(frozen=True)
class Case:
    """One kind of request to one server; ``sources`` are its connections."""

    name: str
    server_kind: str
    server: Server
    sources: Sequence[Source]


class Expecting(OneRequest):
    """The same request each time, and an answer that holds certain bytes."""

    def __init__(self, request: bytes, expected: bytes) -> None:
        super().__init__(request)
        self._expected = expected

    def accept(self, head: bytes, body: bytes) -> None:
        if self._expected not in body:
            raise BadAnswer(body[:600].decode("latin-1"))
        super().accept(head, body)


class RefreshChain:
    """Each request uses the refresh token that the answer before it gave."""

    def __init__(self, client: Client, refresh_token: str) -> None:
        self._client = client
        self._refresh_token = refresh_token
        self.body = b""

    def request(self) -> bytes:
        return self._client.post(TOKEN, grant_type="refresh_token", refresh_token=self._refresh_token)

    def accept(self, head: bytes, body: bytes) -> None:
        answer = json.loads(body)
        if "id_token" not in answer or answer["refresh_token"] == self._refresh_token:
            raise BadAnswer("a refresh without an ID token or without a new refresh token")
        self._refresh_token = answer["refresh_token"]
        self.body = body


class Authorizations:
    """Each request is a new one of an app, from a browser that is signed in, and is answered with a code."""

    def __init__(self, app: Client, session: str) -> None:
        self._app = app
        self._session = session
        self.body = b""

    def request(self) -> bytes:
        query = urlencode({
            "client_id": self._app.client_id, "redirect_uri": APP_CALLBACK, "response_type": "code",
            "scope": APP_SCOPE, "state": secrets.token_urlsafe(16), "nonce": secrets.token_urlsafe(16),
            "code_challenge": secrets.token_urlsafe(32), "code_challenge_method": "S256",
        })  # fmt: skip
        cookie = f"Cookie: __Host-session={self._session}\r\n"
        return f"GET {AUTHORIZATION}?{query} HTTP/1.1\r\nHost: {HOST}\r\n{cookie}Accept: */*\r\n\r\n".encode()

    def accept(self, head: bytes, body: bytes) -> None:
        if f"\r\nLocation: {APP_CALLBACK}?code=".encode() not in head:
            raise BadAnswer(head.decode("latin-1"))


def get(path: str) -> bytes:
    """A GET request without credentials."""
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept: */*\r\n\r\n".encode()


def bare_command(port: int, size: int) -> list[str]:
    """The command of the bare view, which returns ``size`` bytes."""
    return [sys.executable, "-m", "bench.bare", str(port), str(size)]


def gunicorn_cases(server: Server, seeded: Seed, signed_in: Sequence[dict[str, str]]) -> list[Case]:
    """Everything, through gunicorn, with one connection for each sign-in."""
    connections = len(signed_in)
    client_token = a_client_token(server, seeded)
    user_token = signed_in[0]["access_token"]
    chains = [RefreshChain(seeded.first_party, answer["refresh_token"]) for answer in signed_in]

    def introspecting(token: str) -> list[Source]:
        request = seeded.service.post(INTROSPECTION, token=token)
        return [Expecting(request, b'"active":true') for _ in range(connections)]

    return [
        client_credentials("gunicorn", server, seeded, connections),
        Case("refresh_token", "gunicorn", server, chains),
        Case(
            "authorization", "gunicorn", server,
            [Authorizations(seeded.app, seeded.session) for _ in range(connections)],
        ),
        Case("introspection, client's token", "gunicorn", server, introspecting(client_token)),
        Case("introspection, user's token", "gunicorn", server, introspecting(user_token)),
        jwks("gunicorn", server, connections),
        Case(
            "discovery", "gunicorn", server,
            [Expecting(get(DISCOVERY), b'"issuer"') for _ in range(connections)],
        ),
    ]  # fmt: skip


def a_client_token(server: Server, seeded: Seed) -> str:
    """An access token of the service for itself."""
    case = client_credentials("gunicorn", server, seeded, 1)
    run_load(server.address, case.sources, seconds=0)
    token: str = json.loads(case.sources[0].body)["access_token"]
    return token


def client_credentials(kind: str, server: Server, seeded: Seed, connections: int) -> Case:
    """A service's token for itself."""
    request = seeded.service.post(TOKEN, grant_type="client_credentials", scope="orders:read")
    return Case("client_credentials", kind, server, [Expecting(request, b'"access_token"') for _ in range(connections)])


def jwks(kind: str, server: Server, connections: int) -> Case:
    """The key set, whole: no request says what it has already."""
    return Case("JWKS", kind, server, [Expecting(get(JWKS), b'"keys"') for _ in range(connections)])


def bare_view(server: Server, connections: int) -> Case:
    """The yardstick of the framework."""
    return Case(BARE_VIEW, "gunicorn", server, [Expecting(get(BARE_PATH), b"xxx") for _ in range(connections)])


def verify_tokens(cases: Sequence[Case], jwks_body: bytes) -> int:
    """Verify by the JWKS, with PyJWT, the tokens of every connection's last answer; how many they were.

    Raises ``jwt.InvalidTokenError`` or ``KeyError``."""
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(json.loads(jwks_body)).keys}
    verified = 0
    for source in (source for case in cases for source in case.sources):
        answer = json.loads(source.body) if b'"access_token"' in source.body else {}
        for name in {"access_token", "id_token"} & answer.keys():
            token = answer[name]
            options: jwt.types.Options = {"verify_aud": False, "require": ["iss", "sub", "aud", "exp", "iat"]}
            jwt.decode(
                token,
                keys[jwt.get_unverified_header(token)["kid"]],
                algorithms=["RS256"],
                issuer=ISSUER,
                options=options,
            )
            verified += 1
    return verified
