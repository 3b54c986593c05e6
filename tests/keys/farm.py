"""Several real processes over one key store, forked from one program; run as a script, it takes orders line by line.

An order is JSON, and so is the answer: ``scenario``, ``store`` (``directory`` or ``database``) and ``place`` (a folder
or a URL). Each is carried out by a process that was forked for it, which knows nothing of the ones before."""

import json
import multiprocessing
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from joserfc import jws

from oidc_server.core import migration
from oidc_server.core.crypto import Sealer
from oidc_server.core.database import Database, make_engine
from oidc_server.keys import service
from oidc_server.keys.database_store import DatabaseStore
from oidc_server.keys.directory_store import DirectoryStore
from oidc_server.keys.lifecycle import Policy
from oidc_server.keys.ring import KeyRing
from oidc_server.keys.store import KeyStore

ALG = "ES256"
PROCESSES = 4
POLICY = Policy(jwks_max_age=timedelta(minutes=5), token_lifetime=timedelta(minutes=15))
TOKENS_WITH_THE_NEW_KEY = 60
GIVES_UP_AFTER = 30.0  # seconds
ROTATE_AFTER = 0.3
REVOKE_AFTER = 0.3
WATCH_SECONDS = 6.0

context = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Place:
    """Where the keys are."""

    store: str
    place: str

    def database(self) -> Database:
        return Database(make_engine(self.place, pool_size=2, statement_timeout_ms=5000))

    def open(self) -> KeyStore:
        if self.store == "directory":
            return DirectoryStore(Path(self.place))
        return DatabaseStore(self.database(), Sealer("a master key for tests only, 0123456789"))

    def ring(self) -> KeyRing:
        return KeyRing(self.open(), POLICY, ALG)


def together(count: int, act: Callable[[int], Any]) -> list[Any]:
    """What ``act`` returns in each of several processes that begin at one moment."""
    barrier = context.Barrier(count)
    answers: Any = context.Queue()

    def run(number: int) -> None:
        barrier.wait(30)
        answers.put(act(number))

    processes = [context.Process(target=run, args=(number,)) for number in range(count)]
    for process in processes:
        process.start()
    found = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(30)
    return found


def kid_of(token: str) -> str:
    return str(jws.extract_compact(token.encode()).headers()["kid"])


def first_start(place: Place) -> dict[str, Any]:
    """Every process makes the schema if need be, makes sure of a first key, and signs at once."""

    def act(_number: int) -> str:
        if place.store == "database":
            migration.upgrade(place.database().engine)
        ring = place.ring()
        ring.ensure_first_key()
        return kid_of(ring.sign({}, typ="at+jwt"))

    signed = together(PROCESSES, act)
    return {"signed": signed, "stored": [key.record.kid for key in place.open().load()]}


def rotation(place: Place) -> dict[str, Any]:
    """Two processes rotate at once, and then bring that forward at once."""
    place.ring().ensure_first_key()

    def plain(_number: int) -> bool:
        return service.rotate(place.open(), POLICY, ALG).changed

    def in_a_hurry(_number: int) -> bool:
        return service.rotate(place.open(), POLICY, ALG, immediately=True).changed

    changed = [together(2, plain), together(2, in_a_hurry)]
    return {"changed": changed, "scheduled": [k.record.activates_at is not None for k in place.open().load()]}


def poll(ring: KeyRing, tokens: Any) -> dict[str, int]:
    """Look every token's key up in what this process serves, until all that sign have ended."""
    seen, missing, signers = 0, 0, PROCESSES
    while signers:
        token = tokens.get(timeout=30)
        if token is None:
            signers -= 1
            continue
        seen += 1
        kid = kid_of(token)
        known = ring.verification_key(kid)
        served = {key["kid"] for key in json.loads(ring.jwks().body)["keys"]}
        if known is None or kid not in served:
            missing += 1
        else:
            jws.deserialize_compact(token, known.key, algorithms=[known.alg])
    return {"seen": seen, "missing": missing}


def load(place: Place) -> dict[str, Any]:
    """Processes sign while two others rotate; every token's kid is looked up in the JWKS of yet another process."""
    ring = place.ring()
    ring.ensure_first_key()
    ring.jwks()  # the ring is in use when the processes are forked, as in a server that preloads
    tokens: Any = context.Queue(maxsize=200)

    def sign() -> Counter[str]:
        signed: Counter[str] = Counter()
        gives_up_at = time.monotonic() + GIVES_UP_AFTER
        while time.monotonic() < gives_up_at:
            token = ring.sign({"n": sum(signed.values())}, typ="at+jwt")
            signed[kid_of(token)] += 1
            tokens.put(token)
            if len(signed) == 2 and min(signed.values()) >= TOKENS_WITH_THE_NEW_KEY:
                break
            time.sleep(0.004)
        tokens.put(None)
        return signed

    def rotate() -> bool:
        time.sleep(ROTATE_AFTER)
        return service.rotate(place.open(), POLICY, ALG, immediately=True).changed

    acts: list[Callable[[], Any]] = [sign] * PROCESSES + [lambda: poll(ring, tokens)] + [rotate] * 2
    answers = together(len(acts), lambda number: acts[number]())
    signed = sum((answer for answer in answers if isinstance(answer, Counter)), Counter())
    polled = next(answer for answer in answers if isinstance(answer, dict) and "missing" in answer)
    return polled | {"signed": dict(signed), "rotated": [answer for answer in answers if isinstance(answer, bool)]}


def revocation(place: Place) -> dict[str, Any]:
    """Processes that are in use notice that a key was revoked; a key that was not goes on."""
    service.ensure_first_key(place.open(), POLICY, ALG)
    service.generate(place.open(), POLICY, ALG)
    ring = place.ring()
    stolen = kid_of(ring.sign({}, typ="at+jwt"))
    other = next(key.record.kid for key in place.open().load() if key.record.kid != stolen)

    def watch() -> dict[str, Any]:
        gives_up_at = time.monotonic() + WATCH_SECONDS
        while time.monotonic() < gives_up_at:
            if ring.verification_key(stolen) is None:
                return {"noticed_at": time.time(), "other_is_known": ring.verification_key(other) is not None}
            time.sleep(0.01)
        return {"noticed_at": None, "other_is_known": False}

    def revoke() -> float:
        time.sleep(REVOKE_AFTER)
        service.revoke(place.open(), POLICY, stolen)
        return time.time()

    acts: list[Callable[[], Any]] = [watch] * 3 + [revoke]
    answers = together(len(acts), lambda number: acts[number]())
    revoked_at = next(answer for answer in answers if isinstance(answer, float))
    noticed = [answer for answer in answers if isinstance(answer, dict)]
    return {
        "delays": [a["noticed_at"] and a["noticed_at"] - revoked_at for a in noticed],
        "other_is_known": [a["other_is_known"] for a in noticed],
    }


SCENARIOS: dict[str, Callable[[Place], dict[str, Any]]] = {
    "first start": first_start,
    "rotation": rotation,
    "load": load,
    "revocation": revocation,
}


def carry_out(order: dict[str, str], answers: Any) -> None:
    """Put what was found, or how the scenario failed."""
    try:
        answers.put({"found": SCENARIOS[order["scenario"]](Place(order["store"], order["place"]))})
    except Exception:
        answers.put({"failure": traceback.format_exc()})


def take_orders() -> None:
    """Until there are no more. All that takes long to import is imported once."""
    for line in sys.stdin:
        answers: Any = context.SimpleQueue()
        process = context.Process(target=carry_out, args=(json.loads(line), answers))
        process.start()
        print(json.dumps(answers.get()), flush=True)  # noqa: T201 - its answer
        process.join()


if __name__ == "__main__":
    take_orders()
