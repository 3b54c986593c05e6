"""Fixtures for the recipes of `examples/verify`: keys, an issuer, and each recipe ready to run."""

from collections.abc import Iterator

import pytest
from joserfc.jwk import RSAKey

from tests.examples import recipes
from tests.examples.issuer import Issuer, new_key


@pytest.fixture(scope="session")
def key() -> RSAKey:
    """The key that the issuer signs with."""
    return new_key()


@pytest.fixture(scope="session")
def next_key() -> RSAKey:
    """The key that the issuer signs with after a rotation."""
    return new_key()


@pytest.fixture(scope="session")
def stranger() -> RSAKey:
    """A key that the issuer never publishes."""
    return new_key()


@pytest.fixture
def issuer(key: RSAKey) -> Iterator[Issuer]:
    """An issuer that publishes `key`."""
    with Issuer([key]) as running:
        yield running


@pytest.fixture(scope="session", params=["python", "node", "go", "java"])
def recipe(request: pytest.FixtureRequest) -> list[str]:
    """The command line of a recipe, in each language that can be had here."""
    return recipes.command(request.param)
