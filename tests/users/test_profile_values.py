"""Which values a profile may have, member by member (OpenID Connect Core §5.1)."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from typing import Any

import pytest
from babel.localedata import locale_identifiers

from oidc_server.users import profile_values
from oidc_server.users.profile_values import ADDRESS_CHARACTERS, TEXT_CHARACTERS, ProfileInvalid, check_profile

NUMBER = "+442079460123"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", "Nguyễn Văn Ân"),
        ("name", "山田\u3000太郎"),
        ("name", "محمد"),
        ("family_name", "می\u200cخواهم"),  # a zero-width non-joiner, as Persian is written
        ("nickname", "\N{FAMILY}\u200d\N{HEAVY BLACK HEART}\ufe0f"),
        ("given_name", " leading and trailing "),
        ("gender", "female"),
        ("gender", "genderfluid"),
        ("website", "https://example.com"),
        ("website", "http://example.com:8080/~ada?q=%C3%A4#top"),
        ("picture", "https://[2001:db8::1]/ada.png"),
        ("profile", "HTTPS://EXAMPLE.COM/"),
        ("birthdate", "1815-12-10"),
        ("birthdate", "0000-02-29"),
        ("birthdate", "2000-02-29"),
        ("birthdate", "1815"),
        ("zoneinfo", "Europe/Berlin"),
        ("zoneinfo", "America/Argentina/Buenos_Aires"),
        ("zoneinfo", "UTC"),
        ("locale", "de"),
        ("locale", "en-GB"),
        ("locale", "sr-Latn-RS"),
        ("locale", "es-419"),
        ("locale", "zh-cmn-Hans-CN"),
        ("locale", "de-CH-1901-x-private"),
        ("locale", "en-US-u-ca-gregory-t-de"),
        ("phone_number", NUMBER),
        ("phone_number", "+6834000"),
        ("address", {"formatted": "1 Example Street\r\nExampleton\nExampleland", "postal_code": "00000"}),
        ("address", {"street_address": "1 Example Street\nBack door"}),
    ],
)
def test_a_value_of_the_right_form_is_accepted(member: str, value: Any) -> None:
    check_profile({member: value})
    check_profile({member: None})


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", 7),
        ("name", True),
        ("name", ["Ada"]),
        ("name", {"first": "Ada"}),
        ("website", "javascript:alert(1)"),
        ("website", "data:text/html,<script>"),
        ("website", "ftp://example.com/"),
        ("website", "//example.com/"),
        ("website", "example.com"),
        ("website", "https://"),
        ("website", "https:///path"),
        ("website", "https://user:secret@example.com/"),
        ("website", "https://@example.com/"),
        ("website", "https://example.com:port/"),
        ("website", "https://example.com:99999/"),
        ("website", "https://[::1/"),
        ("website", "https://example.com/two words"),
        ("picture", 'https://example.com/"onload="alert(1)'),
        ("profile", "https://exämple.com/"),
        ("birthdate", "10.12.1815"),
        ("birthdate", "1815-12"),
        ("birthdate", "1815-13-01"),
        ("birthdate", "1900-02-29"),
        ("birthdate", "0000-02-30"),
        ("birthdate", "0000"),
        ("birthdate", "1815-12-1"),
        ("birthdate", "+181512-10"),
        ("birthdate", "١٨١٥"),  # Arabic-Indic digits
        ("birthdate", "1815-12-10T00:00"),
        ("birthdate", 1815),
        ("zoneinfo", "Europe/Atlantis"),
        ("zoneinfo", "europe/berlin"),
        ("zoneinfo", "CEST"),
        ("zoneinfo", "+01:00"),
        ("zoneinfo", "../../etc/passwd"),
        ("zoneinfo", "localtime"),
        ("zoneinfo", "Factory"),
        ("locale", "en_GB"),
        ("locale", "e"),
        ("locale", "de-germanlanguage"),
        ("locale", "en-"),
        ("locale", "en-GB-GB"),
        ("locale", "en-u"),
        ("locale", "en-ſſ"),
        ("phone_number", "+1 (425) 555-0100"),
        ("phone_number", "02079460123"),
        ("phone_number", "+0442079460123"),
        ("phone_number", "+123456"),
        ("phone_number", "+1234567890123456"),
        ("phone_number", "+٤٤٢٠٧٩٤٦٠١٢٣"),
        ("phone_number_verified", "true"),
        ("phone_number_verified", 1),
        ("address", "1 Example Street"),
        ("address", ["1 Example Street"]),
    ],
)
def test_a_value_of_another_form_is_refused_by_the_name_of_its_member(member: str, value: Any) -> None:
    with pytest.raises(ProfileInvalid) as refused:
        check_profile({"phone_number": NUMBER, member: value})
    assert set(refused.value.problems) == {member}


@pytest.mark.parametrize(
    "text",
    ["a\x00b", "a\nb", "a\tb", "a\x1b[31mb", "a\x7fb", "a\x85b", "a\u2028b", "a\u202eb", "a\u2066b", "a\ud800b"],
)
def test_control_characters_are_refused_in_every_text(text: str) -> None:
    one_line = {name for name in TEXT_CHARACTERS if name != "bio" or text != "a\nb"}  # a bio may have lines
    for name in one_line:
        with pytest.raises(ProfileInvalid, match=f"^{name}: "):
            check_profile({name: text})
    several_lines = {"formatted", "street_address"} if text == "a\nb" else set()
    for name in ADDRESS_CHARACTERS.keys() - several_lines:
        with pytest.raises(ProfileInvalid, match=rf"^address\.{name}: "):
            check_profile({"address": {name: text}})


def test_a_carriage_return_alone_ends_no_line_of_an_address() -> None:
    with pytest.raises(ProfileInvalid):
        check_profile({"address": {"formatted": "1 Example Street\rExampleton"}})


def test_every_locale_of_the_unicode_consortium_is_a_language_tag() -> None:
    tags = [identifier.replace("_", "-") for identifier in locale_identifiers()]
    assert len(tags) > 500
    for tag in tags:
        check_profile({"locale": tag})


@pytest.fixture
def no_time_zones(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    profile_values._time_zones.cache_clear()
    yield
    profile_values._time_zones.cache_clear()


@pytest.mark.usefixtures("no_time_zones")
def test_a_machine_that_knows_no_time_zones_looks_at_the_form() -> None:
    check_profile({"zoneinfo": "Europe/Berlin"})
    with pytest.raises(ProfileInvalid, match=r"^zoneinfo: "):
        check_profile({"zoneinfo": "../../etc/passwd"})
