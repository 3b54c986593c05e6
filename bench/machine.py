"""The machine that is measured: what it is, and which of its processors does what."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_VERSIONS_TOLD = ("cryptography", "Flask", "gunicorn", "granian", "SQLAlchemy", "psycopg2-binary")


@dataclass(frozen=True)
class Placement:
    """The processor of the server, and that of the load generator and PostgreSQL; None where nothing can be pinned."""

    server: int | None
    load: int | None

    @property
    def words(self) -> str:
        """For the report."""
        if self.server is None:
            return "nothing is pinned to a processor: this system does not offer it"
        if self.server == self.load:
            return f"everything shares processor {self.server}: there is no other"
        return f"the server on processor {self.server}, load generator and PostgreSQL on processor {self.load}"


def placement() -> Placement:
    """Two different processors of those that this process may use, if there are two."""
    if not hasattr(os, "sched_getaffinity"):
        return Placement(None, None)
    allowed = sorted(os.sched_getaffinity(0))
    return Placement(server=allowed[0], load=allowed[-1])


@contextmanager
def on_processor(number: int | None) -> Iterator[None]:
    """Run this thread, and the processes it starts, on one processor; afterwards where it ran before."""
    if number is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {number})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def describe(where: Placement) -> dict[str, str]:
    """What a reader needs to judge the figures."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _processor(),
        "processors": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in _VERSIONS_TOLD),
        "placement": where.words,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    pairs = (line.partition(":") for line in lines)
    facts = {name.strip(): value.strip() for name, _, value in pairs}
    return facts.get("model name", platform.machine())
