"""Each recipe of `examples/verify` gives every token the verdict that RFC 9068 §4 and RFC 8725 ask for.

The recipes are processes of their own with clocks of their own, so where a cool-down has to pass, these tests ask again
until it has.
"""

import time

import pytest
from joserfc.jwk import RSAKey

from tests.examples.issuer import DISCOVERY, JWKS, Issuer
from tests.examples.recipes import Verifier
from tests.examples.tokens import ACCEPTED, AUDIENCE, INVALID, SCOPE, access_token, claims, table

UNAVAILABLE = "temporarily_unavailable"
SHORT_SECONDS = 0.4  # for what has to pass while a test waits: a cool-down, or the age of a key set


def start(recipe: list[str], issuer: str, max_age: float = 300, cooldown: float = 30) -> Verifier:
    return Verifier(
        recipe,
        ISSUER=issuer,
        AUDIENCE=AUDIENCE,
        SCOPE=SCOPE,
        JWKS_MAX_AGE=str(max_age),
        JWKS_COOLDOWN=str(cooldown),
    )


def verdict_after(verifier: Verifier, token: str, before: str) -> str:
    """The first verdict on this token that is not `before`."""
    deadline = time.monotonic() + 15
    while (verdict := verifier.verdict(token)) == before:
        assert time.monotonic() < deadline, f"the verdict is still {before}"
        time.sleep(0.05)
    return verdict


def test_every_token_gets_its_verdict(recipe: list[str], issuer: Issuer, key: RSAKey, stranger: RSAKey) -> None:
    """E01 E02 E03 E04 E05 E12 E14, seen from a resource server."""
    cases = table(issuer.url, key, stranger)
    with start(recipe, issuer.url) as verifier:
        given = {name: verifier.verdict(token) for name, (token, _) in cases.items()}
        status = verifier.finish()
    assert given == {name: verdict for name, (_, verdict) in cases.items()}
    assert status == 1
    # The unknown key ids came within the cool-down of the first fetch, and `jku` and `x5u` led nowhere.
    assert {path: issuer.asked_for(path) for path in (DISCOVERY, JWKS, "/evil")} == {DISCOVERY: 1, JWKS: 1, "/evil": 0}


def test_the_algorithm_is_fixed_also_when_the_key_set_does_not_name_it(
    recipe: list[str], issuer: Issuer, key: RSAKey, stranger: RSAKey
) -> None:
    """E01 E02 E03: `alg` is an optional member of a key (RFC 7517 §4.4)."""
    issuer.names_algorithm = False
    cases = table(issuer.url, key, stranger)
    with start(recipe, issuer.url) as verifier:
        given = {name: verifier.verdict(token) for name, (token, _) in cases.items()}
    assert given == {name: verdict for name, (_, verdict) in cases.items()}


def test_the_verified_claims_are_printed_and_the_exit_status_is_zero(
    recipe: list[str], issuer: Issuer, key: RSAKey
) -> None:
    issued = claims(issuer.url, scope=f"{SCOPE} openid", name="Zoë")
    with start(recipe, issuer.url) as verifier:
        assert verifier.answer(access_token(issuer.url, key, **issued)) == issued
        assert verifier.finish() == 0, verifier.complaints()


def test_every_word_of_the_required_scope_is_needed(recipe: list[str], issuer: Issuer, key: RSAKey) -> None:
    with Verifier(recipe, ISSUER=issuer.url, AUDIENCE=AUDIENCE, SCOPE=f"{SCOPE} orders:write") as verifier:
        assert verifier.verdict(access_token(issuer.url, key)) == "insufficient_scope"
        assert verifier.verdict(access_token(issuer.url, key, scope=f"orders:write {SCOPE}")) == ACCEPTED


def test_a_rotated_key_is_accepted_and_unknown_ones_cost_one_fetch_per_cool_down(
    recipe: list[str], issuer: Issuer, key: RSAKey, next_key: RSAKey, stranger: RSAKey
) -> None:
    """E14 E16: also while the issuer is down, and then the keys at hand stay in use."""
    old, new = access_token(issuer.url, key), access_token(issuer.url, next_key)
    unknown = access_token(issuer.url, stranger)
    began = time.monotonic()
    with start(recipe, issuer.url, cooldown=SHORT_SECONDS) as verifier:
        assert (verifier.verdict(old), verifier.verdict(new)) == (ACCEPTED, INVALID)
        issuer.keys = [key, next_key]
        assert verdict_after(verifier, new, INVALID) == ACCEPTED
        issuer.available = False
        assert verdict_after(verifier, unknown, INVALID) == UNAVAILABLE
        assert {verifier.verdict(unknown) for _ in range(100)} == {UNAVAILABLE}
        assert (verifier.verdict(old), verifier.verdict(new)) == (ACCEPTED, ACCEPTED)
    assert issuer.asked_for(JWKS) <= 1 + (time.monotonic() - began) / SHORT_SECONDS


def test_a_key_that_was_taken_back_is_refused_when_the_cached_set_is_too_old(
    recipe: list[str], issuer: Issuer, key: RSAKey, next_key: RSAKey
) -> None:
    """E18: a resource server learns of it no later than the age it allows its key set."""
    old, new = access_token(issuer.url, key), access_token(issuer.url, next_key)
    with start(recipe, issuer.url, max_age=SHORT_SECONDS) as verifier:
        assert verifier.verdict(old) == ACCEPTED
        issuer.keys = [next_key]
        assert verdict_after(verifier, old, ACCEPTED) == INVALID
        assert verifier.verdict(new) == ACCEPTED
        issuer.available = False
        assert verdict_after(verifier, new, ACCEPTED) == UNAVAILABLE
        issuer.available = True
        assert verdict_after(verifier, new, UNAVAILABLE) == ACCEPTED


def test_a_discovery_document_of_another_issuer_is_refused(recipe: list[str], key: RSAKey) -> None:
    with (
        Issuer([key], claimed_issuer="https://other.example") as impostor,
        start(recipe, impostor.url) as verifier,
    ):
        assert verifier.finish() == 1
        assert "https://other.example" in verifier.complaints()
        assert impostor.asked_for(JWKS) == 0


@pytest.mark.parametrize("address", ["http://issuer.example", "http://127.0.0.1.evil.example", "file:///etc"])
def test_an_issuer_that_is_neither_https_nor_loopback_is_refused(recipe: list[str], address: str) -> None:
    with start(recipe, address) as verifier:
        assert verifier.finish() == 1
        assert "neither https nor on the loopback interface" in verifier.complaints()
