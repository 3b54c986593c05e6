"""Databases with the migrated schema, made when they are first asked for."""

from collections.abc import Callable

from oidc_server.core import migration
from oidc_server.core.database import make_engine


def migrated_databases(make_database: Callable[[str], str]) -> Callable[[str], str]:
    """The URL of one database of each kind, for whoever keeps what this returns."""
    urls: dict[str, str] = {}

    def url(kind: str) -> str:
        if kind not in urls:
            urls[kind] = make_database(kind)
            engine = make_engine(urls[kind], pool_size=1, statement_timeout_ms=5000)
            migration.upgrade(engine)
            engine.dispose()
        return urls[kind]

    return url
