"""Guessing API keys: unknown ones are counted by address, and a good one from the same address is not in the way."""

from __future__ import annotations

from datetime import timedelta

from oidc_server.core import clock, crypto
from oidc_server.core.limit_rules import UNKNOWN_API_KEYS
from tests.clients.api_key_makers import KeyedServer


def unknown() -> str:
    """A key that nobody has."""
    return f"oidc_{'A' * 8}_{crypto.new_secret()}"


def use_up(keyed: KeyedServer, address: str) -> None:
    """Send as many unknown keys from an address as are answered; half of them do not even look like keys."""
    for number in range(UNKNOWN_API_KEYS.amount):
        assert keyed.status(unknown() if number % 2 else "guess", address=address) == 401


def test_unknown_keys_are_refused_beyond_the_limit_and_a_good_one_still_passes(keyed: KeyedServer) -> None:
    key = keyed.make()
    use_up(keyed, "198.51.100.7")
    refused = keyed.call(unknown(), address="198.51.100.7")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert keyed.status(key.secret, address="198.51.100.7") == 200
    assert keyed.status(unknown(), address="198.51.100.8") == 401
    clock.travel(timedelta(seconds=61))
    assert keyed.status(unknown(), address="198.51.100.7") == 401


def test_addresses_of_one_ipv6_network_count_as_one(keyed: KeyedServer) -> None:
    use_up(keyed, "2001:db8:0:1::1")
    assert keyed.status(unknown(), address="2001:db8:0:1:ffff::2") == 429
    assert keyed.status(unknown(), address="2001:db8:0:2::1") == 401


def test_a_key_that_was_good_once_is_not_a_guess(keyed: KeyedServer) -> None:
    revoked, bound = keyed.make(), keyed.make(networks=["192.0.2.0/24"])
    keyed.revoke(revoked)
    for _ in range(UNKNOWN_API_KEYS.amount // 2 + 1):
        assert [keyed.status(key.secret) for key in (revoked, bound)] == [401, 401]
    assert keyed.status(unknown()) == 401
