"""A disk of a few megabytes that can be filled: a file system in memory. Mounting it takes the right to mount."""

from __future__ import annotations

import errno
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STEPS = (1 << 20, 1 << 12, 1)  # ever smaller, so that in the end not one more page is free


class MountForbidden(Exception):
    """This process may not mount anything."""


class SmallDisk:
    """``data`` is an empty folder on it."""

    def __init__(self, mounted: Path) -> None:
        self.data = mounted / "data"
        self.data.mkdir(mode=0o700)
        self._filler = mounted / "filler"

    def fill(self) -> None:
        """Take all the space that is left."""
        with self._filler.open("ab", buffering=0) as filler:
            for step in _STEPS:
                try:
                    while filler.write(bytes(step)) == step:
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        """Give it back."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(megabytes: int) -> Iterator[SmallDisk]:
    """Mount one, and unmount it at the end. Raises :class:`MountForbidden`."""
    folder = Path(tempfile.mkdtemp(prefix="oidc-test-disk-"))
    try:
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "oidc-test", str(folder)]
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            raise MountForbidden(mounted.stderr.strip())
        try:
            yield SmallDisk(folder)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        folder.rmdir()
