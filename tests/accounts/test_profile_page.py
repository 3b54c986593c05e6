"""The page on which a person says who they are."""

from __future__ import annotations

from typing import Any

import pytest

from oidc_server.users.profile_values import ADDRESS_CHARACTERS, PROFILE_MEMBERS
from tests.accounts.json_client import JsonClient
from tests.accounts.own_pages import Owner
from tests.accounts.people import ADA, Town
from tests.browsing import Visit
from tests.relying_party import body_of

PATH = "/account/profile"
TYPED = {
    "full_name": "Ada Lovelace", "username": "ada", "given_name": "Ada", "family_name": "Lovelace",
    "bio": "Mathematician.\r\nWrites programs.", "birthdate": "1815-12-10", "locale": "en-GB",
    "zoneinfo": "Europe/London", "phone_number": "+442079460123", "website": "https://ada.example.org/",
    "address_street_address": "12 St James's Square\r\nLondon", "address_country": "United Kingdom",
}  # fmt: skip


def save(owner: Owner, **typed: str) -> Visit:
    return owner.browser.press(owner.open(PATH), "save", **typed)


def account(town: Town, owner: Owner) -> dict[str, Any]:
    return body_of(JsonClient(town.server).login(owner.user).get("/auth/me"))


def changes(town: Town, owner: Owner) -> list[Any]:
    return [event.detail["changed"] for event in town.server.audit("user.profile_updated", str(owner.user.id))]


def test_what_is_typed_is_kept_and_shown(town: Town, owner: Owner) -> None:
    visit = save(owner, **TYPED)
    assert (visit.path, "Your profile is saved." in visit.words) == (PATH, True)
    fields = owner.open(PATH).form_with("save").fields
    assert {name: fields[name] for name in TYPED} == {name: text.replace("\r", "") for name, text in TYPED.items()}
    mine = account(town, owner)
    assert (mine["full_name"], mine["username"]) == ("Ada Lovelace", "ada")
    assert mine["profile"]["bio"] == "Mathematician.\nWrites programs."
    assert mine["profile"]["address"] == {
        "street_address": "12 St James's Square\nLondon", "country": "United Kingdom",
    }  # fmt: skip
    assert mine["profile"]["phone_number_verified"] is False


def test_every_member_of_a_profile_has_a_field(owner: Owner) -> None:
    fields = set(owner.open(PATH).form_with("save").fields) - {"csrf_token", "full_name", "username"}
    others = set(PROFILE_MEMBERS) - {"name", "address", "phone_number_verified"}
    assert fields == others | {f"address_{name}" for name in ADDRESS_CHARACTERS}


def test_an_empty_field_takes_away_and_the_others_stay(town: Town, owner: Owner) -> None:
    save(owner, **TYPED)
    save(owner, nickname=" Countess ", website="", address_country="", username="")
    mine = account(town, owner)
    assert (mine["username"], mine["profile"]["nickname"], mine["profile"].get("website")) == (None, "Countess", None)
    assert set(mine["profile"]["address"]) == {"street_address"}
    assert changes(town, owner)[-1] == ["address", "nickname", "website"]


def test_a_profile_that_is_sent_as_it_was_is_not_changed(town: Town, owner: Owner) -> None:
    save(owner, **TYPED)
    before = account(town, owner)["updated_at"]
    save(owner)
    save(owner, **TYPED)
    assert account(town, owner)["updated_at"] == before
    assert len(changes(town, owner)) == 1


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("birthdate", "10.12.1815", "Year, month and day"),
        ("zoneinfo", "Mars/Olympus", "Such as Europe/Berlin."),
        ("locale", "en_GB", "A language tag, such as en-GB."),
        ("phone_number", "020 7946", "With + and the country code"),
        ("website", "javascript:alert(1)", "An address that begins with https://"),
        ("username", "a b", "A username has"),
        ("full_name", "a\x07b", "This is too long, or has characters that cannot be shown."),
        ("bio", "x" * 5000, "This is too long, or has characters that cannot be shown."),
        ("address_region", "x" * 200, "This is too long, or has characters that cannot be shown."),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_nothing_is_kept(
    town: Town, owner: Owner, name: str, text: str, words: str
) -> None:
    visit = save(owner, nickname="Countess", **{name: text})
    assert (visit.status, words in visit.words) == (422, True), visit.words
    assert f'id="{name}-error"' in visit.response.text
    assert visit.response.text.count('aria-invalid="true"') == visit.response.text.count(" autofocus") == 1
    fields = visit.form_with("save").fields
    assert (fields[name], fields["nickname"]) == (text, "Countess")
    assert changes(town, owner) == []


def test_a_username_that_somebody_has_is_told(town: Town, owner: Owner) -> None:
    town.server.user("eve@example.com", username="eve")
    visit = save(owner, username="EVE", nickname="Countess")
    assert (visit.status, "Somebody has this username already." in visit.words) == (409, True)
    assert changes(town, owner) == []


def test_a_form_can_name_nothing_else(town: Town, owner: Owner) -> None:
    save(owner, email="eve@example.com", superuser_since="1", phone_number_verified="1", is_verified="1", roles="admin")
    mine = account(town, owner)
    assert (mine["email"], mine["roles"]) == (ADA, ["user"])
    assert changes(town, owner) == []
