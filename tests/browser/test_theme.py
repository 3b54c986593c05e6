"""A deployment's own looks: name, colour and logo by settings, and templates that take the place of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.accessibility import violations
from tests.browser.chromium import draw
from tests.browser.conftest import Arrive
from tests.browser.people import Person
from tests.browser.place import Place, running_place

pytestmark = pytest.mark.slow

LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="32"><rect width="64" height="32" fill="#0a7"/></svg>'
FOOT = """{% extends "oidc_server/pages/page.html" %}
{% block foot %}<p class="foot" id="imprint"><a href="https://harbour.example/">Imprint</a></p>{% endblock %}
"""
SIGNED_OUT = """{% extends "pages/page.html" %}
{% block title %}Ashore{% endblock %}
{% block content %}<h1>Ashore</h1><p>{{ explanation }}</p>{% endblock %}
"""
BACKGROUND = "element => getComputedStyle(element).backgroundColor"


@pytest.fixture(scope="module")
def harbour(
    chromium: Browser, make_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A server with a theme; its colour is one on which white could not be read."""
    folder = tmp_path_factory.mktemp("harbour")
    logo, templates = folder / "logo.svg", folder / "templates"
    logo.write_text(LOGO)
    for name, text in {"pages/page.html": FOOT, "accounts/signed_out.html": SIGNED_OUT}.items():
        (templates / name).parent.mkdir(parents=True)
        (templates / name).write_text(text)
    with running_place(
        folder, make_database("sqlite"),
        theme_name="Harbour", theme_color="#ffc400", theme_logo=logo, template_directory=templates,
    ) as place:  # fmt: skip
        yield place


@pytest.fixture
def visitor(arrive: Arrive, harbour: Place) -> Person:
    """Somebody at the server with a theme."""
    return arrive(place=harbour)


def test_the_name_and_the_logo_are_on_every_page_and_the_logo_is_shown(visitor: Person) -> None:
    visitor.ask()
    assert visitor.page.title() == "Sign in · Harbour"
    assert visitor.page.inner_text(".brand").strip() == "Harbour"
    logo = visitor.page.locator(".brand img")
    assert logo.evaluate("image => image.naturalWidth") == 64
    visitor.open("/oauth/authorize?client_id=nobody")
    assert visitor.page.title() == "The app cannot be used · Harbour"
    expect(logo).to_be_visible()


def test_the_colour_is_made_readable_in_light_and_in_dark(visitor: Person) -> None:
    button = visitor.element("continue")
    colours = []
    for scheme in ("light", "dark"):
        visitor.page.emulate_media(color_scheme=scheme)
        visitor.ask()
        colours.append(button.evaluate(BACKGROUND))
        assert violations(visitor.page) == ""
    assert colours[0] != colours[1] == "rgb(255, 196, 0)"


def test_a_template_of_the_deployment_takes_the_place_of_ours(visitor: Person) -> None:
    visitor.open("/signed-out")
    assert visitor.heading == "Ashore"
    assert "Apps that you use may still know you" in visitor.words


def test_a_template_can_extend_the_one_whose_place_it_takes(visitor: Person) -> None:
    visitor.ask()
    assert visitor.heading == "Sign in"
    expect(visitor.page.get_by_role("link", name="Imprint")).to_be_visible()
    visitor.sign_in()
    expect(visitor.page.get_by_role("link", name="Imprint")).to_be_visible()


def test_an_app_has_its_logo_from_this_server_f23(person: Person, chromium: Browser) -> None:
    person.app = person.place.app(logo=draw(chromium, LOGO, 48))
    person.ask()
    logo = person.page.locator(".client img")
    assert logo.evaluate("image => image.naturalWidth") == 48
    assert str(logo.evaluate("image => image.src")).startswith(f"{person.place.url}/logos/")
    assert "The name and logo of this app have not been verified." in person.words
    assert violations(person.page) == ""
