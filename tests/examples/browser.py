"""What the examples need of a browser: it follows redirects, keeps cookies, and presses the buttons of forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urljoin

import httpx

from tests.running import NO_TLS

_VOID = {"meta", "link", "input", "img", "br", "hr"}


@dataclass
class Form:
    """One form: its fields as they stand, and its buttons by id, each with the name and value it sends."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str | None, str]] = field(default_factory=dict)


class Document(HTMLParser):
    """The forms of a page, and of each element that has an id its text, and where it leads to if it is a link."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.texts: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self._open: list[str | None] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").upper()))
        elif tag == "input" and self.forms and given.get("type") != "checkbox":
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "button" and self.forms:
            self.forms[-1].buttons[given["id"]] = (given.get("name"), given.get("value", ""))
        elif tag == "a" and "id" in given:
            self.links[given["id"]] = given.get("href", "")
        if tag not in _VOID:
            self._open.append(given.get("id"))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            if element is not None:
                self.texts[element] = self.texts.get(element, "") + data


class Browser:
    """One browser with its cookies; ``page`` is what it shows."""

    def __init__(self) -> None:
        self._http = httpx.Client(follow_redirects=True, timeout=30, verify=NO_TLS)
        self.page: httpx.Response
        self.document: Document

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def cookies(self) -> dict[str, str]:
        """All that it keeps, by name: cookies do not tell ports apart."""
        return {cookie.name: cookie.value or "" for cookie in self._http.cookies.jar}

    def open(self, url: str, **headers: str) -> Document:
        """Go to an address."""
        return self._show(self._http.get(url, headers=headers))

    def press(self, button: str, **typed: str) -> Document:
        """Press the button with this id, after typing into its form."""
        form = next(form for form in self.document.forms if button in form.buttons)
        name, value = form.buttons[button]
        sent = form.fields | typed | ({} if name is None else {name: value})
        address = urljoin(str(self.page.url), form.action)
        if form.method == "GET":
            return self._show(self._http.get(address, params=sent or None))
        return self._show(self._http.post(address, data=sent))

    def post(self, url: str, **headers: str) -> Document:
        """Send an empty form, as another site may do."""
        return self._show(self._http.post(url, headers=headers))

    def text(self, element: str) -> str:
        """The text of the element with this id, white space made plain."""
        return " ".join(self.document.texts[element].split())

    def _show(self, response: httpx.Response) -> Document:
        self.page, self.document = response, Document(response.text)
        return self.document
