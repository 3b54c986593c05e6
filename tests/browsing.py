"""A browser without scripts: it keeps cookies, follows redirects inside of the server, and fills in forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Flask
from werkzeug.test import TestResponse

from tests.running import ISSUER

_REDIRECTS_AT_MOST = 10


@dataclass
class HtmlForm:
    """A form of a page: where it goes, what is in it, and its buttons by their ids."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str] | None] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[HtmlForm] = []
        self.words: list[str] = []
        self._typing_in: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(HtmlForm(told.get("action", ""), told.get("method", "get")))
        elif tag == "input" and self.forms and (told.get("type") != "checkbox" or "checked" in told):
            self.forms[-1].fields[told["name"]] = told.get("value", "")
        elif tag == "textarea" and self.forms:
            self._typing_in = told["name"]
            self.forms[-1].fields[self._typing_in] = ""
        elif tag == "button" and self.forms:
            named = (told["name"], told.get("value", "")) if "name" in told else None
            self.forms[-1].buttons[told.get("id", "")] = named

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._typing_in = None

    def handle_data(self, data: str) -> None:
        if self._typing_in is not None:
            self.forms[-1].fields[self._typing_in] += data.removeprefix("\n")
        elif data.strip():
            self.words.append(" ".join(data.split()))


@dataclass(frozen=True)
class Visit:
    """Where a browser has arrived: a page of the server, or an address elsewhere that it was sent to."""

    path: str
    response: TestResponse

    @property
    def elsewhere(self) -> str | None:
        """The address outside of the server."""
        location = self.response.headers.get("Location")
        return location if self.response.status_code in {302, 303, 307} else None

    def _read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.response.text)
        return reader

    @property
    def form(self) -> HtmlForm:
        """The page's form."""
        (form,) = self._read().forms
        return form

    @property
    def forms(self) -> list[HtmlForm]:
        """The page's forms, in their order."""
        return self._read().forms

    def form_with(self, button: str) -> HtmlForm:
        """The form that has this button."""
        forms = [form for form in self.forms if button in form.buttons]
        assert len(forms) == 1, f"{len(forms)} forms have a button {button!r}: {self.words}"
        return forms[0]

    @property
    def words(self) -> str:
        """What can be read on the page."""
        return " ".join(self._read().words)

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.response.status_code

    @property
    def answer(self) -> dict[str, str]:
        """The parameters that the client was sent, in its query or by a form."""
        if self.elsewhere is None:
            form = self.form
            assert form.method == "post", self.words
            assert "continue" in form.buttons
            return form.fields
        pairs = parse_qsl(urlsplit(self.elsewhere).query, keep_blank_values=True, strict_parsing=True)
        assert len(dict(pairs)) == len(pairs), "a parameter came twice"
        return dict(pairs)


class Browser:
    """One person's browser."""

    def __init__(self, app: Flask) -> None:
        self.http = app.test_client()

    def open(self, address: str, **arguments: Any) -> Visit:
        """GET an address of the server and go where it leads."""
        return self._follow(address, self.http.get(_path(address), **arguments))

    def post(self, address: str, data: dict[str, str], **arguments: Any) -> Visit:
        """POST a form to an address of the server and go where that leads."""
        return self._follow(address, self.http.post(_path(address), data=data, **arguments))

    def press(self, visit: Visit, button: str, **typed: str) -> Visit:
        """Fill in a form of the page and press one of its buttons."""
        form = visit.form_with(button)
        named = form.buttons[button]
        data = form.fields | typed | ({named[0]: named[1]} if named is not None else {})
        return self.post(form.action or visit.path, data)

    def sign_in(self, visit: Visit, login: str, password: str, **typed: str) -> Visit:
        """Fill in the sign-in page."""
        assert visit.path.startswith("/sign-in"), f"{visit.path}: {visit.words}"
        return self.press(visit, "continue", login=login, password=password, **typed)

    def cookie(self, name: str) -> str | None:
        """The value of a cookie."""
        found = self.http.get_cookie(f"__Host-{name}", domain="localhost")
        return None if found is None else found.value

    def _follow(self, address: str, response: TestResponse) -> Visit:
        path = _path(address)
        for _ in range(_REDIRECTS_AT_MOST):
            location = response.headers.get("Location", "")
            inside = location.startswith(("/", ISSUER + "/"))
            if response.status_code not in {302, 303, 307} or not inside:
                return Visit(path, response)
            path = _path(location)
            response = self.http.get(path)
        raise AssertionError(f"the browser is sent around in a circle: {path}")


def _path(address: str) -> str:
    return address.removeprefix(ISSUER)
