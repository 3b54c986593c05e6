"""Whatever is sent, the server answers what its OpenAPI document says, and never with a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.check import check

SECONDS = 25


@pytest.mark.slow
def test_schemathesis_finds_no_answer_that_is_not_described(tmp_path: Path) -> None:
    """For a while; `make contract` takes five minutes."""
    done = check(SECONDS, tmp_path)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "generated" in done.stdout
    assert '"fault"' not in (tmp_path / "server.log").read_text()
