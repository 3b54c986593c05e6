"""Tests that measure time, marked ``alone``: while one of them runs, the other processes of the suite run none."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def room(folder: Path, *, alone: bool) -> Iterator[None]:
    """Be in the room of all tests that share ``folder``: with whoever else is there, or alone."""
    with (folder / "door.lock").open("w") as door, (folder / "room.lock").open("w") as inside:
        # Who waits for the room to be empty stands in the door, or there would always be another one in it.
        with _locked(door, fcntl.LOCK_EX):
            fcntl.flock(inside, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield  # closing the file gives the lock back


@contextmanager
def _locked(file: IO[str], kind: int) -> Iterator[None]:
    fcntl.flock(file, kind)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def shared_folder(base: Path) -> Path:
    """The folder of the whole run: pytest-xdist gives each of its processes one inside of it."""
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
