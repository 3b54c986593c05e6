"""Many who do the same at the same moment, each on a database connection of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Barrier

from oidc_server.core.database import Database
from oidc_server.core.limit_rules import MFA_ATTEMPTS
from oidc_server.core.limits import Limits
from oidc_server.mfa.factors import SecondFactors
from oidc_server.users.passwords import HashingGate, Passwords

_TIMEOUT_MS = 20_000


@contextmanager
def connected(factors: SecondFactors, url: str, count: int, *, limited: bool = False) -> Iterator[SecondFactors]:
    """The same second factors on so many connections, all of which may hash; unless ``limited``, any number of attempts
    is looked at."""
    database = Database.open(url, pool_size=2 * count + 2, statement_timeout_ms=_TIMEOUT_MS)
    amounts = {} if limited else {rule.name: 10_000 for rule in MFA_ATTEMPTS}
    limits = Limits(database.engine, amounts=amounts)
    try:
        passwords = Passwords(4, HashingGate(2, count))
        yield replace(factors, database=database, limits=limits, passwords=passwords)
    finally:
        database.dispose()


def at_once(count: int, act: Callable[[int], object]) -> list[object]:
    """What became of each: what it gave, or the exception that it raised."""
    barrier = Barrier(count)

    def one(number: int) -> object:
        barrier.wait(timeout=30)
        try:
            return act(number)
        except Exception as error:  # whatever it is, the test looks at it
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
