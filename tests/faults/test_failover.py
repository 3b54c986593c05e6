"""The primary database is lost, and a standby that had to confirm every commit takes over. Both are in one address."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from oidc_server.core import clock
from oidc_server.core.database import make_engine
from tests.faults.history import Caller, History, load
from tests.faults.installation import (
    Chain,
    Installation,
    all_workers,
    client_credentials,
    documents,
    installation,
    introspection,
)
from tests.faults.postgresql import OwnPostgreSQL
from tests.faults.recovery import (
    NO_DATABASE,
    READY,
    UNREADY_WITHIN,
    assert_recovered,
    assert_went_on,
    first_unready,
)
from tests.faults.standby import Standby, either_url, synchronous_standby
from tests.faults.town import Town, assert_refused
from tests.relying_party import TestClient, error

pytestmark = pytest.mark.slow

Figures = Callable[[str], None]
HAPPENS_WITHIN = 20.0


@pytest.fixture
def standby(primary: OwnPostgreSQL) -> Iterator[Standby]:
    with synchronous_standby(primary) as server:
        yield server


def assert_used_tokens_stay_used(site: Installation, web: TestClient, chain: Chain, caller: Caller) -> None:
    """A token whose successor was used is no good, and after the grace window it ends the grant."""
    for token in chain.spent[:-1:5]:
        assert_refused(Chain(web, token).refresh(caller))
    assert chain.refresh(caller).status == 200
    clock.travel(timedelta(seconds=site.settings.refresh_grace + 60))  # for the owner, not for the server
    assert error(site.owner.refresh(web, chain.spent[0])) == (400, "invalid_grant")
    clock.reset()
    assert_refused(chain.refresh(caller))


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + HAPPENS_WITHIN
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def assert_noticed(history: History, killed: float, promoting: float) -> None:
    """From soon after the kill until the promotion the server is not ready: a standby is nothing to work with."""
    history.assert_failures_are_clean()
    assert_went_on(history, *NO_DATABASE, since=killed)
    unready = first_unready(history, killed)
    assert unready - killed < UNREADY_WITHIN
    assert set(history.statuses("ready", since=unready, until=promoting - 0.5)) == {503}


def test_nothing_acknowledged_is_lost_when_a_synchronous_standby_takes_over_x07(
    primary: OwnPostgreSQL, standby: Standby, tmp_path: Path, figures: Figures
) -> None:
    """All processes of the primary die at once; the standby, which nobody may write to before, takes its place."""
    history = History()
    with (
        installation(tmp_path, either_url(primary, standby)) as site,
        site.serving(client_cache_seconds=60) as server,
    ):
        town, service, workers = Town(site), site.owner.client(), all_workers(server, 2)
        chains = [Chain(town.app, site.owner.sign_in(town.app, site.owner.user())["refresh_token"]) for _ in range(6)]
        asking = introspection(service, site.owner.token(service).get_json()["access_token"])
        everywhere = [client_credentials(service), asking]
        with load(server.url, History(), *everywhere * 4, keep_alive=False):
            time.sleep(0.5)
        refreshing = [chain.keep_on for chain in chains]
        with (
            load(server.url, history, *documents(), *everywhere, READY, *refreshing, pause=0.1),
            load(server.url, history, town.register, pause=0.6),
            load(server.url, history, town.visit, pause=0.1),
        ):
            wait_for(lambda: len(town.signed_out) > 1)
            killed = time.monotonic()
            primary.kill_all()
            before = len(town.registered)
            wait_for(lambda: 503 in history.statuses("ready", since=killed))
            time.sleep(2)
            promoting = time.monotonic()
            standby.promote()
            promoted = time.monotonic()
            server.wait_until_ready()
            time.sleep(2)
        figures(f"promoted within {promoted - promoting:.2f} s\n{history.describe(since=killed)}")
        assert_noticed(history, killed, promoting)
        assert before < len(town.registered), "nobody could be registered on the new primary"
        assert_recovered(history, server, promoted, chains)
        assert all_workers(server, 2) == workers
        with closing(Caller(server.url, History())) as caller:
            town.assert_nothing_was_lost(caller)
            town.assert_what_ended_stays_ended(caller)
            for chain in chains:
                assert_used_tokens_stay_used(site, town.app, chain, caller)


def test_a_standby_is_no_substitute_for_a_primary_that_is_away_x07(primary: OwnPostgreSQL, standby: Standby) -> None:
    """Neither when it is the first in the address, nor while the primary restarts: the pool would keep it for good."""
    engine = make_engine(either_url(standby, primary), pool_size=1, statement_timeout_ms=3000)

    def at_the_standby() -> bool:
        with engine.connect() as connection:
            return bool(connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one())

    try:
        assert not at_the_standby()
        primary.kill()
        time.sleep(1.1)  # a connection that was just used is lent without a ping
        with pytest.raises(OperationalError, match="failed"):
            at_the_standby()
        primary.start()
        assert not at_the_standby()
    finally:
        engine.dispose()
