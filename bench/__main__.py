"""``python -m bench [--quick] [--output FOLDER]``: one run; prints the tables and writes them beside the JSON."""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from bench.machine import describe, on_processor, placement
from bench.measure import Plan, measure
from bench.report import markdown, summarise
from bench.seed import postgresql

DEFAULT_OUTPUT = Path("var/bench")
_NUMBERS = ("rounds", "seconds", "connections", "accounts")
QUICK = Plan(rounds=3, seconds=0.2, signing=0.1, warm_up=0.1, starts=1, accounts=100_000)


def arguments() -> argparse.Namespace:
    """The command line."""
    plan = Plan()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, metavar="FOLDER", help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="about half a minute, and less precise")
    parser.add_argument("--rounds", type=int, help=f"rounds over all cases (default: {plan.rounds})")
    parser.add_argument("--seconds", type=float, help=f"of load per case and round (default: {plan.seconds})")
    parser.add_argument("--accounts", type=int, help=f"where there are very many (default: {plan.accounts})")
    parser.add_argument("--connections", type=int, help=f"kept-alive connections (default: {plan.connections})")
    return parser.parse_args()


def plan_of(given: argparse.Namespace) -> Plan:
    """What to measure."""
    plan = QUICK if given.quick else Plan()
    changes = {name: getattr(given, name) for name in _NUMBERS}
    return Plan(**(vars(plan) | {name: value for name, value in changes.items() if value is not None}))


def command_of(given: argparse.Namespace) -> str:
    """How to run this again."""
    words = ["--quick"] if given.quick else []
    words += [f"--{name} {getattr(given, name)}" for name in _NUMBERS if getattr(given, name)]
    return f"make bench ARGS='{' '.join(words)}'" if words else "make bench"


def run(plan: Plan, command: str) -> dict[str, Any]:
    """Measure everything; the summary of it."""
    where = placement()
    machine = describe(where)
    with (
        on_processor(where.load),
        tempfile.TemporaryDirectory(prefix="oidc-bench-") as folder,
        postgresql() as database,
    ):
        results = measure(plan, where, database, Path(folder))
    return summarise(results, plan, machine, command)


def main() -> None:
    """Measure and report."""
    given = arguments()
    summary = run(plan_of(given), command_of(given))
    text = markdown(summary)
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "bench.json").write_text(json.dumps(summary, indent=2) + "\n")
    (given.output / "bench.md").write_text(text)
    print(text)
    print(f"Written to {given.output / 'bench.json'} and {given.output / 'bench.md'}.")


if __name__ == "__main__":
    main()
