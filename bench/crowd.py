"""A database with very many accounts, and what is asked of them by an admin and by one person."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import make_url, text

from bench import seed
from bench.cases import Case, Expecting
from bench.load import Source, run_load
from bench.machine import Placement
from bench.seed import OneRequest, PostgreSQL
from bench.server import HOST, Server, free_port, running, serve_command
from oidc_server.audit.service import SYSTEM
from oidc_server.core import clock, migration
from oidc_server.core.database import Database, make_engine
from oidc_server.users.passwords import HashingGate, Passwords
from oidc_server.users.service import create_user

KIND = "gunicorn, crowd"
ME, LIST = "GET /auth/me", "GET /users"
FIRST, MIDDLE, INACTIVE = f"{LIST}, first page", f"{LIST}, middle", f"{LIST}, inactive"
BEGINNING, ADDRESS = f"{LIST}, beginning of many names", f"{LIST}, whole address"
NAMES = (ME, FIRST, MIDDLE, INACTIVE, BEGINNING, ADDRESS)
_PAGE = 50
_ADMIN = "admin@bench.example.com"
_HASH_ROUNDS = 4  # one sign-in only, which is not measured
_STATEMENT_MS = 600_000

# Names as people have them: 32 first and 32 last names, and a number; one in a thousand is suspended, one in ten has
# not confirmed the address, and all have a profile. An id is a UUIDv7 of its millisecond.
_FILL = """
CREATE TEMPORARY TABLE crowd AS
SELECT (lpad(to_hex(:begin + i), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid AS id,
       f || '.' || l || i AS name, initcap(f) AS first, initcap(l) AS last, i,
       to_timestamp((:begin + i) / 1000.0) AS made_at
FROM (SELECT i, md5(i::text) AS h, ('{ada,alan,anna,barbara,carl,clara,dora,edgar,emil,emmy,erna,felix,frieda,grace,
  hedy,ida,john,julia,karl,kurt,lise,marie,max,mila,nora,otto,paul,rosa,sofia,tim,vera,wanda}'::text[])
    [1 + ('x' || substr(md5(i::text), 1, 4))::bit(16)::int % 32] AS f,
  ('{lovelace,turing,noether,hopper,gauss,euler,curie,meitner,planck,bohr,hilbert,goedel,cantor,riemann,fermat,
  pascal,newton,leibniz,fourier,laplace,galois,abel,jacobi,klein,lie,weyl,wirth,zuse,shannon,church,kleene,post
  }'::text[])[1 + ('x' || substr(md5(i::text), 5, 4))::bit(16)::int % 32] AS l
  FROM generate_series(1, :accounts) AS i) AS people;
INSERT INTO users (id, email, email_key, username, username_key, email_verified_at, suspended_at, suspension_note,
                   last_login_at, created_at, updated_at)
SELECT id, name || '@example.com', name || '@example.com', name, name, CASE WHEN i % 10 > 0 THEN made_at END,
       CASE WHEN i % 1000 = 0 THEN made_at END, CASE WHEN i % 1000 = 0 THEN 'bench' END, made_at, made_at, made_at
FROM crowd;
INSERT INTO profiles (user_id, name, given_name, family_name, locale, zoneinfo, picture, address, updated_at)
SELECT id, first || ' ' || last, first, last, 'en-GB', 'Europe/London', 'https://example.com/' || i || '.png',
       '{"country": "England"}', made_at
FROM crowd;
DROP TABLE crowd
"""


@dataclass(frozen=True)
class Crowd:
    """The database, the admin's password, and facts of accounts to ask for."""

    url: str
    password: str
    middle: str
    address: str


def fill(postgresql: PostgreSQL, accounts: int) -> Crowd:
    """Make a database of its own with so many accounts, and an admin."""
    url = make_url(postgresql.url).set(database="crowd").render_as_string(hide_password=False)
    server = make_engine(postgresql.url, pool_size=1, statement_timeout_ms=_STATEMENT_MS, autocommit=True)
    with server.connect() as connection:
        connection.execute(text("CREATE DATABASE crowd"))
    server.dispose()
    engine = make_engine(url, pool_size=1, statement_timeout_ms=_STATEMENT_MS)
    migration.upgrade(engine)
    password = secrets.token_urlsafe(16)
    hashed = Passwords(_HASH_ROUNDS, HashingGate(1, 1)).hash(password)
    with Database(engine).transaction() as session:
        for statement in _FILL.split(";\n"):
            begin = clock.timestamp() * 1000 - accounts
            session.execute(text(statement), {"accounts": accounts, "begin": begin})
        create_user(session, actor=SYSTEM, email=_ADMIN, password_hash=hashed, verified=True, superuser=True)
        one = text("SELECT id::text, email FROM users ORDER BY id OFFSET :place LIMIT 1")
        middle, address = session.execute(one, {"place": accounts // 2}).one()
    engine.dispose()
    settled = make_engine(url, pool_size=1, statement_timeout_ms=_STATEMENT_MS, autocommit=True)
    with settled.connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    settled.dispose()
    return Crowd(url, password, middle, address)


@contextmanager
def serving(
    postgresql: PostgreSQL, accounts: int, connections: int, where: Placement, folder: Path
) -> Iterator[tuple[Server, list[Case]]]:
    """A server on such a database, and the cases."""
    crowd = fill(postgresql, accounts)
    settings = seed.settings(crowd.url, folder / "keys-crowd")
    port = free_port()
    with running(serve_command(port), port, settings, folder / "crowd.log", where.server) as server:
        yield server, cases(server, crowd, connections)


def cases(server: Server, crowd: Crowd, connections: int) -> list[Case]:
    """Everything that is asked, by the admin."""
    token = _sign_in(server, crowd)
    many = b'"next":"'
    asked = {
        ME: ("/auth/me", _ADMIN.encode()),
        FIRST: (f"/users?limit={_PAGE}", many),
        MIDDLE: (f"/users?limit={_PAGE}&cursor={crowd.middle}", many),
        INACTIVE: (f"/users?limit={_PAGE}&is_active=false", b'"suspension_reason":"bench"'),
        BEGINNING: (f"/users?limit={_PAGE}&query=ada.&cursor={crowd.middle}", b'"email":"ada.'),
        ADDRESS: (f"/users?limit={_PAGE}&query={quote(crowd.address)}", crowd.address.encode()),
    }

    def sources(path: str, expected: bytes) -> list[Source]:
        request = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\nAccept: */*\r\n\r\n"
        return [Expecting(request.encode(), expected) for _ in range(connections)]

    return [Case(name, KIND, server, sources(*asked[name])) for name in NAMES]


def _sign_in(server: Server, crowd: Crowd) -> str:
    body = json.dumps({"email": _ADMIN, "password": crowd.password})
    source = OneRequest(
        f"POST /auth/login HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    run_load(server.address, [source], seconds=0)
    token: str = json.loads(source.body)["access_token"]
    return token
