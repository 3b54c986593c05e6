"""Real processes over one store: the first start, rotations at once, rotation under load, an emergency revocation."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from tests.keys.conftest import empty_database

ROOT = Path(__file__).resolve().parents[2]
Farm = Callable[[str], dict[str, Any]]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def farmer() -> Iterator[subprocess.Popen[str]]:
    """The process that carries the scenarios out."""
    command = [sys.executable, "-m", "tests.keys.farm"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def run(farmer: subprocess.Popen[str], scenario: str, store: str, place: str) -> dict[str, Any]:
    assert farmer.stdin is not None
    assert farmer.stdout is not None
    watchdog = Timer(90, farmer.kill)
    watchdog.start()
    try:
        print(json.dumps({"scenario": scenario, "store": store, "place": place}), file=farmer.stdin, flush=True)
        line = farmer.stdout.readline()
    finally:
        watchdog.cancel()
        watchdog.join()
    assert line, "it ended without an answer"
    answer = json.loads(line)
    assert "failure" not in answer, answer["failure"]
    found: dict[str, Any] = answer["found"]
    return found


@pytest.fixture
def farm(farmer: subprocess.Popen[str], store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Farm:
    """Runs a scenario over an empty store of each kind."""
    if store_kind == "directory":
        return lambda scenario: run(farmer, scenario, "directory", str(tmp_path / "keys"))
    url = request.getfixturevalue("keys_database_url")(store_kind)
    empty_database(url).engine.dispose()
    return lambda scenario: run(farmer, scenario, "database", url)


@pytest.mark.parametrize("kind", ["directory", "sqlite", "postgresql"])
def test_four_processes_that_start_at_once_on_nothing_make_one_key(
    kind: str, tmp_path: Path, make_database: Callable[[str], str], farmer: subprocess.Popen[str]
) -> None:
    """E19, X25: in a database they make the schema too."""
    database = kind != "directory"
    place = make_database(kind) if database else str(tmp_path / "keys")
    found = run(farmer, "first start", "database" if database else "directory", place)
    assert len(found["signed"]) == 4
    assert set(found["signed"]) == set(found["stored"])
    assert len(found["stored"]) == 1


def test_two_rotations_at_once_make_one_new_key_and_two_hurries_bring_it_forward_once(farm: Farm) -> None:
    """E19, X23"""
    found = farm("rotation")
    assert [sorted(changed) for changed in found["changed"]] == [[False, True]] * 2
    assert found["scheduled"] == [True, True]


def test_a_rotation_under_load_never_yields_a_token_whose_key_another_process_does_not_serve(farm: Farm) -> None:
    """E16, X23, I5: processes that were forked from one in use sign all the while, two others rotate at once."""
    found = farm("load")
    assert sorted(found["rotated"]) == [False, True]
    assert found["missing"] == 0
    assert found["seen"] == sum(found["signed"].values()) > 200
    assert len(found["signed"]) == 2


def test_a_revocation_is_noticed_by_every_process_within_two_seconds(farm: Farm) -> None:
    """E18"""
    found = farm("revocation")
    assert all(delay is not None and delay <= 2 for delay in found["delays"]), found["delays"]
    assert found["other_is_known"] == [True] * 3
