"""On a real terminal: what is secret is asked for without being echoed."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

from tests.relying_party import PASSWORD

_SECONDS = 60
# In a session of its own, the first terminal that is opened becomes the one that passwords are asked on.
_ON_TERMINAL = "import os, runpy; os.open(os.ttyname(0), os.O_RDWR); runpy.run_module('oidc_server.commands')"


def talk(folder: Path, *arguments: str, answers: dict[str, str]) -> tuple[int, str]:
    """Run a command on a terminal, answering each question once; its exit code and all that the terminal showed."""
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OIDC_")}
    process = subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, *arguments, "--data", str(folder)],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, cwd=folder,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    os.close(theirs)
    shown, left, deadline = "", dict(answers), time.monotonic() + _SECONDS
    try:
        while time.monotonic() < deadline and (piece := _read(ours)) is not None:
            shown += piece
            for question in [question for question in left if question in shown]:
                os.write(ours, left.pop(question).encode() + b"\n")
        return process.wait(timeout=_SECONDS), shown
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read(terminal: int) -> str | None:
    """What came meanwhile, maybe nothing; None when the other end is closed."""
    if not select.select([terminal], [], [], 0.2)[0]:
        return ""
    try:
        return os.read(terminal, 4096).decode() or None
    except OSError:  # how Linux tells that nobody has the other end open
        return None


def test_a_password_is_asked_for_twice_and_never_echoed(tmp_path: Path) -> None:
    answers = {"Password: ": PASSWORD, "Repeat for confirmation: ": PASSWORD}
    exit_code, shown = talk(tmp_path, "users", "create", "--email", "ann@example.com", answers=answers)
    assert exit_code == 0, shown
    assert "ann@example.com" in shown
    assert PASSWORD not in shown


def test_a_token_is_asked_for_and_never_echoed(tmp_path: Path) -> None:
    exit_code, shown = talk(tmp_path, "token", "inspect", answers={"Token: ": "some-refresh-token"})
    assert exit_code == 1
    assert "refresh_token_unknown" in shown
    assert "some-refresh-token" not in shown


def test_an_import_shows_on_a_terminal_how_far_it_is(tmp_path: Path) -> None:
    file = tmp_path / "users.jsonl"
    file.write_text('{"email": "ann@example.com"}\n')
    exit_code, shown = talk(tmp_path, "users", "import", str(file), answers={})
    assert exit_code == 0, shown
    assert "Importing" in shown
    assert "100%" in shown
