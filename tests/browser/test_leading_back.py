"""The policy of a page lets its forms lead to the app in the end, wherever that is (attack W12)."""

from __future__ import annotations

import pytest

from tests.browser.people import Person

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("client_type", "redirect_uri"),
    [
        ("confidential", "https://app.example:8443/callback?kept=1"),
        ("confidential", "https://my_app.example/callback"),
        ("public", "http://[::1]:7/callback"),
        ("public", "com.example.notes:/callback"),
    ],
)
def test_the_consent_page_leads_to_an_app_at_any_address_w12(
    known: Person, client_type: str, redirect_uri: str
) -> None:
    client = known.place.owner.client(client_type, redirect_uris=(redirect_uri,), scope="openid")
    known.app.client, known.app.redirect_uri = client, redirect_uri
    known.ask()
    with known.page.expect_request(lambda request: request.url.startswith(redirect_uri)) as going:
        known.page.click("#allow")
    assert "code=" in going.value.url


@pytest.mark.parametrize("redirect_uri", ["https://app.example/callback", "http://[::1]:7/callback"])
def test_the_form_post_page_leads_to_an_app_at_any_address_w12(person: Person, redirect_uri: str) -> None:
    client = person.place.owner.client("public", redirect_uris=(redirect_uri,), scope="openid")
    person.app.client, person.app.redirect_uri = client, redirect_uri
    with person.page.expect_request(lambda request: request.url == redirect_uri) as going:
        person.page.goto(person.place.address(person.app, response_mode="form_post", prompt="none"))
    assert going.value.method == "POST"
    assert "error=login_required" in (going.value.post_data or "")
