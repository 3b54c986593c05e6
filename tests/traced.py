"""Which tests are traced for coverage. A tracer makes Python half as fast again, and what it slows down most tells
nothing new: tests of load, races, faults and pages in a browser, and the second run of a test on another database."""

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
    """Whether what a test runs counts as covered: each behaviour does once, on SQLite where it has a choice."""
    folder = item.path.parent.name
    second = "postgresql" in getattr(getattr(item, "callspec", None), "params", {}).values()
    heavy = item.get_closest_marker("slow") is not None or item.get_closest_marker("alone") is not None
    return not (second or heavy or folder in _UNTRACED_FOLDERS)


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
