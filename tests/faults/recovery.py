"""What has to hold during every fault of the database and after it, seen from the clients."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from sqlalchemy import create_engine, text

from oidc_server.core.database import engine_url
from tests.faults.history import HANG_SECONDS, Caller, History
from tests.faults.installation import DOCUMENTS, Chain, Installation, get
from tests.relying_party import TestClient
from tests.running import RunningServer

NO_DATABASE = (*DOCUMENTS, "client_credentials")
UNREADY_WITHIN, READY_WITHIN = 5.0, 10.0
READY = get("ready", "/health/ready")


def assert_went_on(history: History, *operations: str, since: float, until: float = float("inf")) -> None:
    """Every request was answered well, and but for one or two that met the fault first, within a second."""
    words = history.describe(*operations, since=since, until=until)
    for name in operations:
        assert set(history.statuses(name, since=since, until=until)) == {200}, words
        slow = [one.seconds for one in history.of(name, since=since, until=until) if one.seconds > 1]
        assert len(slow) <= 2, words
        assert max(slow, default=0) < HANG_SECONDS, words


def first_unready(history: History, fault: float) -> float:
    """When the first probe that the fault met was answered; it may have been under way when the fault began."""
    return min(one.ended for one in history.of("ready") if one.status == 503 and one.ended > fault)


def assert_recovered(history: History, server: RunningServer, ended: float, chains: list[Chain]) -> None:
    """It was ready again in time, nothing failed from then on, and nobody lost their grant."""
    refused = [one.ended for one in history.of("ready", since=ended) if one.status != 200]
    recovered = max(refused, default=ended)
    assert recovered - ended < READY_WITHIN
    later = history.statuses("ready", "refresh", *DOCUMENTS, since=recovered + 0.5)
    assert set(later) == {200}, history.describe(since=recovered)
    assert [chain.lost for chain in chains if chain.lost] == []
    with closing(Caller(server.url, history)) as caller:
        assert [chain.refresh(caller).status for chain in chains] == [200] * len(chains)


def assert_one_live_family_each(site: Installation, chains: list[Chain], client: TestClient) -> None:
    """Every grant is alive and has one token that was not used, the newest; none has a gap or a fork."""
    (grants,) = query(
        site.settings.database_url,
        f"SELECT count(*), count(revoked_at) FROM authorizations WHERE client_id = '{client.client_id}'",
    )
    assert grants == (len(chains), 0)
    families = query(
        site.settings.database_url,
        "SELECT count(*), count(DISTINCT generation), max(generation) + 1, count(*) - count(used_at),"
        " max(CASE WHEN used_at IS NULL THEN generation END) + 1 FROM refresh_tokens"
        f" WHERE authorization_id IN (SELECT id FROM authorizations WHERE client_id = '{client.client_id}')"
        " GROUP BY authorization_id",
    )
    assert len(families) == len(chains)
    for count, generations, expected, unused, last_unused in families:
        assert (count, generations, unused, last_unused) == (expected, expected, 1, expected)


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Rows, seen past the server."""
    engine = create_engine(engine_url(url))
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]
    finally:
        engine.dispose()
