"""What must hold in a soak whatever fails, judged by what callers saw. Each function names what was broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.faults.history import HANG_SECONDS, Attempt, History
from tests.faults.installation import DOCUMENTS
from tests.faults.recovery import READY_WITHIN, UNREADY_WITHIN
from tests.soak.evidence import Probe, Refreshed, Round, Signed, Verdict

PROMISES = {
    "I1": "no registration that was acknowledged is lost",
    "I2": "no refresh token is good twice or has two successors",
    "I3": "every acknowledged token verifies by the JWKS until it expires",
    "I4": "nothing that was spent, revoked, suspended or disabled works again, and no guess does",
    "I5": "one key signs at a time, and what it signs can be verified",
    "I8": "every change has its one audit row",
    "I9": "what cannot be checked or written is refused",
    "I11": "failures are 503 with Retry-After, and nobody waits for longer than five seconds",
    "I12": "it always says that it lives, and soon whether it is ready",
    "I13": "no log holds a secret",
    "I14": "after a fault it recovers by itself, and honest callers have lost nothing",
    "flat": "memory, descriptors, threads, connections and dead rows do not grow",
}
WRITES = frozenset({"refresh", "sign_in", "sign_out", "revoke"})
NEEDS_DATABASE = WRITES | {"introspection", "ready"}
SUCCESS_SHARE = 0.999
STRAY_FAILURES, STRAY_SHARE = 1, 0.01  # in a single round, where a machine may stand still for a second
MACHINE_SECONDS = 1.0  # what a busy machine may add to a time
HASHING_SECONDS = 3.0  # and to one that a password hash is part of
EDGE_SECONDS = 1.0  # within which a fault takes hold everywhere, and lets go
STALE_SECONDS = 1.0  # a pooled connection that was just used is lent without a ping


@dataclass(frozen=True)
class Violation:
    """An invariant that did not hold, and where."""

    invariant: str
    words: str


def two_successors(refreshed: Iterable[Refreshed]) -> list[Violation]:
    """I2: one refresh token has one successor."""
    known: dict[str, str] = {}
    return [
        Violation("I2", f"the refresh token {one.presented[:8]}... has two successors")
        for one in refreshed
        if known.setdefault(one.presented, one.successor) != one.successor
    ]


def accepted_wrongly(probes: Iterable[Probe]) -> list[Violation]:
    """I2, I4, I6, I10: what is spent, revoked, suspended or disabled is refused from then on, and a guess always."""
    found = []
    for one in probes:
        if one.accepted and one.started > one.ended + one.bound:
            when = f" {one.started - one.ended:.1f} s after its end" if one.ended else ""
            found.append(Violation("I4", f"{one.what} was accepted{when}"))
    return found


def not_verifying(verdicts: Iterable[Verdict]) -> list[Violation]:
    """I3: an acknowledged token verifies by the JWKS until it expires."""
    return [Violation("I3", f"a token of key {one.kid}: {one.problem}") for one in verdicts if one.problem is not None]


def signers_going_back(signed: Iterable[Signed]) -> list[Violation]:
    """I5: one key signs at a time. After a token of a newer key was received, no request gets one of an older."""
    ordered = sorted(signed, key=lambda one: one.ended)
    rank = {kid: number for number, kid in enumerate(dict.fromkeys(one.kid for one in ordered))}
    received: list[float] = []  # when the first token of each key was
    for one in ordered:
        if rank[one.kid] == len(received):
            received.append(one.ended)
    return [
        Violation("I5", f"key {one.kid} signed {one.started - received[rank[one.kid] + 1]:.2f} s after its successor")
        for one in ordered
        if rank[one.kid] + 1 < len(received) and one.started > received[rank[one.kid] + 1]
    ]


def not_recovered_until(history: History, one: Round) -> float:
    """Until when the server was not well after a fault: it was not ready, or its pool held dead connections."""
    refused = [probe.ended for probe in history.of("ready", since=one.began, until=one.over) if probe.status != 200]
    return max([one.ended, *refused]) + STALE_SECONDS


def back_after(history: History, one: Round) -> float:
    """How many seconds after the fault's end the server was ready again, and stayed so."""
    return not_recovered_until(history, one) - STALE_SECONDS - one.ended


def judge(history: History, one: Round) -> list[Violation]:
    """I9, I11, I12 and I14 for one fault and the time after it."""
    attempts = history.of(since=one.began, until=one.over)
    well = not_recovered_until(history, one)
    found = [violation for attempt in attempts for violation in _unclean(attempt, one, well)]
    found += _accepted_all_the_same(attempts, one)
    if "ready" in one.refuses:
        found += _late_probes(history, one)
    if back_after(history, one) > READY_WITHIN:
        found.append(_in_round(one, "I12", f"ready again only after {back_after(history, one):.1f} s"))
    calm = _calm(history, one)
    failed = [attempt for attempt in calm if not attempt.acknowledged]
    if len(failed) > max(STRAY_FAILURES, STRAY_SHARE * len(calm)):
        found.append(_in_round(one, "I14", f"of {len(calm)} requests without a fault failed: {_counted(failed)}"))
    return found


def too_many_failures(history: History, rounds: Iterable[Round]) -> list[Violation]:
    """I14 over a whole run, for the requests that began when no fault was to be noticed."""
    calm = [attempt for one in rounds for attempt in _calm(history, one)]
    failed = [attempt for attempt in calm if not attempt.acknowledged]
    if len(failed) <= max(STRAY_FAILURES, (1 - SUCCESS_SHARE) * len(calm)):
        return []
    return [Violation("I14", f"of {len(calm)} requests without a fault failed: {_counted(failed)}")]


def _calm(history: History, one: Round) -> list[Attempt]:
    """The requests that the fault is no excuse for."""
    return history.of(since=not_recovered_until(history, one) if one.allowed else one.began, until=one.over)


def _counted(attempts: Iterable[Attempt]) -> str:
    counts = Counter(f"{one.operation}: {one.status} {one.body}" for one in attempts)
    return ", ".join(f"{words} ({number} times)" for words, number in counts.most_common(5))


def _unclean(attempt: Attempt, one: Round, well: float) -> Iterable[Violation]:
    """I11 and the liveness of I12. A clean 503 that no fault excuses is counted by I14."""
    words = f"{attempt.operation}: {attempt.status} after {attempt.seconds:.2f} s, {attempt.body}"
    bound = HANG_SECONDS + (HASHING_SECONDS if attempt.operation.startswith("sign_") else MACHINE_SECONDS)
    if attempt.seconds > bound:
        yield _in_round(one, "I11", f"too slow: {words}")
    if attempt.acknowledged:
        return
    if attempt.status is None:
        if None not in one.allowed:
            yield _in_round(one, "I11", words)
    elif attempt.status != 503 or not attempt.headers.get("Retry-After", "").isdecimal():
        yield _in_round(one, "I11", words)
    elif attempt.operation in DOCUMENTS:
        yield _in_round(one, "I12", words)
    elif attempt.started <= well and one.allowed and (503 not in one.allowed or attempt.operation in one.spares):
        yield _in_round(one, "I11", words)


def _accepted_all_the_same(attempts: Iterable[Attempt], one: Round) -> Iterable[Violation]:
    """I9: a check that cannot be made is not passed, and nothing is acknowledged that could not be written."""
    since, until = one.began + EDGE_SECONDS, one.ended - EDGE_SECONDS
    for attempt in attempts:
        within = since < attempt.started and attempt.ended < until
        if within and attempt.acknowledged and attempt.operation in one.refuses - {"ready"}:
            yield _in_round(one, "I9", f"{attempt.operation} succeeded although it could not")


def _late_probes(history: History, one: Round) -> Iterable[Violation]:
    """I12: readiness follows the fault."""
    seen = [probe.ended for probe in history.of("ready", since=one.began - UNREADY_WITHIN) if probe.status == 503]
    first = min((ended for ended in seen if ended > one.began), default=float("inf"))
    if one.ended - one.began > UNREADY_WITHIN + MACHINE_SECONDS and first > one.began + UNREADY_WITHIN:
        yield _in_round(one, "I12", "it went on saying that it was ready")


def _in_round(one: Round, invariant: str, words: str) -> Violation:
    return Violation(invariant, f"round {one.number}, {one.fault}: {words}")


def each_once(violations: Sequence[Violation], most: int = 8) -> list[str]:
    """The violations in words, ``most`` of each invariant; the same words only once, with their number."""
    lines = []
    for invariant in sorted({one.invariant for one in violations}):
        counted = Counter(one.words for one in violations if one.invariant == invariant)
        lines += [
            f"{invariant} {words}" + (f" ({number} times)" if number > 1 else "")
            for words, number in list(counted.items())[:most]
        ]
        if len(counted) > most:
            lines.append(f"{invariant} and {len(counted) - most} more")
    return lines
