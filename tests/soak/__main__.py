"""``make soak``: run a soak and print what came of it. The exit code is 0 when everything held, and 1 when not."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from pathlib import Path

from tests.soak.report import summary
from tests.soak.run import Plan, soak

INTERVAL_SECONDS = 20.0


def say(words: str) -> None:
    """Print a line at once, with the time."""
    print(f"{time.strftime('%H:%M:%S')} {words}", flush=True)  # noqa: T201 - a program


def main() -> int:
    """Run one as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, help="the same seed gives the same faults in the same order")
    parser.add_argument("--interval", type=float, default=INTERVAL_SECONDS, help="seconds from fault to fault")
    parser.add_argument("--key-store", choices=("directory", "database"), default="directory")
    parser.add_argument("--logs", type=Path, help="a folder for what the processes wrote, when a promise was broken")
    options = parser.parse_args()
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    say(f"A soak of {options.minutes:g} minutes. To repeat its faults: make soak SEED={seed}")
    outcome = soak(
        Plan(seed, options.minutes * 60, options.interval, key_store=options.key_store, logs=options.logs), say
    )
    print(f"\n{summary(outcome)}")  # noqa: T201
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
