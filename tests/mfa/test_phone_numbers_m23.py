"""Which telephone numbers text messages are sent to: those of mobile phones, in the countries that are allowed."""

from __future__ import annotations

import pytest

from oidc_server.mfa.phone_numbers import PhoneNumberRefused, parse_number, range_of

COUNTRIES = ("DE", "GB", "US")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+4915112345678", "+4915112345678"),
        (" +49 (0)151 / 123-456-78 ", "+4915112345678"),
        ("0049 151 12345678", "+4915112345678"),
        ("+49\u00a0151\u201112345678", "+4915112345678"),
        ("+44 7400 123456", "+447400123456"),
        ("+1 (201) 555-0123", "+12015550123"),
    ],
)
def test_every_spelling_of_a_number_is_one(text: str, number: str) -> None:
    assert parse_number(text, COUNTRIES) == number


def test_with_one_country_a_number_may_be_written_as_it_is_dialled_there() -> None:
    assert parse_number("0151 12345678", ("DE",)) == "+4915112345678"
    with pytest.raises(PhoneNumberRefused):
        parse_number("0151 12345678", COUNTRIES)


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+499001234567", "PREMIUM_RATE"),  # Germany
        ("+449012345678", "PREMIUM_RATE"),  # United Kingdom
        ("+19002345678", "PREMIUM_RATE"),  # United States
        ("+447012345678", "PERSONAL_NUMBER"),  # looks like a mobile phone, and costs far more
        ("+15002345678", "PERSONAL_NUMBER"),
        ("+448001234567", "TOLL_FREE"),
        ("+493012345678", "FIXED_LINE"),
        ("+447640123456", "PAGER"),
    ],
)
def test_numbers_that_earn_by_being_called_or_take_no_messages_are_refused_m23(number: str, why: str) -> None:
    with pytest.raises(PhoneNumberRefused, match=rf"of the kind {why}$"):
        parse_number(number, COUNTRIES)


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+18762101234", "JM"),  # shares +1 with the United States
        ("+15062345678", "CA"),
        ("+447781123456", "GG"),  # shares +44 with the United Kingdom
        ("+37061234567", "LT"),
        ("+881612345678", "001"),  # satellite phones
        ("+882161234567", "001"),
    ],
)
def test_numbers_of_other_countries_are_refused_also_where_they_share_a_code_m23(number: str, country: str) -> None:
    with pytest.raises(PhoneNumberRefused, match=rf"country is {country}$"):
        parse_number(number, COUNTRIES)


@pytest.mark.parametrize(
    "text",
    [
        "", "+", "112", "+49", "+4915", "+49151123456789012345", "15112345678", "+4915112345678;ext=5",
        "+4915112345678,,9", "tel:+4915112345678", "+1-800-FLOWERS", "+٤٩١٥١١٢٣٤٥٦٧٨", "+49151\n12345678",
        "+4915112345678\x00", "＋4915112345678", "+49151" + " " * 50 + "12345678", "+00015112345678", "++4915112345678",
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused_and_never_told_back_m23(text: str) -> None:
    with pytest.raises(PhoneNumberRefused) as raised:
        parse_number(text, COUNTRIES)
    assert raised.value.status == 422
    assert text == "" or text not in str(raised.value)


def test_no_country_allows_no_number_m23() -> None:
    with pytest.raises(PhoneNumberRefused):
        parse_number("+4915112345678", ())


def test_ten_thousand_neighbours_are_one_range() -> None:
    assert range_of("+4915112345678") == range_of("+4915112340000") != range_of("+4915112350000")
