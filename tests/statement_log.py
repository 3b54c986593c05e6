"""Every statement that this process has a database run, on whatever connection, but those that begin and end
transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, event

from oidc_server.core import statements

_TRANSACTIONS = ("BEGIN", "COMMIT", "ROLLBACK")


@contextmanager
def statements_of_all() -> Iterator[list[str]]:
    """The statements within the block, whether SQLAlchemy runs them or the driver."""
    seen: list[str] = []
    fetch = statements._fetch

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if not statement.startswith(_TRANSACTIONS):
            seen.append(" ".join(statement.split()))

    def fetched(*arguments: Any) -> Any:
        seen.append(arguments[2].text)
        return fetch(*arguments)

    with patch.object(statements, "_fetch", fetched):
        event.listen(Engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(Engine, "before_cursor_execute", note)
