"""One browser process and one server for all tests of this folder; each test has a browser context of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import NOT_FOUND, find_chromium, running_chromium
from tests.browser.people import Person, arriving
from tests.browser.place import Place, running_place

Arrive = Callable[..., Person]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser. A test that needs it is skipped where there is none, and says so."""
    program = find_chromium()
    if program is None:
        pytest.skip(NOT_FOUND)
    with running_chromium(program) as browser:
        yield browser


@pytest.fixture(scope="session")
def place_on(
    chromium: Browser, make_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Place]]:
    """The place on a kind of database; each is made when it is first asked for, and never without a browser."""
    made: dict[str, Place] = {}
    with ExitStack() as stack:

        def place(kind: str) -> Place:
            if kind not in made:
                folder = tmp_path_factory.mktemp("place")
                made[kind] = stack.enter_context(running_place(folder, make_database(kind)))
            return made[kind]

        yield place


@pytest.fixture
def place(place_on: Callable[[str], Place]) -> Place:
    """Where most tests happen."""
    return place_on("sqlite")


@pytest.fixture(scope="session")
def signed_in_already(chromium: Browser, place_on: Callable[[str], Place]) -> dict[str, Any]:
    """Who has signed in at ``place``, and what their browser keeps of it: for those who need not see how. They come
    with an app of their own each time; as others share the session, nobody may end it."""
    with arriving(chromium, place_on("sqlite")) as person:
        person.ask()
        person.sign_in()
        return {"user": person.user, "storage_state": person.page.context.storage_state()}


@pytest.fixture
def arrive(chromium: Browser, place: Place) -> Iterator[Arrive]:
    """Brings somebody new. In the end, no page may have been hindered by its own policy."""
    with ExitStack() as stack:
        arrived: list[Person] = []

        def one_more(**options: Any) -> Person:
            arrived.append(stack.enter_context(arriving(chromium, options.pop("place", place), **options)))
            return arrived[-1]

        yield one_more
        assert [complaint for person in arrived for complaint in person.complaints] == []


@pytest.fixture
def person(arrive: Arrive) -> Person:
    """Somebody new at a desktop."""
    return arrive()


@pytest.fixture
def known(arrive: Arrive, signed_in_already: dict[str, Any]) -> Person:
    """Somebody at a desktop who has signed in before, and has allowed this app nothing yet."""
    return arrive(**signed_in_already)
