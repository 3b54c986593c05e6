"""Any order of operations, processes, crashes and clock jumps: E16, E18, I3 and I5 on every store."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from oidc_server.keys.lifecycle import Policy
from oidc_server.keys.store import KeyStore
from tests.keys.key_ring_machine import KeyRingMachine

BOUNDED = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.mark.slow
def test_whatever_is_done_in_whatever_order_every_living_token_verifies_and_one_key_signs(
    open_store: Callable[[], KeyStore], policy: Policy
) -> None:
    """E16, E18, I3, I5"""
    reader = open_store()

    class Machine(KeyRingMachine):
        def __init__(self) -> None:
            with reader.changing() as changes:
                for key in changes.load():
                    changes.delete(key.record.kid)
            super().__init__(reader, open_store, policy)

    run_state_machine_as_test(Machine, settings=BOUNDED)
