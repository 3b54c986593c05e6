"""An import that is killed goes on where it stopped, and one of many lines takes no more memory than one of few."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from oidc_server.core.database import EXTENSION as DATABASE
from oidc_server.core.settings import PREFIX, Settings
from oidc_server.users.models import Profile, User
from tests.commands.command_line import CommandLine, environment_of

LINES = 2500
BATCH = 500
_SECONDS = 60
_PROGRAM = (sys.executable, "-m", "oidc_server.commands", "users", "import")


def write(file: Path, lines: int) -> Path:
    with file.open("w") as lines_of:
        for number in range(lines):
            record = {"email": f"user-{number}@example.com", "username": f"user-{number}", "name": f"User {number}"}
            lines_of.write(json.dumps(record) + "\n")
    return file


def environment(settings: Settings | None) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return ours | (environment_of(settings) if settings is not None else {})


def test_an_import_that_is_killed_goes_on_when_it_is_run_again_twice_nobody_and_nobody_lost(
    settings: Settings, app: Flask, cli: CommandLine, tmp_path: Path
) -> None:
    file = write(tmp_path / "users.jsonl", LINES)

    def number_of(model: type[User | Profile]) -> int:
        with app.extensions[DATABASE].reading() as session:
            return session.scalar(select(func.count()).select_from(model)) or 0

    process = subprocess.Popen((*_PROGRAM, str(file)), env=environment(settings), stdout=subprocess.DEVNULL)
    end = time.monotonic() + _SECONDS
    while number_of(User) < BATCH and time.monotonic() < end:
        time.sleep(0.005)
    process.kill()
    assert process.wait(timeout=_SECONDS) == -signal.SIGKILL, "it was done before it was killed"
    imported = number_of(User)
    assert 0 < imported < LINES
    assert imported % BATCH == 0
    assert number_of(Profile) == imported

    report = cli.json("users", "import", str(file))
    before, new = report["imported_before"], report["imported"]
    assert before >= imported  # a commit may have been under way when the process died
    assert before % BATCH == 0
    assert before + new == report["read"] == LINES
    assert number_of(User) == number_of(Profile) == LINES


@pytest.mark.slow
def test_the_memory_does_not_grow_with_the_number_of_lines(tmp_path: Path) -> None:
    """Twenty thousand lines, as a dry run, which remembers what it would have imported."""
    script = """
import resource, sys
from oidc_server.commands import main
main(["users", "import", "--dry-run", "--json", "--data", *sys.argv[1:]], standalone_mode=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""
    peaks = []
    for lines in (1000, 20_000):
        file = write(tmp_path / f"{lines}.jsonl", lines)
        done = subprocess.run(
            (sys.executable, "-c", script, str(tmp_path / "data"), str(file)), env=environment(None),
            capture_output=True, text=True, check=True, timeout=_SECONDS, cwd=tmp_path,
        )  # fmt: skip
        assert json.loads(done.stdout)["imported"] == lines
        peaks.append(int(done.stderr.split()[-1]))
    kib = 1 if sys.platform == "linux" else 1024
    assert (peaks[1] - peaks[0]) // kib < 6 * 1024
