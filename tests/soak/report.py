"""The summary of a soak, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.soak import invariants
from tests.soak.evidence import Round
from tests.soak.flatness import Course, courses
from tests.soak.run import Outcome


def summary(outcome: Outcome) -> str:
    """What was done, what was measured, and what did not hold."""
    verdict = "BROKEN" if outcome.violations else "all promises held"
    parts = [
        f"## Soak: {verdict}",
        f"Seed {outcome.plan.seed}, {outcome.minutes:.1f} minutes, {len(outcome.rounds)} faults.",
        _table(("what", "how many"), ((name, f"{count}") for name, count in outcome.counts.items())),
        _table(
            ("fault", "times", "requests", "503", "no answer", "longest answer (s)", "ready again after (s)"),
            _faults(outcome),
        ),
        _table(
            ("measure", "first", "last", "greatest", "ceiling", "slope an hour", "grew by", "at most"),
            map(_course, courses(outcome.samples) if outcome.samples else ()),
        ),
    ]
    if outcome.violations:
        broken = sorted({one.invariant for one in outcome.violations})
        promises = [f"{number}: {invariants.PROMISES[number]}." for number in broken]
        lines = [f"- {line}" for line in invariants.each_once(outcome.violations)]
        parts.append("\n".join(["### What did not hold", "", *promises, "", *lines]))
    return "\n\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _faults(outcome: Outcome) -> Iterable[Sequence[str]]:
    by_name: dict[str, list[Round]] = {}
    for one in outcome.rounds:
        by_name.setdefault(one.fault, []).append(one)
    for name, rounds in sorted(by_name.items()):
        statuses = [outcome.history.statuses(since=one.began, until=one.over) for one in rounds]
        back = [invariants.back_after(outcome.history, one) for one in rounds]
        slowest = max(outcome.history.seconds(1, since=one.began, until=one.over) for one in rounds)
        counts = (
            len(rounds),
            *(sum(each) for each in zip(*((s.total(), s[503], s[None]) for s in statuses), strict=True)),
        )
        yield (name, *(f"{count}" for count in counts), f"{slowest:.2f}", f"{max(back):.1f}")


def _course(course: Course) -> Sequence[str]:
    per_hour = "" if course.per_hour is None else f"{course.per_hour:+.2f}"
    values = (course.first, course.last, course.greatest)
    growth, allowed = f"{course.growth:+.1f}", f"{course.allowed:+.1f}"
    return (course.name, *(f"{value:.1f}" for value in values), f"{course.ceiling:g}", per_hour, growth, allowed)
