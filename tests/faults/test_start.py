"""Starting: many processes at once on nothing, and settings, databases and key stores that cannot be used."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Barrier, Timer

import psutil
import pytest
from sqlalchemy import create_engine, text

from oidc_server.core import schema
from oidc_server.core.database import engine_url, make_engine
from tests.faults.installation import Installation, installation
from tests.faults.postgresql import OwnPostgreSQL
from tests.faults.proxy import Proxy
from tests.running import environment, free_port, serving

pytestmark = pytest.mark.slow

AT_ONCE = 4
EXIT_SETTINGS = 2
PROGRAM = [sys.executable, "-m", "oidc_server.commands"]
MakeDatabase = Callable[[str], str]


def refused(env: dict[str, str], *, within: float = 30) -> str:
    """What ``serve`` says while it refuses to start: it ends by itself, with the exit code of unusable settings."""
    command = [*PROGRAM, "serve", "--bind", f"127.0.0.1:{free_port()}", "--workers", "1"]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=within, check=False)
    assert ended.returncode == EXIT_SETTINGS, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


def files(folder: Path) -> dict[str, bytes]:
    """The key files of a store, with their content."""
    return {path.name: path.read_bytes() for path in folder.glob("*.pem")}


@pytest.mark.parametrize(("kind", "key_store"), [("sqlite", "directory"), ("postgresql", "database")])
def test_starting_many_times_at_once_makes_one_schema_and_one_key_x25(
    kind: str, key_store: str, make_database: MakeDatabase, tmp_path: Path
) -> None:
    """E19: first four times the migrations on an empty database, then four servers on an empty key store."""
    url = make_database(kind)
    env = environment(url, tmp_path / "keys", key_store=key_store)
    upgrades = [
        subprocess.Popen([*PROGRAM, "db", "upgrade"], env=env, stderr=subprocess.PIPE, text=True)
        for _ in range(AT_ONCE)
    ]
    said = [upgrade.communicate(timeout=120)[1] for upgrade in upgrades]
    assert [upgrade.returncode for upgrade in upgrades] == [0] * AT_ONCE, said
    with create_engine(engine_url(url)).connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [schema.head()]

    together = Barrier(AT_ONCE)

    def publish(number: int) -> str:
        together.wait(timeout=60)
        with serving(env, tmp_path / f"log{number}", workers=1) as server:
            published = server.request("GET", "/.well-known/jwks.json").text
            together.wait(timeout=60)
            return published

    with ThreadPoolExecutor(AT_ONCE) as pool:
        published = set(pool.map(publish, range(AT_ONCE)))
    assert len(published) == 1
    assert published.pop().count('"kid"') == 1
    with create_engine(engine_url(url)).connect() as connection:
        rows = connection.execute(text("SELECT count(*) FROM signing_keys")).scalar_one()
    assert (rows, len(files(tmp_path / "keys"))) == ((1, 0) if key_store == "database" else (0, 1))


def test_a_new_file_that_another_process_is_writing_to_is_waited_for_x25(tmp_path: Path) -> None:
    """SQLite does not wait by itself when one process switches a file to its write-ahead log and another writes."""
    file = tmp_path / "new.sqlite3"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE being_made (number INTEGER)")
    other.execute("BEGIN IMMEDIATE")
    done = Timer(0.3, other.execute, args=["COMMIT"])
    done.start()
    engine = make_engine(f"sqlite:///{file}", pool_size=1, statement_timeout_ms=3000)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    done.join()
    engine.dispose()
    other.close()


def test_it_answers_soon_after_it_is_started(site: Installation, figures: Callable[[str], None]) -> None:
    """The goal is two seconds on a quiet machine; a machine that is busy with other tests is given more."""
    with site.serving() as server:
        started = psutil.Process(server.process.pid).create_time()
        lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    first = next(line for line in lines if line["event"] == "request" and line["status"] == 200)
    took = datetime.fromisoformat(first["timestamp"]).timestamp() - started
    figures(f"from the start of the process to its first good answer: {took:.2f} s")
    assert took < 15


def test_every_problem_of_the_settings_is_told_at_once_x44(tmp_path: Path) -> None:
    """E25, W18, W19"""
    env = environment(
        "mysql://root@127.0.0.1/oidc", tmp_path / "keys", issuer="http://login.example.com", secret_key="",
        master_key="changeme" * 5, body_limit="0", threads="many", trusted_proxies="the-proxy", log_level="loud",
    )  # fmt: skip
    words = refused(env)
    assert "OIDC_THREADS" in words  # what is no number is told first, because nothing else can be read without it
    words = refused(env | {"OIDC_THREADS": "16", "FLASK_DEBUG": "1", "AUTHLIB_INSECURE_TRANSPORT": "true"})
    for variable in (
        "OIDC_DATABASE_URL", "OIDC_ISSUER", "OIDC_SECRET_KEY", "OIDC_MASTER_KEY", "OIDC_BODY_LIMIT",
        "OIDC_TRUSTED_PROXIES", "OIDC_LOG_LEVEL", "FLASK_DEBUG", "AUTHLIB_INSECURE_TRANSPORT",
    ):  # fmt: skip
        assert f"  {variable}: " in words, words
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("secret", ["", "Zk8-vG3q", "a" * 64, "change-me-changeme-0123456789-abcdef"])
def test_a_weak_secret_is_refused_e25(secret: str, tmp_path: Path) -> None:
    words = refused(environment(f"sqlite:///{tmp_path}/x", tmp_path / "keys", secret_key=secret))
    assert "OIDC_SECRET_KEY" in words
    assert not secret or secret not in words


@pytest.mark.parametrize(("variable", "value"), [("FLASK_DEBUG", "1"), ("AUTHLIB_INSECURE_TRANSPORT", "1")])
def test_what_switches_protection_off_is_refused_w18_w19(variable: str, value: str, tmp_path: Path) -> None:
    words = refused(environment(f"sqlite:///{tmp_path}/x", tmp_path / "keys") | {variable: value})
    assert f"{variable}: it switches protection off. Unset it." in words


def test_a_database_that_cannot_be_reached_or_never_answers_is_told_x44(
    postgresql: OwnPostgreSQL, tmp_path: Path
) -> None:
    nobody = f"postgresql://oidc:hunter2secret@127.0.0.1:{free_port()}/oidc"
    with Proxy(lambda: ("127.0.0.1", postgresql.port)) as silent:
        silent.silent.set()
        urls = (nobody, postgresql.url(port=silent.port), postgresql.url("no_such_database"))
        with ThreadPoolExecutor(len(urls)) as pool:
            told = list(pool.map(lambda url: refused(environment(url, tmp_path / "keys")), urls))
    for words in told:
        assert "OIDC_DATABASE_URL" in words
        assert "hunter2secret" not in words
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_schema_that_is_not_current_is_told_x44(kind: str, make_database: MakeDatabase, tmp_path: Path) -> None:
    words = refused(environment(make_database(kind), tmp_path / "keys"))
    assert "oidc-server db upgrade" in words
    assert not (tmp_path / "keys").exists()


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-400])


def _opened(path: Path) -> None:
    path.chmod(0o644)


def _replaced(path: Path) -> None:
    path.write_text("this is not a key\n")


def _linked(path: Path) -> None:
    elsewhere = path.parent.parent / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation whose keys are well; who wants to spoil them takes a copy."""
    folder = tmp_path_factory.mktemp("untouched")
    with installation(folder, f"sqlite:///{folder}/test.sqlite3") as site:
        yield site


@pytest.fixture
def keys(untouched: Installation, tmp_path: Path) -> Path:
    """A copy of its key directory, with all permissions."""
    return shutil.copytree(untouched.settings.key_directory, tmp_path / "keys")


@pytest.mark.parametrize("spoil", [_half, _opened, _replaced, _linked])
def test_beside_a_key_file_that_cannot_be_used_no_other_key_is_made_x44(
    spoil: Callable[[Path], None], untouched: Installation, keys: Path
) -> None:
    (name,) = files(keys)
    spoil(keys / name)
    before = files(keys)
    words = refused(untouched.environment(key_directory=keys))
    assert "The key store cannot be used" in words
    assert name in words
    assert files(keys) == before


def test_a_key_directory_that_cannot_be_used_is_told_x44(untouched: Installation, keys: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file, where the folder should be")
    assert str(taken) in refused(untouched.environment(key_directory=taken))
    keys.chmod(0o755)
    words = refused(untouched.environment(key_directory=keys))
    assert f"chmod 700 {keys}" in words
    assert len(files(keys)) == 1
    if os.geteuid() != 0:  # root reads everything
        keys.chmod(0)
        assert str(keys) in refused(untouched.environment(key_directory=keys))


def test_with_a_wrong_master_key_no_other_key_is_made_x44(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.sqlite3"
    with installation(tmp_path, url, key_store="database") as site:
        words = refused(site.environment(master_key=secrets.token_urlsafe(48)))
        assert "OIDC_MASTER_KEY" in words
        with create_engine(url).connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM signing_keys")).scalar_one() == 1
        with site.serving(workers=1) as server:  # and the right one still opens it
            assert server.request("GET", "/.well-known/jwks.json").status_code == 200
