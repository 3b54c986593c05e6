"""What creeps is seen: samples of a run, made by hand."""

from __future__ import annotations

import pytest

from tests.soak.flatness import BOUNDS, Sample, courses, creeping, slope

RSS, STUCK = "oldest worker: RSS (MiB)", "connections idle in a transaction"


def samples(minutes: int, changes: dict[str, list[float]] | None = None, pid: int = 7) -> list[Sample]:
    """One a minute; every value is level but those that are given."""
    level = {name: min(5.0, bound.ceiling) for name, bound in BOUNDS.items()}
    return [
        Sample(minute, pid, level | {name: course[minute] for name, course in (changes or {}).items()})
        for minute in range(minutes)
    ]


def test_a_slope_is_that_of_the_line() -> None:
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2)
    assert slope([(1, 1)]) == 0


def test_a_level_run_is_flat() -> None:
    assert creeping(samples(60)) == []
    assert creeping(samples(2)) == []


@pytest.mark.parametrize("name", BOUNDS)
def test_each_measure_that_grows_through_a_long_run_is_seen(name: str) -> None:
    step = max(0.1, (BOUNDS[name].slack + BOUNDS[name].per_hour) / 40)  # the warm-up takes twelve minutes off
    (found,) = creeping(samples(60, {name: [step * minute for minute in range(60)]}))
    assert found.words.startswith(name)


def test_growth_in_the_warm_up_of_a_long_run_is_no_creeping() -> None:
    grown = [min(60.0 + minute, 70.0) for minute in range(60)]
    assert creeping(samples(60, {RSS: grown})) == []


def test_a_short_run_is_judged_by_its_ends() -> None:
    bound = BOUNDS[RSS].warm_up
    assert creeping(samples(2, {RSS: [60, 60 + bound - 1]})) == []
    (found,) = creeping(samples(2, {RSS: [60, 60 + bound + 1]}))
    assert found.words == f"{RSS}: grew by {bound + 1:.1f}, more than {bound:.1f}"


def test_one_connection_that_is_left_in_a_transaction_is_too_many() -> None:
    (found,) = creeping(samples(3, {STUCK: [0, 1, 0]}))
    assert found.words == f"{STUCK}: 1.0 is above 0"


def test_only_the_worker_that_lived_to_the_end_is_followed() -> None:
    earlier = samples(3, {RSS: [300, 300, 300]}, pid=6)
    (course,) = [one for one in courses([*earlier, *samples(2)]) if one.name == RSS]
    assert (course.first, course.greatest) == (5.0, 300.0)
