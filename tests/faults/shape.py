"""The shape of a database: all that makes its schema, to be compared with that of another."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Inspector, create_engine, inspect, text

from oidc_server.core.database import engine_url

_TRIGGERS = "SELECT pg_get_triggerdef(oid) || pg_get_functiondef(tgfoid) FROM pg_trigger WHERE NOT tgisinternal"


def shape_of(url: str) -> dict[str, Any]:
    """What there is in PostgreSQL; the order of columns may differ."""
    engine = create_engine(engine_url(url))
    try:
        found = inspect(engine)
        with engine.connect() as connection:
            triggers = sorted(connection.scalars(text(_TRIGGERS)))
        return {"triggers": triggers} | {table: _shape_of(found, table) for table in found.get_table_names()}
    finally:
        engine.dispose()


def _shape_of(found: Inspector, table: str) -> dict[str, Any]:
    return {
        "columns": {
            one["name"]: (str(one["type"]), one["nullable"], one["default"]) for one in found.get_columns(table)
        },
        "primary key": found.get_pk_constraint(table),
        "foreign keys": sorted(map(str, found.get_foreign_keys(table))),
        "unique": sorted(map(str, found.get_unique_constraints(table))),
        "checks": sorted(map(str, found.get_check_constraints(table))),
        "indexes": sorted(map(str, found.get_indexes(table))),
    }
