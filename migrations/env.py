"""Runs the migrations on the connection that ``oidc_server.core.migration`` opened, inside its transaction."""

import importlib

from alembic import context

from oidc_server.core.database import Base

# Every module with models, so that autogeneration and the comparison in the tests see all tables.
for module in ("core.limits", *(f"{slice_}.models" for slice_ in (
    "audit", "messages", "keys", "users", "clients", "sessions", "mfa", "authorizations",
))):  # fmt: skip
    importlib.import_module(f"oidc_server.{module}")

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
