"""People with an account, each in front of a browser of their own, who were sent to the server by an app."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, Response

from tests.app_login import App
from tests.browser.app_site import Arrival
from tests.browser.place import Place
from tests.relying_party import TestUser

DESKTOP = {"width": 960, "height": 720}
PHONE = {"width": 360, "height": 740}


@dataclass
class Person:
    """``requests`` is everything that the browser asked anybody for, and ``complaints`` what the policy of a page
    made it refuse."""

    place: Place
    page: Page
    user: TestUser
    app: App
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    # Going somewhere

    def open(self, path: str) -> Response:
        """Open an address of the server."""
        response = self.page.goto(self.place.url + path)
        assert response is not None
        return response

    def ask(self, **parameters: str | None) -> None:
        """Be sent to the server by the app."""
        self.page.goto(self.place.address(self.app, **parameters))

    def sign_in(self, login: str | None = None, password: str | None = None) -> None:
        """Fill in the sign-in page and send it; what is not told is the truth."""
        self.page.fill("#login", self.user.email if login is None else login)
        self.page.fill("#password", self.user.password if password is None else password)
        self.press("continue")

    def press(self, button: str) -> None:
        """Press a button by its id, and see what comes then."""
        with self.page.expect_navigation():
            self.page.click(f"#{button}")

    def leave(self) -> None:
        """Leave the browser to the next one as if it were new."""
        self.page.unroute_all()
        self.page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
        self.page.emulate_media(color_scheme="light")
        self.page.context.clear_cookies()
        self.requests.clear()
        self.complaints.clear()

    def ask_to_sign_out(self) -> None:
        """Be sent to the server's logout by the app, which brings no hint."""
        self.app.state = secrets.token_urlsafe(8)
        client_id, back = self.app.client.client_id, self.place.app_site.goodbye
        self.open(f"/oauth/logout?client_id={client_id}&post_logout_redirect_uri={back}&state={self.app.state}")

    # Looking

    @property
    def heading(self) -> str:
        """The heading of the page."""
        return self.page.inner_text("h1")

    @property
    def words(self) -> str:
        """Everything that can be read on the page."""
        return self.page.inner_text("body")

    def element(self, identifier: str) -> Locator:
        """An element of the page by its id."""
        return self.page.locator(f"#{identifier}")

    def arrival(self, state: str | None = None) -> Arrival:
        """How the person came back to the app, with the state of its latest request or another one."""
        site = self.place.app_site
        self.page.wait_for_url(f"{site.url}/**")
        assert self.heading == "Welcome back"
        return next(one for one in site.arrivals if one.parameters.get("state") == (state or self.app.state))

    @property
    def answer(self) -> dict[str, str]:
        """What the app was told when the person came back."""
        return self.arrival().parameters


@contextmanager
def arriving(
    browser: Browser, place: Place, *, app: App | None = None, user: TestUser | None = None, **options: Any
) -> Iterator[Person]:
    """Somebody with a browser that knows nothing; ``options`` are those of Playwright's contexts."""
    options = {"viewport": DESKTOP} | options
    with browser.new_context(**options) as context:
        yield in_front_of(context, place, app=app, user=user)


def in_front_of(
    context: BrowserContext, place: Place, *, app: App | None = None, user: TestUser | None = None
) -> Person:
    """Somebody at a browser that runs: somebody new, unless it is said who."""
    context.set_default_timeout(15_000)
    person = Person(place, context.new_page(), user or place.user(), app or place.app())

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            person.complaints.append(message.text)

    def count(request: Request) -> None:
        person.requests.append(request.url)

    context.on("console", note)
    context.on("request", count)
    return person
