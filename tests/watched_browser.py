"""A browser that keeps every answer that it got, redirects included, and a walk over all pages of the server."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.http import parse_options_header
from werkzeug.test import TestResponse

from tests.app_login import App
from tests.browsing import Browser
from tests.relying_party import TestUser


class WatchedBrowser(Browser):
    """A browser with a memory."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        self.answers: list[TestResponse] = []
        ask = self.http.open

        def ask_and_keep(*arguments: Any, **more: Any) -> TestResponse:
            answer = ask(*arguments, **more)
            self.answers.append(answer)
            return answer

        self.http.open = ask_and_keep  # type: ignore[method-assign]

    @property
    def pages(self) -> list[TestResponse]:
        """The answers that were pages."""
        return [
            answer for answer in self.answers if answer.mimetype == "text/html" and "Location" not in answer.headers
        ]

    @property
    def redirects(self) -> list[TestResponse]:
        """The answers that led on."""
        return [answer for answer in self.answers if "Location" in answer.headers]

    def cookie_attributes(self) -> list[tuple[str, dict[str, str]]]:
        """Each cookie that was set: its name, and its attributes in lower case."""
        found = []
        for line in (line for answer in self.answers for line in answer.headers.getlist("Set-Cookie")):
            (name, _, _), *attributes = (part.strip().partition("=") for part in line.split(";"))
            found.append((name, {key.lower(): value for key, _, value in attributes}))
        return found


def see_every_page(browser: WatchedBrowser, app: App, user: TestUser) -> dict[str, Any]:
    """Go through everything that a person can meet; the tokens of the login."""
    page = app.open(browser, scope="openid profile email")
    browser.sign_in(page, user.email, "a wrong password")
    consent = browser.sign_in(page, user.email, user.password)
    assert consent.path.startswith("/consent")
    tokens = app.tokens(browser.press(consent, "allow"))
    chooser = app.open(browser, prompt="select_account")
    assert chooser.path.startswith("/choose-account")
    browser.press(chooser, "continue")
    assert app.open(browser, response_mode="form_post", scope="openid").form.action == app.redirect_uri
    assert app.error(browser.press(app.open(browser, prompt="consent"), "deny")) == "access_denied"
    gone = ("/sign-in?interaction=1", "/consent?interaction=1")
    for failing in (*gone, "/oauth/authorize", "/oauth/logout?id_token_hint=x"):
        assert browser.open(failing).status == 400
    question = browser.open("/oauth/logout")
    assert question.path.startswith("/sign-out")
    assert browser.press(question, "logout").path == "/signed-out"
    return tokens


def no_store(answer: TestResponse) -> bool:
    """Whether no cache may keep an answer."""
    return "no-store" in parse_options_header(answer.headers.get("Cache-Control", ""))[0].split(", ")
