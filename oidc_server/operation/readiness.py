"""Whether this process can do its work: database, schema, keys and clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import text

from oidc_server.core import clock, schema
from oidc_server.core.database import make_engine
from oidc_server.core.errors import Unavailable
from oidc_server.core.settings import Settings
from oidc_server.keys.ring import KeyRing
from oidc_server.messages import state

EXTENSION = "oidc_server.readiness"
_PING_TIMEOUT_MS = 1000


@dataclass(frozen=True)
class Check:
    """The outcome of one check: ``problem`` is None when all is well."""

    name: str
    problem: str | None


@dataclass(frozen=True)
class Mail:
    """How it stands with mail: ``ok``, ``degraded``, ``off`` or ``unknown``; ``late`` when something waits too long."""

    status: str
    late: bool


UNKNOWN = Mail("unknown", late=False)


class Readiness:
    """Runs the checks, and knows whether the process is draining."""

    def __init__(self, ring: KeyRing, settings: Settings, *, sends_mail: bool) -> None:
        # Its own connection: neither a busy pool nor a database that hangs may hold up an answer.
        self._engine = make_engine(settings.database_url, pool_size=1, statement_timeout_ms=_PING_TIMEOUT_MS)
        self._ring = ring
        self._sends_mail = sends_mail
        self._skew_bound = settings.clock_skew_bound
        self._schema_is_current = False
        self.is_draining: Callable[[], bool] = lambda: False

    def checks(self) -> list[Check]:
        """Each dependency, checked now."""
        try:
            skew = self._skew()
        except Exception as error:
            away = f"({type(error).__name__})"
            return [
                Check("database", f"it does not answer {away}"),
                Check("migrations", None if self._schema_is_current else f"the schema cannot be read {away}"),
                Check("keys", self._keys()),
                Check("clock", f"the database's clock cannot be read {away}"),
            ]
        return [
            Check("database", None),
            Check("migrations", self._migrations()),
            Check("keys", self._keys()),
            Check("clock", self._clock(skew)),
        ]

    def problems(self) -> list[Check]:
        """The checks that failed; ``draining`` is one of them while the server stops."""
        if self.is_draining():
            return [Check("draining", "the server is stopping")]
        return [check for check in self.checks() if check.problem is not None]

    def mail(self) -> Mail:
        """How it stands with mail. The server works without it, so readiness does not ask."""
        try:
            with self._engine.connect() as connection:
                late = state.is_late(connection)
        except Exception:  # whatever keeps the database from answering is among the checks
            return UNKNOWN
        if not self._sends_mail:
            return Mail("off", late=late)
        return Mail("degraded" if late else "ok", late=late)

    def _skew(self) -> float:
        """Asks the database for its time; the seconds by which this host's clock differs from it. SQLite has ours."""
        with self._engine.connect() as connection:
            if self._engine.dialect.name != "postgresql":
                connection.execute(text("SELECT 1"))
                return 0.0
            theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return abs((clock.now() - theirs.astimezone(UTC)).total_seconds())

    def _migrations(self) -> str | None:
        """Asked until the answer is yes; a schema does not go back under a running server."""
        if self._schema_is_current:
            return None
        try:
            self._schema_is_current = schema.suffices(self._engine)
        except Exception as error:
            return f"the schema cannot be read ({type(error).__name__})"
        return None if self._schema_is_current else "the schema is not current: run `oidc-server db upgrade`"

    def _keys(self) -> str | None:
        try:
            self._ring.check()
        except Unavailable as error:
            return f"{error.reason.value}: {error.reason.mend}"
        return None

    def _clock(self, skew: float) -> str | None:
        """Codes and tokens of several hosts must agree on the time."""
        if skew > self._skew_bound:
            return f"it differs from the database's by {skew:.0f} s ({self._skew_bound} s at most): synchronise it"
        return None
