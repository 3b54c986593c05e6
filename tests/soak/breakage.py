"""What breaks: processes, the database and the way to it, Valkey, the disk with the keys."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack, closing, suppress

import psutil
import psycopg2

from tests.faults.postgresql import MAX_CONNECTIONS
from tests.soak.operators import reload
from tests.soak.scene import Scene
from tests.soak.strangers import guess

_TABLES = ("users", "refresh_tokens", "authorizations", "sessions", "clients", "revoked_access_tokens")


def kill_worker(scene: Scene) -> None:
    """The younger one, so that the older one can be watched for the whole run."""
    victim = scene.ground.workers()[-1]
    victim.kill()
    victim.wait(timeout=30)
    scene.ground.workers()


def kill_database(scene: Scene) -> None:
    scene.ground.postgresql.kill()
    scene.wait(0.2, 2)
    scene.ground.postgresql.start()


def freeze_database(scene: Scene) -> None:
    with scene.ground.postgresql.frozen():
        scene.wait(3, 7)


def cut_connections(scene: Scene) -> None:
    for _ in range(scene.dice.randint(1, 4)):
        scene.ground.network.cut_all()
        time.sleep(0.2)


def cut_commits(scene: Scene) -> None:
    """Cut the connection at some commits, before the database hears of it or when it has answered."""
    network, dice = scene.ground.network, random.Random(scene.dice.random())
    network.let_through = scene.dice.random() < 0.5
    network.cut_when = lambda data: b"COMMIT" in data and dice.random() < 0.3
    try:
        scene.wait(1, 3)
    finally:
        network.cut_when = lambda _data: False


def silence_network(scene: Scene) -> None:
    scene.ground.network.silent.set()
    try:
        scene.wait(3, 7)
    finally:
        scene.ground.network.speak()


def make_read_only(scene: Scene) -> None:
    with scene.ground.postgresql.read_only():
        scene.wait(2.5, 5)


def lock_table(scene: Scene) -> None:
    with scene.ground.postgresql.locked(scene.dice.choice(_TABLES)):
        scene.wait(1, 5)


def kill_valkey(scene: Scene) -> None:
    """While it is away, guessing is limited by each process for itself, and more strictly."""
    scene.ground.valkey.terminate()
    try:
        guess(scene)
        scene.wait(0.5, 3)
    finally:
        scene.ground.valkey.start()


def freeze_valkey(scene: Scene) -> None:
    process = psutil.Process(scene.ground.valkey.client().info()["process_id"])
    process.suspend()
    try:
        guess(scene)
        scene.wait(0.5, 3)
    finally:
        process.resume()


def kill_all_workers(scene: Scene) -> None:
    """At once, as when memory runs out."""
    victims = scene.ground.workers()
    for victim in victims:
        victim.kill()
    for victim in victims:
        victim.wait(timeout=30)
    scene.ground.workers()


def kill_worker_without_database(scene: Scene) -> None:
    """The new one begins while the database is frozen."""
    with scene.ground.postgresql.frozen():
        scene.wait(0.5, 1.5)
        kill_worker(scene)
        scene.wait(2, 4)


def take_connections(scene: Scene) -> None:
    """Others have all the connections that the database gives."""
    with ExitStack() as taken:
        for _ in range(2):  # those that are free, and then those that the server has to give back
            with suppress(psycopg2.OperationalError):
                for _ in range(MAX_CONNECTIONS + 1):
                    connection = psycopg2.connect(scene.ground.postgresql.url(), connect_timeout=5)
                    taken.enter_context(closing(connection))
            scene.ground.network.cut_all()
        scene.wait(1, 4)


def hide_keys(scene: Scene) -> None:
    """The folder with the signing keys is away, as when its disk was unmounted; or the table with them is locked."""
    settings = scene.ground.site.settings
    if settings.key_store == "database":
        with scene.ground.postgresql.locked("signing_keys"):
            scene.wait(2, 6)
        return
    folder = settings.key_directory
    away = folder.with_name("unmounted")
    folder.rename(away)
    try:
        scene.wait(2, 6)
    finally:
        away.rename(folder)


def reload_without_database(scene: Scene) -> None:
    """The new workers begin while the database is frozen."""
    with scene.ground.postgresql.frozen():
        scene.wait(0.5, 1.5)
        reload(scene)
