"""A short soak: random faults one after the other under the load of all kinds of honest callers. ``make soak`` is the
long one, and draws the same faults from the same seed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.soak.report import summary
from tests.soak.run import Plan, soak

SEED = 26208
SECONDS = 40.0
INTERVAL_SECONDS = 8.0


@pytest.mark.slow
def test_every_promise_holds_through_random_faults_x48(figures: Callable[[str], None]) -> None:
    lines: list[str] = []
    outcome = soak(Plan(SEED, SECONDS, INTERVAL_SECONDS, replaced_share=0), lines.append)
    words = "\n".join([*lines, summary(outcome)])
    figures(words)
    assert outcome.violations == [], f"seed {SEED} (make soak SEED={SEED}):\n{words}"
    assert len(outcome.rounds) >= 3, words
    nothing = [name for name, count in outcome.counts.items() if not count]
    assert nothing == [], words
