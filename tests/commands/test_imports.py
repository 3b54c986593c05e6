"""What a worker has in memory: nothing that only the commands, the other server or the tests need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_LOAD = """
import sys
from oidc_server import create_app
from oidc_server.core.settings import Settings
import oidc_server.commands.{server}_server
create_app(Settings(issuer="https://login.example.com", database_url="postgresql://db.example/oidc"))
print(*sys.modules)
"""


def loaded_by(server: str, folder: Path) -> set[str]:
    """The packages that are in memory once the application is made as a worker makes it."""
    done = subprocess.run(
        [sys.executable, "-c", _LOAD.format(server=server)], capture_output=True, text=True, check=True, cwd=folder,
        timeout=60,
    )  # fmt: skip
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(("server", "other"), [("gunicorn", "granian"), ("granian", "gunicorn")])
def test_a_worker_imports_nothing_that_it_never_uses(server: str, other: str, tmp_path: Path) -> None:
    loaded = loaded_by(server, tmp_path)
    assert {"oidc_server", "sqlalchemy", "structlog"} <= loaded
    assert loaded & {other, "alembic", "babel", "hypothesis", "pytest", "rich"} == set()
