"""The page from which a person takes everything along that is held about them."""

from __future__ import annotations

from typing import Any

from oidc_server.core import clock
from tests.accounts.json_client import JsonClient
from tests.accounts.own_pages import Owner
from tests.relying_party import Server, TestUser, body_of

PATH = "/account/data"


def test_it_is_a_file_and_that_it_was_given_out_is_recorded(server: Server, user: TestUser, owner: Owner) -> None:
    visit = owner.browser.press(owner.open(PATH), "download")
    headers = visit.response.headers
    assert headers["Content-Type"] == "application/json"
    assert headers["Content-Disposition"] == f'attachment; filename="account-{clock.now():%Y-%m-%d}.json"'
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert body_of(visit.response)["account"]["email"] == user.email
    assert len(server.audit("user.exported", str(user.id))) == 1


def test_it_is_the_document_of_the_json_api(server: Server, user: TestUser, owner: Owner) -> None:
    app = JsonClient(server).login(user)
    pages, api = owner.browser.press(owner.open(PATH), "download").response, app.get("/users/me/export")
    assert shape(body_of(pages)) == shape(body_of(api))


def shape(document: dict[str, Any]) -> dict[str, Any]:
    """Which members there are, and what is in the lists but for what the second export itself added."""
    shown = {name: value for name, value in document.items() if name not in {"exported_at", "events"}}
    return shown | {"events": {tuple(sorted(event)) for event in document["events"]}}


def test_to_look_at_the_page_gives_nothing_out(server: Server, user: TestUser, owner: Owner) -> None:
    for method in ("GET", "HEAD"):
        response = owner.browser.http.open(PATH, method=method, query_string={"download": "1"})
        assert "attachment" not in response.headers.get("Content-Disposition", "")
    assert server.audit("user.exported", str(user.id)) == []
