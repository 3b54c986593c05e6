"""What must not creep while a server runs: memory, descriptors, threads, connections, dead rows. Slopes over a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from tests.faults.postgresql import OwnPostgreSQL
from tests.faults.recovery import query
from tests.soak.ground import WORKERS, Ground
from tests.soak.invariants import Violation

WARM_UP_SHARE, WARM_UP_MINUTES = 0.2, 2.0
LONG_MINUTES = 6.0  # a slope over less says more about the warm-up than about a leak
_OWNED = "datname = 'oidc' AND application_name = 'oidc-server'"


@dataclass(frozen=True)
class Sample:
    """What was measured at a quiet moment, ``minutes`` into the run; ``pid`` is the oldest worker's."""

    minutes: float
    pid: int
    values: dict[str, float]


@dataclass(frozen=True)
class Bound:
    """How much a value may grow: ``warm_up`` from the first to the last sample of a short run; in a long one ``slack``
    and ``per_hour``, by the slope of all samples after the warm-up. ``ceiling`` is never passed."""

    warm_up: float
    slack: float
    per_hour: float
    ceiling: float


# Ceilings: 16 threads and what a request may start beside them; 10 pooled connections, one for readiness and one for
# keys, one to Valkey a thread; 32 descriptors of its own; a connection of each caller. The owner and the sweeper have
# connections to the database too. Slack: threads begin when they are first needed, and each takes half a mebibyte.
BOUNDS = {
    "oldest worker: RSS (MiB)": Bound(warm_up=16, slack=6, per_hour=4, ceiling=250),
    "oldest worker: descriptors": Bound(warm_up=30, slack=20, per_hour=2, ceiling=100),
    "oldest worker: threads": Bound(warm_up=17, slack=12, per_hour=1, ceiling=22),
    "arbiter: RSS (MiB)": Bound(warm_up=4, slack=2, per_hour=1, ceiling=250),
    "arbiter: descriptors": Bound(warm_up=4, slack=2, per_hour=1, ceiling=60),
    "sweeper: RSS (MiB)": Bound(warm_up=16, slack=4, per_hour=4, ceiling=250),
    "database connections": Bound(warm_up=WORKERS * 12, slack=8, per_hour=1, ceiling=WORKERS * 12 + 16),
    "connections idle in a transaction": Bound(warm_up=0, slack=0, per_hour=0, ceiling=0),
    "dead rows": Bound(warm_up=2500, slack=1500, per_hour=500, ceiling=5000),
}


def sample(ground: Ground, minutes: float) -> Sample:
    """Measure now."""
    oldest = ground.workers()[0]
    arbiter, sweeper = psutil.Process(ground.server.process.pid), psutil.Process(ground.sweeper.pid)
    values: dict[str, float] = {
        "oldest worker: RSS (MiB)": _mebibytes(oldest),
        "oldest worker: descriptors": oldest.num_fds(),
        "oldest worker: threads": oldest.num_threads(),
        "arbiter: RSS (MiB)": _mebibytes(arbiter),
        "arbiter: descriptors": arbiter.num_fds(),
        "sweeper: RSS (MiB)": _mebibytes(sweeper),
    }
    return Sample(minutes, oldest.pid, values | _of_database(ground.postgresql))


def _mebibytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


def _of_database(postgresql: OwnPostgreSQL) -> dict[str, float]:
    url = postgresql.url()
    ((connections, stuck),) = query(
        url,
        "SELECT count(*), count(*) FILTER (WHERE state LIKE 'idle in transaction%'"
        " AND now() - state_change > interval '1 second')"
        f" FROM pg_stat_activity WHERE {_OWNED} AND pid <> pg_backend_pid()",
    )
    ((dead,),) = query(url, "SELECT coalesce(sum(n_dead_tup), 0) FROM pg_stat_user_tables")
    return {
        "database connections": connections, "connections idle in a transaction": stuck, "dead rows": float(dead)
    }  # fmt: skip


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The least-squares slope."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


@dataclass(frozen=True)
class Course:
    """How a value went: its first, last and greatest sample, its slope an hour when the run was long enough for one,
    and by how much it grew by that slope, or from first to last."""

    name: str
    first: float
    last: float
    greatest: float
    per_hour: float | None
    growth: float
    allowed: float
    ceiling: float

    def crept(self) -> str | None:
        """How it broke its bound, or None."""
        if self.greatest > self.ceiling:
            return f"{self.greatest:.1f} is above {self.ceiling:g}"
        if self.growth > self.allowed:
            return f"grew by {self.growth:.1f}, more than {self.allowed:.1f}"
        return None


def courses(samples: Sequence[Sample]) -> list[Course]:
    """Of the samples of the worker that lived to the end. A slope leaves its warm-up out."""
    lived = [one for one in samples if one.pid == samples[-1].pid]
    begin, end = lived[0].minutes, lived[-1].minutes
    is_long = end - begin >= LONG_MINUTES
    warm = begin + max(WARM_UP_MINUTES, WARM_UP_SHARE * (end - begin)) if is_long else begin
    return [_course(name, samples, [one for one in lived if one.minutes >= warm], is_long=is_long) for name in BOUNDS]


def _course(name: str, samples: Sequence[Sample], warm: Sequence[Sample], *, is_long: bool) -> Course:
    bound, first, last = BOUNDS[name], warm[0].values[name], warm[-1].values[name]
    greatest = max(one.values[name] for one in samples)
    if not is_long:
        return Course(name, first, last, greatest, None, last - first, bound.warm_up, bound.ceiling)
    hours = (warm[-1].minutes - warm[0].minutes) / 60
    per_hour = slope([(one.minutes / 60, one.values[name]) for one in warm])
    allowed = bound.slack + bound.per_hour * hours
    return Course(name, first, last, greatest, per_hour, per_hour * hours, allowed, bound.ceiling)


def creeping(samples: Sequence[Sample]) -> list[Violation]:
    """What broke its bound."""
    words = ((course.name, course.crept()) for course in courses(samples))
    return [Violation("flat", f"{name}: {how}") for name, how in words if how is not None]
