"""What the server wrote on standard error: one JSON object a line, and the reasons that answers do not tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse


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
