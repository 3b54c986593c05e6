"""Telephone numbers as people type them, and those that text messages are sent to (E.164, ITU-T).

Some kinds of numbers pay a share of what a message costs to whoever owns them (toll fraud), and to others no message
can be sent: of the countries that are allowed, only numbers of mobile phones are taken."""

from __future__ import annotations

import re
from collections.abc import Collection

from oidc_server.core.errors import Reason, Refusal

# Digits and what people write between them; no letters, no extension, no digits of other scripts.
_WRITTEN = re.compile(r"\+?[0-9 ()./\-\u00a0\u2010-\u2013]{4,40}", re.ASCII)
_LAST_DIGITS = 4


class PhoneNumberRefused(Refusal):
    """It is no number, or one of a country or a kind to which no text messages are sent; the detail never holds it."""

    status = 422

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.PHONE_NUMBER_REFUSED, detail)


def parse_number(text: str, countries: Collection[str]) -> str:
    """The number in E.164, such as ``+4915112345678``, when it is one of a mobile phone in these countries (ISO
    3166-1). Where there is only one country, the number may be written as it is dialled there.

    Raises :class:`PhoneNumberRefused`."""
    import phonenumbers  # noqa: PLC0415 - what it knows of all countries takes memory that most workers never need
    from phonenumbers import PhoneNumberFormat, PhoneNumberType  # noqa: PLC0415 - see above

    written = text.strip()
    if not _WRITTEN.fullmatch(written):
        raise PhoneNumberRefused("it is not written as a number")
    home = next(iter(countries)) if len(countries) == 1 else None
    if home is None and written.startswith("00"):
        written = "+" + written.removeprefix("00")
    try:
        number = phonenumbers.parse(written, home)
    except phonenumbers.NumberParseException as error:
        raise PhoneNumberRefused("it is no number, or without the code of its country") from error
    # Several countries share a code: +1 876 is Jamaica, where a text message costs many times what it does in +1 212.
    country = phonenumbers.region_code_for_number(number)
    if country is None or not phonenumbers.is_valid_number(number):
        raise PhoneNumberRefused("there is no such number")
    if country not in countries:
        raise PhoneNumberRefused(f"its country is {country}")
    kind = phonenumbers.number_type(number)
    if kind not in {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}:
        raise PhoneNumberRefused(f"it is a number of the kind {PhoneNumberType.to_string(kind)}")
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def range_of(number: str) -> str:
    """What ten thousand neighbouring numbers have in common: whoever earns by messages owns many of a range."""
    return number[:-_LAST_DIGITS]
