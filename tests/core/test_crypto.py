"""Secrets, and boxes that only the right key opens, in the right place."""

import pytest

from oidc_server.core import crypto
from oidc_server.core.crypto import Sealer, UnsealError

OLD, NEW = "first master key, long enough for tests", "second master key, long enough for tests"


def test_a_secret_has_256_bits_and_no_two_are_alike() -> None:
    made = {crypto.new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(len(secret) == 43 for secret in made)


def test_bytes_have_one_spelling_in_base64url() -> None:
    for length in range(70):
        value = bytes(range(250 - length, 250))
        assert crypto.from_urlsafe(crypto.urlsafe(value)) == value
    for other in ("a", "QUI=", "QUJ", "Q UI", "QUI\n", "+/+/", "QU\u0130", "QUI\ud800", "QU.I", "QUI=AAAA"):
        with pytest.raises(ValueError, match=r"."):
            crypto.from_urlsafe(other)


def test_keys_for_different_purposes_differ() -> None:
    assert crypto.derive(OLD, "a") != crypto.derive(OLD, "b") != crypto.derive(NEW, "b")
    assert crypto.derive(OLD, "a") == crypto.derive(OLD, "a")


def test_what_is_sealed_opens_again_and_never_looks_the_same_twice() -> None:
    sealer = Sealer(OLD)
    first, second = sealer.seal(b"private", "kid"), sealer.seal(b"private", "kid")
    assert first != second
    assert b"private" not in first.encode()
    assert sealer.unseal(first, "kid") == sealer.unseal(second, "kid") == b"private"


def test_a_box_does_not_open_elsewhere_or_altered() -> None:
    sealer = Sealer(OLD)
    box = sealer.seal(b"private", "kid")
    flipped = box[:-1] + ("A" if box[-1] != "A" else "B")
    for other, context in ((box, "another kid"), (flipped, "kid"), (box[:-8], "kid"), ("v1.x.y", "kid"), ("", "kid")):
        with pytest.raises(UnsealError):
            sealer.unseal(other, context)
    with pytest.raises(UnsealError, match="not configured"):
        Sealer(NEW).unseal(box, "kid")


def test_the_master_key_can_be_replaced() -> None:
    box = Sealer(OLD).seal(b"private", "kid")
    replaced = Sealer(NEW, (OLD,))
    assert replaced.unseal(box, "kid") == b"private"
    assert not replaced.is_current(box)
    assert replaced.is_current(replaced.seal(b"private", "kid"))
