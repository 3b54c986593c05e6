"""Which tests are traced for coverage. A tracer makes everything take three quarters longer, and what takes longest
tells nothing new: tests of load, races, faults and pages in a browser, and a test that ran already with another value
or on the other database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_UNTRACED_FOLDERS = frozenset({"bench", "browser", "examples", "soak"})
# By this coverage has the processes traced that a test starts.
_OF_SUBPROCESSES = "COVERAGE_PROCESS_CONFIG"


def is_traced(item: pytest.Item) -> bool:
    """Whether what a test runs counts as covered: each test does once, with the first of the values that it is given,
    and so on SQLite where it has a choice. What only other values reach is tested, and reported as if it were not."""
    folder = item.path.parent.name
    repeated = any(getattr(getattr(item, "callspec", None), "indices", {}).values())
    heavy = item.get_closest_marker("slow") is not None or item.get_closest_marker("alone") is not None
    return not (repeated or heavy or folder in _UNTRACED_FOLDERS)


@contextmanager
def untraced(config: pytest.Config) -> Iterator[None]:
    """Trace nothing within the block, nor what is started in it."""
    controller: Any = getattr(config.pluginmanager.get_plugin("_cov"), "cov_controller", None)
    if controller is None or not controller.started:
        yield
        return
    environment = os.environ.pop(_OF_SUBPROCESSES, None)
    controller.pause()
    try:
        yield
    finally:
        controller.resume()
        if environment is not None:
            os.environ[_OF_SUBPROCESSES] = environment
