"""What the server wrote on standard error: one JSON object a line, and the reasons that answers do not tell."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from werkzeug.test import TestResponse


@contextmanager
def logs_kept_as_they_are() -> Iterator[None]:
    """What configures the logs of this process within the block does so for the block only."""
    loggers, root = structlog.get_config(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        structlog.configure(**loggers)
        root.handlers[:] = handlers
        root.setLevel(level)


def log_lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Everything that was logged since the last look. Fails when a line is not one JSON object."""
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert all(isinstance(line, dict) for line in lines)
    return lines


def reason_logged(capfd: pytest.CaptureFixture[str], response: TestResponse) -> str:
    """The one reason that was logged under the error id of a refusal; the answer itself must not tell it."""
    assert response.json is not None
    error_id = response.json["error_id"]
    reasons: list[str] = [
        line["reason"] for line in log_lines(capfd) if line["event"] == "refused" and line["error_id"] == error_id
    ]
    assert len(reasons) == 1, reasons
    assert reasons[0] not in response.get_data(as_text=True)
    return reasons[0]
