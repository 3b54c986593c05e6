"""Tests that are spread over several processes are all run, and those that take long do not come last."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from tests.order import dealt


@dataclass(frozen=True)
class Collected:
    """As much of a collected test as its place in the order depends on."""

    path: Path
    mark: str = ""

    def get_closest_marker(self, name: str) -> str | None:
        return name if name == self.mark else None


def test_dealing_loses_no_test_and_repeats_none(request: pytest.FixtureRequest) -> None:
    for processes in (1, 2, 3, 7):
        items = request.session.items
        assert sorted(item.nodeid for item in dealt(items, processes)) == sorted(item.nodeid for item in items)


def test_each_process_begins_with_its_share_of_what_takes_long() -> None:
    short = [Collected(Path(f"tests/core/test_{number}.py")) for number in range(14)]
    slow = [Collected(Path(f"tests/faults/test_{number}.py"), "slow") for number in range(3)]
    measuring = Collected(Path("tests/faults/test_times.py"), "alone")
    ordered = dealt(cast("list[pytest.Item]", [*short, *slow, measuring]), 2)
    assert [item in short for item in cast("list[Collected]", ordered)] == ([False] * 2 + [True] * 7) * 2
    assert cast("Collected", ordered[0]) == measuring


def test_what_shares_a_browser_stays_together() -> None:
    pages = [Collected(Path(f"tests/browser/test_{number}.py"), "slow") for number in range(3)]
    faults = [Collected(Path(f"tests/faults/test_{number}.py"), "slow") for number in range(3)]
    ordered = cast("list[Collected]", dealt(cast("list[pytest.Item]", [*faults, *pages]), 2))
    places = [place for place, item in enumerate(ordered) if item in pages]
    assert places[-1] - places[0] == len(pages) - 1
