"""The order of the suite over several processes: what takes long comes first, dealt to all of them, and short tests
fill the end, when no process should be left with a long one. Within this, the order is as random as it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice

import pytest

# Their tests share a browser or servers for the whole run, which each process would start for itself.
_TOGETHER = frozenset({"browser", "examples"})


def process_count(config: pytest.Config) -> int:
    """Over how many processes pytest-xdist spreads the tests of this run."""
    given: dict[str, int] = getattr(config, "workerinput", {})
    return given.get("workercount", 1)


def dealt(items: Sequence[pytest.Item], processes: int) -> list[pytest.Item]:
    """The tests so ordered that each process finds its share of those that take long at the beginning of its own.

    pytest-xdist cuts the list into equal parts, and when a process has done its part, it takes over from the end of
    another's. What is marked ``alone`` is the very first: later it would wait for tests of the others to end."""
    groups: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        groups[_group(item)].append(item)
    shares: list[list[pytest.Item]] = [[] for _ in range(processes)]
    long = [group for group in groups.values() if any(map(_takes_long, group))]
    long.sort(key=lambda group: not any(map(_is_alone, group)))
    for place, group in enumerate(long):
        shares[place % processes] += sorted(group, key=lambda item: not _is_alone(item))
    short = iter([item for group in groups.values() if not any(map(_takes_long, group)) for item in group])
    rest = len(items)
    ordered: list[pytest.Item] = []
    for place, share in enumerate(shares):
        size = rest // (processes - place)
        ordered += [*share, *islice(short, max(0, size - len(share)))]
        rest -= size
    return [*ordered, *short]


def _group(item: pytest.Item) -> str:
    """Tests of one name have set-ups in common."""
    folder = item.path.parent
    return str(folder if folder.name in _TOGETHER else item.path)


def _takes_long(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None or _is_alone(item)


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None
