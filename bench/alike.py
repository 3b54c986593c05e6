"""``python -m bench.alike``: does the time of an answer tell what kind of account there is, if any?

Registering, asking for a mail and signing in, each with accounts of every kind, 300 of each, in random order, against
one server on PostgreSQL; each kind is compared with addresses that nobody has (Mann and Whitney, two-sided)."""

import argparse
import json
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import delete

from bench.rank_sum import p_of_no_difference
from bench.seed import APP_CALLBACK, postgresql
from bench.server import ISSUER
from oidc_server import create_app
from oidc_server.audit.service import SYSTEM
from oidc_server.clients.service import Registration, create_client
from oidc_server.core import clock, migration
from oidc_server.core.database import EXTENSION as DATABASE
from oidc_server.core.database import Database, make_engine
from oidc_server.core.limits import RateLimitCounter
from oidc_server.core.settings import Settings
from oidc_server.keys.ring import EXTENSION as KEY_RING
from oidc_server.users.closing import close
from oidc_server.users.passwords import EXTENSION as PASSWORDS
from oidc_server.users.service import create_user, suspend

OUTPUT = Path("var/bench")
SAMPLES = 300
HASH_ROUNDS = 8  # quick enough to leave the rest of the work in sight
GOOD_P, GOOD_MS = 0.01, 5.0
NOBODY = "unknown"
KINDS = (NOBODY, "active", "suspended", "locked", "unverified", "closed", "without password")
PASSWORD, GUESS = "three random words", "two other words"
_CLEARED_EVERY = 40


Send = Callable[[str, str], int]  # from an address of mail and an address of the network to the status of the answer


@dataclass(frozen=True)
class Operation:
    """What is asked about an address of mail, and the one status that answers it."""

    name: str
    sender: Callable[[Flask], Send]
    status: int


def by_json(path: str, **further: str) -> Callable[[Flask], Send]:
    """Sends the address, and what else there is, as JSON."""

    def sender(app: Flask) -> Send:
        http = app.test_client()
        return lambda email, network: (
            http.post(path, json={"email": email, **further}, environ_base={"REMOTE_ADDR": network}).status_code
        )

    return sender


def on_the_page(app: Flask) -> Send:
    """Types the address and a wrong password into the sign-in page of an app's request."""
    with app.app_context(), app.extensions[DATABASE].transaction() as session:
        registration = Registration(client_name="App", scope="openid", redirect_uris=(APP_CALLBACK,))
        client, _ = create_client(session, actor=SYSTEM, client_type="public", registration=registration)
    http = app.test_client()
    query = {
        "client_id": client.client_id, "redirect_uri": APP_CALLBACK, "response_type": "code", "scope": "openid",
        "code_challenge": "c" * 43, "code_challenge_method": "S256",
    }  # fmt: skip
    page = http.get("/oauth/authorize", query_string=query, base_url=ISSUER, follow_redirects=True)
    (token,) = re.findall(r'name="csrf_token"[^>]* value="([^"]+)"', page.text)

    def send(email: str, network: str) -> int:
        fields = {"csrf_token": token, "login": email, "password": GUESS}
        environ = {"REMOTE_ADDR": network}
        return http.post(page.request.full_path, data=fields, base_url=ISSUER, environ_base=environ).status_code

    return send


OPERATIONS = (
    Operation("sign in on the page", on_the_page, 422),
    Operation("log in", by_json("/auth/login", password=GUESS), 401),
    Operation("register", by_json("/auth/register", password=PASSWORD), 201),
    Operation("forgotten password", by_json("/auth/forgot-password"), 202),
    Operation("resend the verification", by_json("/auth/resend-verification"), 202),
)


@dataclass(frozen=True)
class Compared:
    """One kind of account in one operation, beside an address that nobody has. Times are in milliseconds."""

    operation: str
    kind: str
    samples: int
    median_ms: float
    apart_ms: float
    p: float

    @property
    def alike(self) -> bool:
        """What is asked for: a difference that chance explains, or one below 5 ms between the medians."""
        return self.p > GOOD_P or abs(self.apart_ms) < GOOD_MS


def make_accounts(app: Flask, operation: int, samples: int) -> dict[str, list[str]]:
    """``samples`` addresses of every kind, all of one length; each is used once."""
    database: Database = app.extensions[DATABASE]
    hashed = app.extensions[PASSWORDS].hash(PASSWORD)
    named = {
        kind: [f"a{operation}{number:x}{sample:05d}@example.com" for sample in range(samples)]
        for number, kind in enumerate(KINDS)
    }
    with app.app_context(), database.transaction() as session:
        for kind in KINDS[1:]:
            for email in named[kind]:
                user = create_user(
                    session, actor=SYSTEM, email=email, verified=kind != "unverified",
                    password_hash=None if kind == "without password" else hashed,
                )  # fmt: skip
                if kind in {"suspended", "locked"}:
                    until = clock.now() + timedelta(days=1) if kind == "locked" else None
                    suspend(session, user, actor=SYSTEM, until=until)
                if kind == "closed":
                    close(session, user, actor=SYSTEM, grace=timedelta(days=14))
    return named


def measure(app: Flask, operation: Operation, accounts: dict[str, list[str]]) -> list[Compared]:
    """Ask once for each address, in random order, each time from another network. Raises ``AssertionError`` when an
    answer is another than that for an address that nobody has."""
    send = operation.sender(app)
    for number in range(10):  # what only the first requests pay for
        send(f"warm{number}@example.com", "192.0.2.1")
    order = [(kind, email) for kind, emails in accounts.items() for email in emails]
    random.Random(operation.name).shuffle(order)
    times: dict[str, list[float]] = {kind: [] for kind in accounts}
    for number, (kind, email) in enumerate(order):
        if number % _CLEARED_EVERY == 0:
            forget_limits(app)
        network = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        began = time.perf_counter()
        status = send(email, network)
        times[kind].append((time.perf_counter() - began) * 1000)
        assert status == operation.status, (operation.name, kind, status)
    usual = times[NOBODY]
    return [
        Compared(
            operation.name, kind, len(values), round(statistics.median(values), 3),
            round(statistics.median(values) - statistics.median(usual), 3), round(p_of_no_difference(values, usual), 4),
        )
        for kind, values in times.items() if kind != NOBODY
    ]  # fmt: skip


def forget_limits(app: Flask) -> None:
    """Count from nothing again: what is measured is the work for one account, not that of the thousandth caller."""
    with app.extensions[DATABASE].engine.begin() as connection:
        connection.execute(delete(RateLimitCounter))


def markdown(compared: list[Compared]) -> str:
    """The table."""
    rows = [
        f"| {one.operation} | {one.kind} | {one.samples} | {one.median_ms:.2f} | {one.apart_ms:+.2f} | {one.p:.3f} |"
        f" {'yes' if one.alike else '**no**'} |"
        for one in compared
    ]
    head = [
        f"Compared with addresses that nobody has. Alike: p > {GOOD_P}, or medians less than {GOOD_MS:.0f} ms apart.",
        "",
        "| operation | account | samples | median ms | apart ms | p of no difference | alike |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


def run(samples: int) -> list[Compared]:
    """Measure every operation on a database of its own."""
    with tempfile.TemporaryDirectory(prefix="oidc-alike-") as folder, postgresql() as database:
        engine = make_engine(database.url, pool_size=1, statement_timeout_ms=5000)
        migration.upgrade(engine)
        engine.dispose()
        keys = Path(folder) / "keys"
        keys.mkdir(mode=0o700)
        app = create_app(
            Settings(
                issuer=ISSUER, database_url=database.url, secret_key="s" * 43, master_key="m" * 43, key_directory=keys,
                password_hash_rounds=HASH_ROUNDS, log_level="error",
            )
        )  # fmt: skip
        app.extensions[KEY_RING].ensure_first_key()
        compared: list[Compared] = []
        for number, operation in enumerate(OPERATIONS):
            compared += measure(app, operation, make_accounts(app, number, samples))
        app.extensions[DATABASE].dispose()
    return compared


def main() -> None:
    """Measure and report; the exit code is 1 when some kind of account can be told."""
    parser = argparse.ArgumentParser(prog="python -m bench.alike", description=__doc__)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="of each kind (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FOLDER", help="default: %(default)s")
    given = parser.parse_args()
    compared = run(given.samples)
    given.output.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = [asdict(one) | {"alike": one.alike} for one in compared]
    (given.output / "alike.json").write_text(json.dumps(rows, indent=2) + "\n")
    (given.output / "alike.md").write_text(markdown(compared))
    print(markdown(compared))
    raise SystemExit(not all(one.alike for one in compared))


if __name__ == "__main__":
    main()
