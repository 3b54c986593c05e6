"""What strangers do: they guess passwords, one account at a time or many at once, and send slowly."""

from __future__ import annotations

import time
from contextlib import closing

from oidc_server.core.limit_rules import LOGIN_ATTEMPTS
from tests.faults.history import Caller, History
from tests.faults.installation import basic
from tests.faults.slow_clients import KINDS, SlowClients
from tests.faults.storm import Storm, collect, start
from tests.soak.evidence import Probe
from tests.soak.ground import WORKERS
from tests.soak.scene import Scene

# Wrong passwords for one account from one address while the processes count each for itself.
GUESSES = WORKERS * max(1, LOGIN_ATTEMPTS[0].amount // 4)
_STORM_CLIENTS = 12
_SLOW_CLIENTS = 60


def guess(scene: Scene) -> None:
    """I9, I10: wrong passwords for one account from one address are never let in, and soon not tried any more."""
    person = scene.dice.choice(scene.town.registered)
    headers = {"X-Forwarded-For": f"192.0.2.{scene.dice.randint(1, 254)}"}
    history = History()
    with closing(Caller(scene.ground.server.url, history)) as caller:
        for number in range(GUESSES + 4):
            data = {"grant_type": "password", "username": person.email, "password": f"wrong {number}"}
            caller.ask("guess", "POST", "/oauth/token", data=data, headers=headers, auth=basic(scene.town.app))
    statuses = history.statuses()
    beyond = f"a guess beyond the limit of {GUESSES} ({dict(statuses)})"
    scene.town.evidence.probes += [
        Probe("a wrong password", accepted=statuses[200] > 0), Probe(beyond, accepted=statuses[400] > GUESSES)
    ]  # fmt: skip


def storm(scene: Scene) -> None:
    """Wrong passwords for many accounts at once."""
    people = scene.dice.sample(scene.town.registered, _STORM_CLIENTS)
    form = {"grant_type": "password", "password": "a wrong guess"}
    begin = time.monotonic() + 1
    url, forms = scene.ground.server.url + "/oauth/token", [form | {"username": one.email} for one in people]
    process = start(Storm(url, forms, scene.town.app.basic, begin, begin + scene.dice.uniform(2, 4)))
    history = History()
    collect(process, "guess", history)
    let_in = any(one.acknowledged for one in history.of())
    scene.town.evidence.probes.append(Probe("a wrong password", accepted=let_in))


def slow_clients(scene: Scene) -> None:
    with SlowClients(scene.ground.server, *KINDS, count=_SLOW_CLIENTS):
        scene.wait(3, 5)
