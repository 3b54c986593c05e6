"""Which values a profile may have (OpenID Connect Core §5.1). Text stays just as it was given; pages escape it."""

import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import String

from oidc_server.users.claims import ADDRESS_MEMBERS
from oidc_server.users.models import Profile

TEXT_CHARACTERS = {
    column.name: column.type.length or 0 for column in Profile.__table__.columns if isinstance(column.type, String)
}
ADDRESS_CHARACTERS = dict.fromkeys(ADDRESS_MEMBERS, 100) | {"formatted": 1000, "street_address": 300}
PROFILE_MEMBERS = (*TEXT_CHARACTERS, "phone_number_verified", "address")
_SEVERAL_LINES = {"formatted", "street_address"}  # §5.1.1
_OVERRIDES_OF_DIRECTION = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}

_URI_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")  # RFC 3986 §2
_BIRTHDATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})-([0-9]{2}))?")
_ZONE_NAME = re.compile(r"[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+)*")
_PHONE_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_LANGUAGE_TAG = re.compile(  # RFC 5646 §2.1, ``langtag``
    r"""(?: [a-z]{2,3} (?:-[a-z]{3}){0,3} | [a-z]{4,8} )  # language
        (?: -[a-z]{4} )?                                  # script
        (?: -(?: [a-z]{2} | [0-9]{3} ) )?                 # region
        (?: -(?: [a-z0-9]{5,8} | [0-9][a-z0-9]{3} ) )*    # variants
        (?: -[0-9a-wy-z] (?: -[a-z0-9]{2,8} )+ )*         # extensions
        (?: -x (?: -[a-z0-9]{1,8} )+ )?                   # private use""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)


class ProfileInvalid(ValueError):
    """A profile may not be like this; ``problems`` says of each member what is wrong with it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        shown = (f"{name if name.isprintable() else ascii(name)}: {words}" for name, words in problems.items())
        super().__init__(" ".join(shown))
        self.problems = dict(problems)


def check_profile(values: Mapping[str, Any]) -> None:
    """Accept these values for a profile, None among them, or raise :class:`ProfileInvalid`."""
    problems: dict[str, str] = {}
    for name, value in values.items():
        if name == "address":
            problems |= _problems_of_address(value)
        elif (wrong := _problem_of_member(name, value)) is not None:
            problems[name] = wrong
    if problems:
        raise ProfileInvalid(problems)


def _problems_of_address(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        return {"address": "It is an object (§5.1.1), or null."}
    problems = {}
    for name, text in value.items():
        if name not in ADDRESS_CHARACTERS:
            wrong: str | None = f"There is no such member; there are {', '.join(ADDRESS_MEMBERS)}."
        else:
            wrong = _problem_of_text(text, ADDRESS_CHARACTERS[name], several_lines=name in _SEVERAL_LINES)
        if wrong is not None:
            problems[f"address.{name}"] = wrong
    return problems


def _problem_of_member(name: str, value: Any) -> str | None:
    if name == "phone_number_verified":
        return None if value is None or isinstance(value, bool) else "It is true or false."
    if name not in TEXT_CHARACTERS:
        return f"There is no such member; there are {', '.join(PROFILE_MEMBERS)}."
    problem = _problem_of_text(value, TEXT_CHARACTERS[name], several_lines=name == "bio")
    if problem is None and value is not None and name in _FORMS and not _FORMS[name].fits(value):
        return _FORMS[name].words
    return problem


def _problem_of_text(value: Any, characters: int, *, several_lines: bool = False) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        return "It is text, or null."
    if not value.strip() or len(value) > characters:
        return f"It has 1 to {characters} characters, not only spaces; null removes it."
    # §5.1.1: lines end in a line feed, or in a carriage return and a line feed.
    text = value.replace("\r\n", "\n").replace("\n", " ") if several_lines else value
    return "It has no control characters." if any(map(_controls, text)) else None


def _controls(character: str) -> bool:
    """Whether it ends a line, turns the direction of what stands around it, or is no character. Joiners, which some
    languages need inside of words, are none of these."""
    is_control = unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
    return is_control or unicodedata.bidirectional(character) in _OVERRIDES_OF_DIRECTION


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises when it is not a number
    except ValueError:
        return False
    is_web = parts.scheme in {"https", "http"} and bool(parts.hostname) and "@" not in parts.netloc
    return is_web and _URI_CHARACTERS.fullmatch(text) is not None


def _is_birthdate(text: str) -> bool:
    match = _BIRTHDATE.fullmatch(text)
    if match is None:
        return False
    year, month, day = match.groups()
    if month is None:
        return int(year) > 0
    try:
        date(int(year) or 2000, int(month), int(day))  # 2000 had a 29 February
    except ValueError:
        return False
    return True


@cache
def _time_zones() -> frozenset[str]:
    """What this machine knows; two names of its own are no places."""
    return frozenset(zoneinfo.available_timezones() - {"Factory", "localtime"})


def _is_time_zone(text: str) -> bool:
    """A machine without the database of time zones cannot tell; then the form has to do."""
    return text in _time_zones() if _time_zones() else _ZONE_NAME.fullmatch(text) is not None


class _Form(NamedTuple):
    fits: Callable[[str], bool]
    words: str


_URL = _Form(_is_url, "It is an https or http URL without a user name.")
_FORMS = {
    "profile": _URL,
    "picture": _URL,
    "website": _URL,
    "birthdate": _Form(_is_birthdate, "It is YYYY-MM-DD; 0000-MM-DD without the year; or YYYY."),
    "zoneinfo": _Form(_is_time_zone, "It is a name of the IANA time zone database, such as Europe/Berlin."),
    "locale": _Form(lambda text: bool(_LANGUAGE_TAG.fullmatch(text)), "It is a language tag (BCP 47), such as en-GB."),
    "phone_number": _Form(
        lambda text: bool(_PHONE_NUMBER.fullmatch(text)),
        "It is + and 7 to 15 digits, the country code first (E.164), such as +442079460123.",
    ),
}
