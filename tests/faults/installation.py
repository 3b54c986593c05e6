"""One installation of the server: its database, keys and secrets, and what its owner and its clients do with it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from oidc_server import create_app
from oidc_server.core import migration
from oidc_server.core.database import EXTENSION as DATABASE
from oidc_server.core.database import make_engine
from oidc_server.core.settings import Settings
from oidc_server.keys.ring import EXTENSION as KEY_RING
from tests.faults.history import Attempt, Caller, Job
from tests.log_lines import logs_kept_as_they_are
from tests.relying_party import Server, TestClient
from tests.running import ISSUER, RunningServer, environment, serving


def basic(client: TestClient) -> tuple[str, str]:
    """The client's credentials for HTTP Basic."""
    return client.client_id, client.client_secret or ""


@dataclass
class Installation:
    """``owner`` acts inside of this process, on the same database and keys as the processes that serve."""

    settings: Settings
    owner: Server
    folder: Path

    def serving(
        self, *arguments: str, workers: int = 2, threads: int = 16, **settings: Any
    ) -> AbstractContextManager[RunningServer]:
        """Run ``oidc-server serve``; a setting given here takes the place of the installation's."""
        log = self.folder / f"server-{secrets.token_hex(4)}.log"
        settings = {"password_hash_rounds": self.settings.password_hash_rounds} | settings
        return serving(self.environment(**settings), log, *arguments, workers=workers, threads=threads)

    def environment(self, **settings: Any) -> dict[str, str]:
        """The environment of a process of this installation."""
        mine: dict[str, Any] = {
            "secret_key": self.settings.secret_key,
            "master_key": self.settings.master_key,
            "key_store": self.settings.key_store,
        }
        url = settings.pop("database_url", self.settings.database_url)
        return environment(url, self.settings.key_directory, **mine | settings)


@contextmanager
def installation(folder: Path, database_url: str, **settings: Any) -> Iterator[Installation]:
    """An installation on an empty database: the schema is made, and the first key."""
    engine = make_engine(database_url, pool_size=1, statement_timeout_ms=20_000)
    migration.upgrade(engine)
    engine.dispose()
    chosen = Settings(
        issuer=ISSUER, database_url=database_url, secret_key=secrets.token_urlsafe(48),
        master_key=secrets.token_urlsafe(48), key_directory=folder / "keys", password_hash_rounds=4,
        log_level="info", trusted_proxies=("127.0.0.1",),
    )  # fmt: skip
    with logs_kept_as_they_are():
        app = create_app(replace(chosen, **settings))
        app.extensions[KEY_RING].ensure_first_key()
        try:
            yield Installation(replace(chosen, **settings), Server(app, app.test_client()), folder)
        finally:
            app.extensions[DATABASE].engine.dispose()


def all_workers(server: RunningServer, count: int) -> list[int]:
    """The ids of the worker processes, once so many of them run."""
    end = time.monotonic() + 30
    while True:
        children = psutil.Process(server.process.pid).children()
        workers = [child.pid for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        if len(workers) >= count:
            return workers
        assert time.monotonic() < end, "there are too few workers"
        time.sleep(0.02)


# What callers do


def get(operation: str, path: str) -> Job:
    """A job that asks for a document."""
    return lambda caller: caller.ask(operation, "GET", path)


DOCUMENTS = {
    "jwks": "/.well-known/jwks.json",
    "discovery": "/.well-known/openid-configuration",
    "live": "/health/live",
}


def documents() -> list[Job]:
    """Jobs that ask for everything that needs no database."""
    return [get(name, path) for name, path in DOCUMENTS.items()]


def client_credentials(client: TestClient) -> Job:
    """A job that gets a token for a service."""
    data = {"grant_type": "client_credentials"}
    return lambda caller: caller.ask("client_credentials", "POST", "/oauth/token", data=data, auth=basic(client))


def introspection(client: TestClient, token: str) -> Job:
    """A job that asks about a token, and fails when the answer is no."""

    def ask(caller: Caller) -> None:
        data = {"token": token}
        attempt = caller.ask("introspection", "POST", "/oauth/introspect", data=data, auth=basic(client))
        assert not attempt.acknowledged or attempt.body["active"], attempt

    return ask


class Chain:
    """A client that refreshes, remembers the newest token it was given, and sends it again after any failure."""

    def __init__(self, client: TestClient, refresh_token: str) -> None:
        self._client = client
        self.refresh_token = refresh_token
        self.spent: list[str] = []
        self.lost: Attempt | None = None
        self._given: dict[str, str] = {}

    def refresh(self, caller: Caller) -> Attempt:
        """Send the newest token once."""
        presented = self.refresh_token
        data = {"grant_type": "refresh_token", "refresh_token": presented}
        attempt = caller.ask("refresh", "POST", "/oauth/token", data=data, auth=basic(self._client))
        if attempt.acknowledged:
            self.take(presented, attempt.body["refresh_token"])
        elif attempt.status is not None and attempt.status < 500:
            self.lost = attempt
        return attempt

    def take(self, presented: str, successor: str) -> None:
        """Keep what was given for a token that is spent now."""
        assert self._given.setdefault(presented, successor) == successor, "one token, two successors"
        self.spent.append(presented)
        self.refresh_token = successor

    def keep_on(self, caller: Caller) -> None:
        """A job: refresh, unless the grant was lost."""
        if self.lost is None:
            self.refresh(caller)
