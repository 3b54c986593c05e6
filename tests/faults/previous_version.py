"""The version before the newest migration, taken from the history of this repository, and this version beside it: two
programs on one machine, as during an upgrade."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tarfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oidc_server.core import schema
from tests.running import RunningServer, environment, serving

GIT = shutil.which("git")
ROOT = schema.scripts().parent
_PROGRAM = ("oidc_server", "migrations", "wsgi.py")
_COMMAND_SECONDS = 120
# Runs commands one after the other. To start Python and import the program takes longer than most commands do.
_SEVERAL = """
import json, sys
from click.testing import CliRunner
from oidc_server.commands import main

said = []
for arguments, given in json.load(sys.stdin):
    result = CliRunner().invoke(main, [*arguments, "--json"], input=given, catch_exceptions=False)
    if result.exit_code != 0:
        sys.exit(result.output)
    said.append(json.loads(result.stdout))
json.dump(said, sys.stdout)
"""

Command = tuple[tuple[str, ...], str]  # its arguments, and what it reads


@dataclass(frozen=True)
class Version:
    """``folder`` is where Python finds the package; ``revision`` is the newest migration that this version knows."""

    folder: Path
    revision: str

    def start(self, env: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
        """Begin a command of ``oidc-server``; its output can be read from the pipes of the process."""
        return self._python(env, "-m", "oidc_server.commands", *arguments)

    def _python(self, env: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, *arguments], env=self._first(env), cwd=self.folder, stdin=pipe, stdout=pipe, stderr=pipe,
            text=True,
        )  # fmt: skip

    def json(self, env: dict[str, str], *arguments: str, given: str = "", exit_code: int = 0) -> dict[str, Any]:
        """Run a command that reads ``given``; what it says as JSON."""
        process = self.start(env, *arguments, "--json")
        output, errors = process.communicate(given, timeout=_COMMAND_SECONDS)
        assert process.returncode == exit_code, errors
        said: dict[str, Any] = json.loads(output)
        return said

    def several(self, env: dict[str, str], *commands: Command) -> list[dict[str, Any]]:
        """Run commands in one process; what each of them says as JSON."""
        process = self._python(env, "-c", _SEVERAL)
        output, errors = process.communicate(json.dumps(commands), timeout=_COMMAND_SECONDS)
        assert process.returncode == 0, errors
        said: list[dict[str, Any]] = json.loads(output)
        return said

    def serving(self, env: dict[str, str], log: Path) -> AbstractContextManager[RunningServer]:
        """Run ``oidc-server serve``."""
        return serving(self._first(env), log, folder=self.folder)

    def _first(self, env: dict[str, str]) -> dict[str, str]:
        """The environment in which this version is found before the one that is installed."""
        return env | {"PYTHONPATH": str(self.folder)}


def this_version() -> Version:
    """The code of this checkout."""
    return Version(ROOT, schema.head())


def previous_version(folder: Path) -> Version:
    """The code before the newest migration was added, put into ``folder``.

    The test is skipped where the history does not reach back so far, and fails when another package is imported."""
    newest, before = _last_two_migrations()
    commit = _commit_before(newest, before)
    archive = _git("archive", commit, "--", *_PROGRAM)
    archive.check_returncode()
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    version = Version(folder, before.name[:4])
    env = environment(f"sqlite:///{folder}/nothing.sqlite3", folder / "keys")
    said = version.json(env, "db", "status", exit_code=1)
    assert said == {"current": None, "head": version.revision, "is_current": False}, (
        "it is not the old version that ran"
    )
    return version


def _last_two_migrations() -> tuple[Path, Path]:
    files = sorted(schema.scripts().glob("versions/[0-9]*_*.py"), reverse=True)
    if len(files) < 2:
        pytest.skip("there is no version before the first migration")
    return files[0], files[1]


def _commit_before(newest: Path, before: Path) -> str:
    """The last commit without the newest migration: HEAD itself while that is not committed yet."""
    if GIT is None or not (ROOT / ".git").exists():
        pytest.skip("there is no git, or this is no clone: the version before the newest migration cannot be had")
    history = _git("log", "--diff-filter=A", "--format=%H", "--", _path(newest))
    if history.returncode != 0:
        pytest.skip(f"git cannot read the history: {history.stderr.decode().strip()}")
    added = history.stdout.decode().split()
    commit = f"{added[-1]}^" if added else "HEAD"
    if not _git("ls-tree", "--name-only", commit, "--", _path(before)).stdout:
        pytest.skip(f"the history does not reach back to before {newest.name}: this may be a shallow clone")
    return commit


def _path(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(GIT), *arguments], cwd=ROOT, capture_output=True, check=False)
