"""A soak: load without a pause, one random fault after the other, and after each a look at all that was promised."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.history import Caller, History, Job, load
from tests.faults.recovery import READY, query
from tests.soak import invariants
from tests.soak.callers import Town
from tests.soak.checks import Checks
from tests.soak.evidence import Round
from tests.soak.faults import FAULTS, Fault, deck
from tests.soak.flatness import Sample, creeping, sample
from tests.soak.gate import Gate, LeanHistory
from tests.soak.ground import Ground, ground
from tests.soak.invariants import Violation
from tests.soak.scene import Scene

_LOAD_SECONDS = 0.5  # before a fault, after the callers have paused
_QUIET_SECONDS = 3.0  # of load after a fault, at least
_REPLACED_SHARE = 1 / 3  # of a run, after which workers are not all replaced any more
_SIGN_INS_AT_THE_END = 15


@dataclass(frozen=True)
class Plan:
    """``seconds`` in all, and a fault each ``interval`` seconds, or later when a fault and the checks take longer.

    When a promise was broken, what the processes wrote is copied to the folder ``logs``."""

    seed: int
    seconds: float
    interval: float
    faults: tuple[Fault, ...] = FAULTS
    replaced_share: float = _REPLACED_SHARE
    key_store: str = "directory"
    logs: Path | None = None


@dataclass
class Outcome:
    """What a soak came to."""

    plan: Plan
    minutes: float = 0.0
    rounds: list[Round] = field(default_factory=list)
    history: History = field(default_factory=LeanHistory)
    samples: list[Sample] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def soak(plan: Plan, say: Callable[[str], None]) -> Outcome:
    """Run one; ``say`` is told a line per fault. What did not hold is in the outcome."""
    outcome = Outcome(plan)
    with ground(plan.key_store) as place:
        try:
            _run(outcome, place, say)
        except AssertionError as error:  # it did not come back, say
            outcome.violations.append(Violation("I14", f"after {len(outcome.rounds)} rounds: {error}"))
        if outcome.violations and plan.logs is not None:
            for log in place.logs:
                shutil.copy(log, plan.logs)
    return outcome


def _run(outcome: Outcome, place: Ground, say: Callable[[str], None]) -> None:
    plan, gate = outcome.plan, Gate()
    town = Town(place.site, plan.seed)
    checks = Checks(place, town, random.Random(plan.seed))
    with _callers(place, town, gate, outcome.history):
        _rounds(outcome, Scene(place, town, random.Random(plan.seed)), gate, checks, say)
    with closing(Caller(place.server.url, History())) as caller:
        outcome.violations += checks.found + _at_the_end(place, town, caller, checks.dice)
    outcome.counts = _counts(outcome, town, checks)
    outcome.violations += invariants.too_many_failures(outcome.history, outcome.rounds) + creeping(outcome.samples)


@contextmanager
def _callers(place: Ground, town: Town, gate: Gate, history: History) -> Iterator[None]:
    """All of them, each at its pace: about thirty requests a second together."""
    groups: dict[float, list[Job]] = {
        0.2: [READY],
        0.5: [*town.refreshing(place.server.url), town.services(), town.services(), *town.documents()],
        1.5: [town.visitors(), town.revokes_one()],
        2.5: [town.register, town.suspend],
    }
    with ExitStack() as stack:
        for pause, jobs in groups.items():
            stack.enter_context(load(place.server.url, history, *map(gate.through, jobs), pause=pause))
        yield


def _rounds(outcome: Outcome, scene: Scene, gate: Gate, checks: Checks, say: Callable[[str], None]) -> None:
    plan, began = outcome.plan, time.monotonic()
    time.sleep(_QUIET_SECONDS)
    with gate.quiet():
        outcome.samples.append(sample(scene.ground, 0))
    for fault in deck(scene.dice, plan.faults):
        elapsed = time.monotonic() - began
        if elapsed > plan.seconds:
            return
        if fault.replaces_workers and elapsed > plan.replaced_share * plan.seconds:
            continue
        one = _round(len(outcome.rounds) + 1, fault, scene, plan.interval)
        outcome.rounds.append(one)
        with gate.quiet():
            checks.at_a_quiet_moment()
            outcome.minutes = (time.monotonic() - began) / 60
            outcome.samples.append(sample(scene.ground, outcome.minutes))
        broken = invariants.judge(outcome.history, one)
        outcome.violations += broken
        say(describe(outcome.history, one, len(broken)))


def _round(number: int, fault: Fault, scene: Scene, interval: float) -> Round:
    time.sleep(_LOAD_SECONDS)
    began = time.monotonic()
    fault.act(scene)
    ended = time.monotonic()
    scene.ground.server.wait_until_ready()
    time.sleep(max(_QUIET_SECONDS, began + interval - _LOAD_SECONDS - time.monotonic()))
    return Round(number, fault.name, began, ended, time.monotonic(), fault.allowed, fault.refuses, fault.spares)


def _at_the_end(place: Ground, town: Town, caller: Caller, dice: random.Random) -> list[Violation]:
    """I1 and I8 of everything that was acknowledged, I13, and what the checks of single requests found."""
    evidence = town.evidence
    found = [Violation("I14", words) for words in evidence.lost]
    found += invariants.two_successors(evidence.refreshed) + invariants.accepted_wrongly(evidence.probes)
    found += invariants.not_verifying(evidence.verdicts) + invariants.signers_going_back(evidence.signed)
    ids = ", ".join(f"'{person.id}'" for person in evidence.people)
    ((count,),) = query(place.postgresql.url(), f"SELECT count(*) FROM users WHERE id IN ({ids})")
    if count != len(evidence.people):
        found.append(Violation("I1", f"{len(evidence.people) - count} registered people are gone"))
    for person in dice.sample(evidence.people, _SIGN_INS_AT_THE_END):
        answer = town.sign_in(caller, person)
        if answer.status != 200:
            found.append(Violation("I1", f"{person.email} cannot sign in: {answer.status} {answer.body}"))
    found += _unrecorded(place, town) + _in_the_logs(place, town)
    if place.sweeper.poll() is not None:
        found.append(Violation("I14", f"`oidc-server worker` ended with {place.sweeper.returncode}"))
    return found


def _unrecorded(place: Ground, town: Town) -> list[Violation]:
    """I8: what was acknowledged is in the audit."""
    statement = "SELECT event, subject_id, count(*) FROM audit_events GROUP BY 1, 2"
    recorded: Counter[tuple[str, str]] = Counter()
    for event, subject, count in query(place.postgresql.url(), statement):
        recorded[event, subject] = count
        recorded[event, ""] += count
    return [
        Violation("I8", f"{event} {subject}: acknowledged {times} times, recorded {recorded[event, subject]} times")
        for (event, subject), times in town.evidence.acknowledged.items()
        if recorded[event, subject] < times
    ]


def _in_the_logs(place: Ground, town: Town) -> list[Violation]:
    """I13: no log holds a secret. I11: and none tells of a fault of the server's own."""
    found = []
    for log in place.logs:
        data = log.read_bytes()
        found += [
            Violation("I13", f"{log.name} has the secret {secret}") for secret in town.evidence.secrets.found_in(data)
        ]
        for line in data.splitlines():
            if b'"event":"fault"' in line or b'"event": "fault"' in line or b"WORKER TIMEOUT" in line:
                found.append(Violation("I11", f"{log.name}: {line[:2000].decode(errors='replace')}"))
    return found


def _counts(outcome: Outcome, town: Town, checks: Checks) -> dict[str, int]:
    evidence = town.evidence
    return {
        "requests": len(outcome.history.of()),
        "rotations": len(evidence.refreshed),
        "tokens verified": len(evidence.verdicts),
        "signing keys": len(evidence.newest_of_key),
        "people registered": len(evidence.people),
        "tries of what had ended": len(evidence.probes),
        "replays after the grace window": checks.replayed,
        "changes found in the audit": sum(evidence.acknowledged.values()),
        "secrets looked for in the logs": len(evidence.secrets),
    }


def describe(history: History, one: Round, broken: int) -> str:
    """One line about a fault."""
    statuses = history.statuses(since=one.began, until=one.over)
    failed = ", ".join(f"{status or 'no answer'} x {count}" for status, count in statuses.items() if status != 200)
    back = invariants.back_after(history, one)
    slowest = max(history.of(since=one.began, until=one.over), key=lambda attempt: attempt.seconds)
    return (
        f"[{one.number:3}] {one.fault}, {one.ended - one.began:.1f} s: 200 x {statuses[200]}, {failed or 'no other'};"
        f" ready {back:.1f} s after its end, slowest answer {slowest.seconds:.2f} s"
        f" ({slowest.operation}){', BROKEN' if broken else ''}"
    )
