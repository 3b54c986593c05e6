"""The faults of a soak, and what callers may notice of each."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.soak import breakage, operators, strangers
from tests.soak.invariants import NEEDS_DATABASE, WRITES
from tests.soak.scene import Scene

_UNNOTICED: frozenset[int | None] = frozenset()


@dataclass(frozen=True)
class Fault:
    """``act`` returns when the fault is over. ``allowed``: statuses beside 200 that honest callers may meet (None: a
    broken connection); operations that it ``spares`` never fail. ``refuses``: what must not succeed while it lasts.
    ``replaces_workers``: no process outlives it, so that none could be watched for long."""

    name: str
    act: Callable[[Scene], None]
    allowed: frozenset[int | None] = frozenset({503})
    refuses: frozenset[str] = frozenset()
    spares: frozenset[str] = frozenset()
    replaces_workers: bool = False


FAULTS = (
    Fault("worker killed", breakage.kill_worker, frozenset({None})),
    Fault("all workers killed", breakage.kill_all_workers, frozenset({None}), replaces_workers=True),
    Fault(
        "worker killed, database frozen",
        breakage.kill_worker_without_database,
        frozenset({None, 503}),
        refuses=NEEDS_DATABASE,
    ),
    Fault("connections taken", breakage.take_connections),
    Fault("key store away", breakage.hide_keys, spares=NEEDS_DATABASE - {"ready"} | {"client_credentials"}),
    Fault("database killed", breakage.kill_database),
    Fault("database restarted", lambda scene: scene.ground.postgresql.restart()),
    Fault("database frozen", breakage.freeze_database, refuses=NEEDS_DATABASE),
    Fault("database connections cut", breakage.cut_connections),
    Fault("commits cut off", breakage.cut_commits),
    Fault("network silent", breakage.silence_network, refuses=NEEDS_DATABASE),
    Fault("database read-only", breakage.make_read_only, refuses=WRITES),
    Fault("table locked", breakage.lock_table),
    Fault("Valkey killed", breakage.kill_valkey, _UNNOTICED),
    Fault("Valkey frozen", breakage.freeze_valkey, _UNNOTICED),
    Fault("keys rotated", operators.rotate_keys, _UNNOTICED),
    Fault("client disabled", operators.disable_client, _UNNOTICED),
    Fault("workers reloaded", operators.reload, _UNNOTICED, replaces_workers=True),
    Fault("workers reloaded, database frozen", breakage.reload_without_database, replaces_workers=True),
    Fault("storm of wrong passwords", strangers.storm),
    Fault("slow clients", strangers.slow_clients),
)


def deck(dice: random.Random, faults: tuple[Fault, ...] = FAULTS) -> Iterator[Fault]:
    """Faults without an end, in random order: all of them, then all again."""
    while True:
        yield from dice.sample(faults, len(faults))
