"""What holds for every page: axe finds nothing, it fits on a phone, nobody else is asked for anything, and it cannot be
framed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser

from tests.browser.accessibility import violations, violations_of_color
from tests.browser.people import DESKTOP, PHONE, Person, arriving
from tests.browser.place import Place
from tests.browser.views import OF_THOSE_WHO_ARE_SIGNED_IN, VIEWS

pytestmark = pytest.mark.slow

WORDY = (
    "password-wrong", "consent-to-more", "choose-account", "sign-out", "no-cookies", "account", "account-profile-wrong",
    "account-email", "account-sessions", "account-apps", "account-activity", "account-close", "register-wrong",
    "confirm-elsewhere", "change-address", "undo-change", "link-refused", "security", "security-method",
    "security-add", "security-add-totp", "security-add-passkey", "security-new-codes", "second-factor-wrong",
    "second-factor-sent-too-often", "enrol", "enrol-app",
)  # fmt: skip
_TOO_SMALL = """() => [...document.querySelectorAll("a, button, textarea, input:not([type=hidden])")]
  .map(element => [element.outerHTML, element.getBoundingClientRect()])
  .filter(([_, box]) => box.width < 24 || box.height < 24)
  .map(([html]) => html)"""
_BACKGROUND = "getComputedStyle(document.documentElement).backgroundColor"


@pytest.fixture(scope="session")
def seeing(
    chromium: Browser, place_on: Callable[[str], Place], signed_in_already: dict[str, Any]
) -> Iterator[Callable[[str, str], Person]]:
    """Somebody who sees a page in a language. They only look, so that all tests can look over their shoulder."""
    people: dict[tuple[str, str], Person] = {}
    with ExitStack() as stack:

        def see(view: str, locale: str) -> Person:
            if (view, locale) not in people:
                place = place_on("sqlite")
                app = place.app(policy_uri="https://notes.example/privacy", tos_uri="https://notes.example/terms")
                before = signed_in_already if view in OF_THOSE_WHO_ARE_SIGNED_IN else {}
                person = stack.enter_context(arriving(chromium, place, app=app, locale=locale, **before))
                VIEWS[view](person)
                people[view, locale] = person
            return people[view, locale]

        yield see


@pytest.fixture(params=VIEWS)
def onlooker(request: pytest.FixtureRequest, seeing: Callable[[str, str], Person]) -> Person:
    """Who sees a page in English; the test runs for each page."""
    return seeing(request.param, "en")


def frame_of(place: Place, address: str) -> str:
    """A page that frames another one. It is of the same site, so that all cookies are sent."""
    return f"{place.app_site.same_site_url}/frame?{urlencode({'address': address})}"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_in_light_and_in_dark(onlooker: Person, viewport: dict[str, int]) -> None:
    page = onlooker.page
    page.set_viewport_size(viewport)  # type: ignore[arg-type]
    backgrounds = set()
    for scheme, look in (("light", violations), ("dark", violations_of_color)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        backgrounds.add(page.evaluate(_BACKGROUND))
        assert look(page) == "", scheme
    assert len(backgrounds) == 2


@pytest.mark.parametrize(("view", "locale"), [*((view, "en") for view in VIEWS), *((view, "de") for view in WORDY)])
def test_it_fits_on_a_narrow_phone_and_fingers_find_everything(
    seeing: Callable[[str, str], Person], view: str, locale: str
) -> None:
    person = seeing(view, locale)
    person.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert person.page.get_attribute("html", "lang") == locale
    assert person.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert person.page.evaluate(_TOO_SMALL) == []


def test_it_asks_nobody_else_for_anything_f23(onlooker: Person) -> None:
    site = onlooker.place.app_site
    loaded = [request for request in onlooker.requests if not request.startswith((site.url, site.same_site_url))]
    assert f"{onlooker.place.url}/static/pages.css" in loaded
    assert [request for request in loaded if not request.startswith(f"{onlooker.place.url}/")] == []
    assert {arrival.referrer for arrival in site.arrivals} <= {None}


def test_it_cannot_be_framed_f06(onlooker: Person) -> None:
    page = onlooker.page.context.new_page()
    page.goto(frame_of(onlooker.place, onlooker.page.url))
    assert page.frames[1].url.startswith("chrome-error:")
    page.close()
    assert any("frame-ancestors 'none'" in complaint for complaint in onlooker.complaints)


def test_what_allows_it_can_be_framed(chromium: Browser, place: Place) -> None:
    with chromium.new_page() as page:
        page.goto(frame_of(place, place.app_site.same_site_url))
        assert page.frames[1].inner_text("h1") == "Welcome back"


def test_its_policy_hinders_nothing_of_its_own(onlooker: Person) -> None:
    assert [complaint for complaint in onlooker.complaints if "frame-ancestors" not in complaint] == []
