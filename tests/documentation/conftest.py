"""What is described does not depend on the database: one kind is enough here."""

from typing import Any

import pytest
from flask.testing import FlaskClient


@pytest.fixture
def database_kind() -> str:
    """SQLite."""
    return "sqlite"


@pytest.fixture
def document(http: FlaskClient) -> dict[str, Any]:
    """The OpenAPI document, as a program gets it."""
    response = http.get("/openapi.json")
    assert response.status_code == 200
    found: dict[str, Any] = response.get_json()
    return found
