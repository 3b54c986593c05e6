"""A ring without material or store, whose clock the test moves: what each operation plans, one after another."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from oidc_server.keys import planning
from oidc_server.keys.lifecycle import KeyRecord, Policy, State, signer
from oidc_server.keys.planning import NewKeyNeeded, Plan

T0 = datetime(2030, 1, 1, 12, tzinfo=UTC)
POLICY = Policy(
    jwks_max_age=timedelta(minutes=5), token_lifetime=timedelta(minutes=15), rotation_period=timedelta(days=90)
)
ALG = "RS256"
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
Planner = Callable[[list[KeyRecord], datetime, KeyRecord | None], Plan]


class Timeline:
    """A ring without material, whose clock the test moves. Keys are named k1, k2, ... in the order of their making."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.now = T0
        self.policy = policy
        self.records: dict[str, KeyRecord] = {}
        self.made = 0

    def do(self, planner: Planner) -> Plan:
        try:
            plan = planner(list(self.records.values()), self.now, None)
        except NewKeyNeeded as needed:
            self.made += 1
            spare = KeyRecord(kid=f"k{self.made}", alg=needed.alg, published_at=self.now)
            plan = planner(list(self.records.values()), self.now, spare)
        self.records = {record.kid: record for record in plan.records}
        return plan

    def ensure(self, alg: str = ALG) -> Plan:
        return self.do(lambda r, now, spare: planning.ensure_first_key(r, now, self.policy, alg, spare))

    def generate(self) -> Plan:
        return self.do(lambda r, now, spare: planning.generate(r, now, self.policy, ALG, spare))

    def rotate(self, *, immediately: bool = False, alg: str = ALG) -> Plan:
        return self.do(
            lambda r, now, spare: planning.rotate(r, now, self.policy, alg, immediately=immediately, spare=spare)
        )

    def activate(self, kid: str) -> Plan:
        return self.do(lambda r, now, _spare: planning.activate(r, now, self.policy, kid))

    def revoke(self, kid: str) -> Plan:
        return self.do(lambda r, now, spare: planning.revoke(r, now, self.policy, kid, spare))

    def prune(self) -> Plan:
        return self.do(lambda r, now, _spare: planning.prune(r, now, self.policy))

    def due(self) -> tuple[str, ...]:
        return planning.due(self.records.values(), self.now, self.policy)

    def signer(self, after: timedelta = timedelta(), alg: str = ALG) -> str | None:
        found = signer(self.records.values(), alg, self.now + after)
        return found.kid if found else None

    def state(self, kid: str) -> State:
        return self.records[kid].state(self.now)


def signing_for_a_day() -> Timeline:
    """A ring whose first key has signed for a day."""
    timeline = Timeline()
    timeline.ensure()
    timeline.now += DAY
    return timeline
