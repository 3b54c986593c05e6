"""A second PostgreSQL that follows the first by streaming replication, and may take over from it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.postgresql import PROGRAMS, ROLE, OwnPostgreSQL

_FOLLOWS_SECONDS = 30


class Standby(OwnPostgreSQL):
    """Begins as a copy of ``primary``, which must be running."""

    def __init__(self, data: Path, primary: OwnPostgreSQL) -> None:
        self.primary = primary
        super().__init__(data)

    def _make_files(self) -> str | None:
        if self.primary.user is not None:
            shutil.chown(self.data, self.primary.user, self.primary.user)
        command = [
            str(PROGRAMS / "pg_basebackup"), "--pgdata", str(self.data), "--host", "127.0.0.1",
            "--port", str(self.primary.port), "--username", "postgres", "--no-password",
            "--checkpoint", "fast", "--write-recovery-conf", "--no-sync",
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=60, **self.primary.as_user())
        return self.primary.user

    def become_synchronous(self) -> None:
        """From now on the primary acknowledges nothing that is not on the disk of this server too."""
        self.primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        end = time.monotonic() + _FOLLOWS_SECONDS
        while self.primary.ask("SELECT max(sync_state) FROM pg_stat_replication") != "sync":
            assert time.monotonic() < end, (self.data / "log").read_text()
            time.sleep(0.05)

    def follow(self) -> None:
        """Wait until all that the primary has acknowledged so far is here."""
        end = time.monotonic() + _FOLLOWS_SECONDS
        position = self.primary.ask("SELECT pg_current_wal_lsn()")
        while not self.ask(f"SELECT pg_last_wal_replay_lsn() >= '{position}'"):
            assert time.monotonic() < end, (self.data / "log").read_text()
            time.sleep(0.05)

    def fall_behind(self) -> None:
        """Hear nothing from the primary any more; returns when the connection is gone."""
        self.run("ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
        end = time.monotonic() + _FOLLOWS_SECONDS
        while self.primary.ask("SELECT count(*) FROM pg_stat_replication"):
            assert time.monotonic() < end, (self.data / "log").read_text()
            time.sleep(0.01)

    def promote(self) -> None:
        """Take over; returns when writes are accepted."""
        self.run("SELECT pg_promote(wait_seconds => 30)")


def either_url(*servers: OwnPostgreSQL) -> str:
    """One address that names all the servers, in the order in which they are tried."""
    hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in servers)
    return f"postgresql://{ROLE}@/{ROLE}?{hosts}"


@contextmanager
def asynchronous_standby(primary: OwnPostgreSQL) -> Iterator[Standby]:
    """A running standby for which ``primary`` does not wait."""
    data = Path(tempfile.mkdtemp(prefix="oidc-test-standby-"))
    try:
        standby = Standby(data, primary)
        try:
            standby.start()
            yield standby
        finally:
            standby.stop()
    finally:
        shutil.rmtree(data, ignore_errors=True)


@contextmanager
def synchronous_standby(primary: OwnPostgreSQL) -> Iterator[Standby]:
    """A running standby without which ``primary`` acknowledges no commit."""
    with asynchronous_standby(primary) as standby:
        standby.become_synchronous()
        yield standby
