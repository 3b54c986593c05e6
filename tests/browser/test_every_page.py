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


ENGLISH = [(view, "en") for view in VIEWS]
in_english = pytest.mark.parametrize("onlooker", ENGLISH, ids=VIEWS, indirect=True)
in_both_languages = pytest.mark.parametrize(
    "onlooker", ENGLISH + [(view, "de") for view in WORDY], ids="-".join, indirect=True
)


@pytest.fixture(scope="session")
def windows(
    chromium: Browser, place_on: Callable[[str], Place], signed_in_already: dict[str, Any]
) -> Iterator[Callable[[str], Person]]:
    """One browser for each language, in front of which one sits after the other: to open one takes longer than to look
    at a page."""
    people: dict[str, Person] = {}
    with ExitStack() as stack:

        def window(locale: str) -> Person:
            if locale not in people:
                arrival = arriving(chromium, place_on("sqlite"), locale=locale, user=signed_in_already["user"])
                people[locale] = stack.enter_context(arrival)
            return people[locale]

        yield window


@pytest.fixture(scope="module")
def onlooker(
    request: pytest.FixtureRequest, windows: Callable[[str], Person], signed_in_already: dict[str, Any]
) -> Person:
    """Somebody who sees a page in a language. They only look, so that all tests can look over their shoulder: pytest
    runs those of one page one after the other."""
    view, locale = request.param
    person = windows(locale)
    person.leave()
    links = {"policy_uri": "https://notes.example/privacy", "tos_uri": "https://notes.example/terms"}
    person.app = person.place.app(**links)
    if view in OF_THOSE_WHO_ARE_SIGNED_IN:
        person.user = signed_in_already["user"]
        person.page.context.add_cookies(signed_in_already["storage_state"]["cookies"])
    else:
        person.user = person.place.user()
    VIEWS[view](person)
    return person


def frame_of(place: Place, address: str) -> str:
    """A page that frames another one. It is of the same site, so that all cookies are sent."""
    return f"{place.app_site.same_site_url}/frame?{urlencode({'address': address})}"


@in_english
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


@in_both_languages
def test_it_fits_on_a_narrow_phone_and_fingers_find_everything(
    onlooker: Person, request: pytest.FixtureRequest
) -> None:
    page, (_, locale) = onlooker.page, request.node.callspec.params["onlooker"]
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert page.get_attribute("html", "lang") == locale
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate(_TOO_SMALL) == []


@in_english
def test_it_asks_nobody_else_for_anything_f23(onlooker: Person) -> None:
    site = onlooker.place.app_site
    loaded = [request for request in onlooker.requests if not request.startswith((site.url, site.same_site_url))]
    assert f"{onlooker.place.url}/static/pages.css" in loaded
    assert [request for request in loaded if not request.startswith(f"{onlooker.place.url}/")] == []
    assert {arrival.referrer for arrival in site.arrivals} <= {None}


@in_english
def test_it_cannot_be_framed_f06(onlooker: Person) -> None:
    context = onlooker.page.context
    beside = context.pages[1] if len(context.pages) > 1 else context.new_page()
    beside.goto(frame_of(onlooker.place, onlooker.page.url))
    assert beside.frames[1].url.startswith("chrome-error:")
    assert any("frame-ancestors 'none'" in complaint for complaint in onlooker.complaints)


def test_what_allows_it_can_be_framed(chromium: Browser, place: Place) -> None:
    with chromium.new_page() as page:
        page.goto(frame_of(place, place.app_site.same_site_url))
        assert page.frames[1].inner_text("h1") == "Welcome back"


@in_english
def test_its_policy_hinders_nothing_of_its_own(onlooker: Person) -> None:
    assert [complaint for complaint in onlooker.complaints if "frame-ancestors" not in complaint] == []
