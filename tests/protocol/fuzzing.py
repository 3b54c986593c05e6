"""How fuzz tests run, and what every answer must have, whatever it answers."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from werkzeug.test import TestResponse

from tests.app_login import CALLBACK, GOODBYE
from tests.log_lines import log_lines

FUZZ = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "150")),
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
# The addresses that are registered here; an answer leads to one of them, or to a page of the server.
REGISTERED = frozenset({CALLBACK, GOODBYE, "https://app.example.com/cb"})
_OURS = re.compile(r"/(?![/\\])[!-~]*")


def perform(http: FlaskClient, environ: dict[str, Any]) -> TestResponse:
    """The answer to a request as a WSGI server hands it on, checked for what every answer must have."""
    response = http.open("/", method=environ["REQUEST_METHOD"], environ_overrides=environ)
    text = response.get_data(as_text=True)
    assert response.status_code < 500 or (response.status_code == 503 and "Retry-After" in response.headers), text
    assert response.headers["X-Request-Id"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "Cache-Control" in response.headers
    assert "Traceback" not in text
    if (location := response.headers.get("Location")) is not None:
        assert _OURS.fullmatch(location) or location.partition("?")[0] in REGISTERED, location
    if response.status_code >= 400 and response.request.method != "HEAD":
        _check_refusal(response, text)
    return response


def _check_refusal(response: TestResponse, text: str) -> None:
    """It carries the number under which its reason is in the log; a form that is shown again says itself what to do."""
    error_id = response.headers["X-Request-Id"]
    if response.mimetype == "text/html":
        assert error_id in text or (response.status_code in {422, 429} and 'name="csrf_token"' in text), text
        return
    assert response.json is not None
    assert response.json["error_id"] == error_id


def assert_no_fault(capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing was logged as a fault."""
    assert [line for line in log_lines(capfd) if line["level"] == "error"] == []
