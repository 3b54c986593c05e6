"""`/docs`: the description as a page for people, with no script and nothing from elsewhere."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.relying_party import Server


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, attribute: str) -> list[str]:
        return [value for _, attributes in self.found if (value := attributes.get(attribute)) is not None]


@pytest.fixture
def page(http: FlaskClient) -> Elements:
    response = http.get("/docs")
    assert response.status_code == 200
    assert response.content_type == "text/html; charset=utf-8"
    return Elements(response.text)


def test_it_is_where_discovery_says(server: Server, http: FlaskClient) -> None:
    metadata = server.metadata
    path = metadata["service_documentation"].removeprefix(metadata["issuer"])
    assert http.get(path).status_code == 200


def test_its_policy_allows_nothing_but_a_style_sheet_of_this_server(http: FlaskClient) -> None:
    """W12"""
    policy = http.get("/docs").headers["Content-Security-Policy"]
    assert policy == (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def test_it_needs_nothing_that_its_policy_forbids(page: Elements) -> None:
    tags = {tag for tag, _ in page.found}
    assert not tags & {"script", "style", "img", "iframe", "form", "object", "embed", "base", "svg"}
    assert page.values("style") == []
    assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)


def test_whatever_it_refers_to_is_there(page: Elements, http: FlaskClient) -> None:
    references = page.values("href") + page.values("src")
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    for reference in references:
        if reference.startswith("#"):
            assert reference[1:] in ids
        else:
            assert reference.startswith("/")
            assert http.get(reference).status_code == 200


def test_it_shows_every_operation_and_every_schema_of_the_document(page: Elements, document: dict[str, Any]) -> None:
    sent = set()  # a form stands with its operation
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                sent.add(content["schema"].get("$ref", "").rpartition("/")[2])
            assert f"{method.upper()} {path}" in page.text
            assert operation["operationId"] in page.values("id")
    answered = [name for name in document["components"]["schemas"] if not name.startswith("TokenRequest.")]
    assert {f"body-{name}" for name in answered if name not in sent} <= set(page.values("id"))


def test_it_can_be_used_on_a_phone_and_by_a_screen_reader(page: Elements) -> None:
    assert ("html", {"lang": "en"}) in page.found
    assert {"main", "nav", "header", "h1", "caption", "th"} <= {tag for tag, _ in page.found}
    assert "width=device-width, initial-scale=1" in page.values("content")
    assert "light dark" in page.values("content")


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("/docs", "text/html; charset=utf-8"), ("/static/documentation.css", "text/css; charset=utf-8")],
)
def test_it_and_its_style_can_be_kept_and_asked_for_by_their_tag(
    http: FlaskClient, path: str, content_type: str
) -> None:
    first = http.get(path)
    assert first.content_type == content_type
    assert first.headers["Cache-Control"] == "public, max-age=300"
    assert http.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert http.get(path, headers={"If-None-Match": '"another"'}).data == first.data


def test_no_other_file_of_the_static_folder_or_above_it_is_served(http: FlaskClient) -> None:
    """W17"""
    for path in ("/static/", "/static/../settings.py", "/static/%2e%2e/__init__.py", "/static/documentation.css/x"):
        assert http.get(path).status_code == 404
