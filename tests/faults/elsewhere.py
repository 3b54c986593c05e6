"""Programs of the tests that run in a process of their own, so that their work does not slow down those who measure."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

_END_SECONDS = 120


def start_elsewhere(module: str, order: dict[str, Any]) -> subprocess.Popen[str]:
    """Run a module as a program that reads ``order`` as JSON."""
    process = subprocess.Popen([sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(json.dumps(order))
    process.stdin.close()
    process.stdin = None  # communicate() would write to it again
    return process


def outcome_of(process: subprocess.Popen[str]) -> Any:
    """Wait for the end of the program; what it printed as JSON."""
    output, _nothing = process.communicate(timeout=_END_SECONDS)
    assert process.returncode == 0
    return json.loads(output)
