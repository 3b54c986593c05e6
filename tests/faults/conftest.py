"""A PostgreSQL that can be broken, and an installation of the server on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.faults.installation import Installation, installation
from tests.faults.postgresql import OwnPostgreSQL, own_postgresql

FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes down what an experiment measured; it is printed at the end (when tests are not spread over processes)."""
    taken = request.config.stash.setdefault(FIGURES, [])

    def take(words: str) -> None:
        taken.append(f"{request.node.name}:\n{words}")
        request.node.user_properties.append(("figures", words))

    return take


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures."""
    for words in config.stash.get(FIGURES, []):
        terminalreporter.write_line(words)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[OwnPostgreSQL]:
    """A server of this folder's own: every test leaves it running and well."""
    with own_postgresql() as server:
        yield server


@pytest.fixture
def primary() -> Iterator[OwnPostgreSQL]:
    """A server of the test's own, for it is lost."""
    with own_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def site(postgresql: OwnPostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation on that server. Each test makes its own clients and users."""
    with installation(tmp_path_factory.mktemp("site"), postgresql.url()) as made:
        yield made
