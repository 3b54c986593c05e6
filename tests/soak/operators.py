"""What operators do meanwhile: they rotate keys, disable a client and enable it again, and reload the workers."""

from __future__ import annotations

import signal
import time
from contextlib import closing

import psutil

from tests.faults.history import Caller, History
from tests.faults.installation import basic
from tests.relying_party import TestClient
from tests.soak.callers import Town
from tests.soak.evidence import Held, Probe
from tests.soak.ground import CLIENT_CACHE_SECONDS, WORKERS
from tests.soak.scene import Scene

_RELOADED_SECONDS = 30


def rotate_keys(scene: Scene) -> None:
    assert scene.ground.command("keys", "rotate", "--now")
    scene.town.evidence.acknowledge("key.rotated", "")
    scene.wait(3, 5)  # the new key signs within this time


def disable_client(scene: Scene) -> None:
    """I4, I6: what it held is dead, also after it was enabled again."""
    town, server = scene.town, scene.ground.server
    grants = ("password", "refresh_token", "client_credentials")
    client = town.owner.client("confidential", first_party=True, grant_types=grants, scope="openid orders:read")
    held = town.owner.sign_in(client, scene.dice.choice(town.registered), scope="openid")
    with closing(Caller(server.url, History())) as caller:
        assert town.ask_for_token(caller, client).status == 200
        assert scene.ground.command("clients", "disable", client.client_id)
        disabled = time.monotonic()
        town.evidence.acknowledge("client.disabled", client.client_id)
        time.sleep(CLIENT_CACHE_SECONDS + 0.5)
        for _ in range(2 * WORKERS):
            try_disabled(town, caller, client, held, disabled)
        assert scene.ground.command("clients", "update", client.client_id, "--enable")
        town.evidence.acknowledge("client.enabled", client.client_id)
        time.sleep(CLIENT_CACHE_SECONDS + 0.5)
        answer = town.ask_for_token(caller, client)
        if answer.status != 200:
            town.evidence.lost.append(f"a client that was enabled again is refused: {answer.status} {answer.body}")
    town.evidence.revoked_refresh_tokens.append(Held(client, held["refresh_token"], disabled))
    town.evidence.revoked_access_tokens.append(Held(client, held["access_token"], disabled))


def try_disabled(town: Town, caller: Caller, client: TestClient, held: dict[str, str], disabled: float) -> None:
    """Everything that the client could do before."""
    started = time.monotonic()
    data = {"grant_type": "refresh_token", "refresh_token": held["refresh_token"]}
    tried = {
        "a disabled client": town.ask_for_token(caller, client).acknowledged,
        "a disabled client's refresh token": caller.ask(
            "refresh", "POST", "/oauth/token", data=data, auth=basic(client)
        ).acknowledged,
    }
    for what, accepted in tried.items():
        town.evidence.probes.append(Probe(what, accepted, disabled, started, CLIENT_CACHE_SECONDS))


def reload(scene: Scene) -> None:
    """SIGHUP: new workers take the place of the old ones."""
    before = {one.pid for one in scene.ground.workers()}
    scene.ground.server.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + _RELOADED_SECONDS
    while before & {one.pid for one in psutil.Process(scene.ground.server.process.pid).children()}:
        assert time.monotonic() < end, "the old workers stayed"
        time.sleep(0.1)
    scene.ground.workers()
