"""The standard claims (OpenID Connect Core §5.1, §5.4): which scope asks for which, what type each has, and a person
about whom all of them can be said."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

SCOPE_CLAIMS = {
    "openid": {"sub"},
    "profile": {
        "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
        "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
    },
    "email": {"email", "email_verified"},
    "address": {"address"},
    "phone": {"phone_number", "phone_number_verified"},
    "offline_access": set(),
}  # fmt: skip
ADDRESS = {
    "formatted": "12 St James's Square\nLondon SW1Y 4LB\nUnited Kingdom",
    "street_address": "12 St James's Square",
    "locality": "London",
    "region": "Greater London",
    "postal_code": "SW1Y 4LB",
    "country": "United Kingdom",
}
USERNAME = "ada"
PROFILE: dict[str, Any] = {
    "name": "Ada King Lovelace",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "middle_name": "King",
    "nickname": "Countess",
    "profile": "https://people.example.com/ada",
    "picture": "https://people.example.com/ada.png",
    "website": "https://ada.example.com/",
    "gender": "female",
    "birthdate": "1990-12-10",
    "zoneinfo": "Europe/London",
    "locale": "en-GB",
    "phone_number": "+442079460123",
    "phone_number_verified": True,
    "address": ADDRESS,
}
_BIRTHDATE = re.compile(r"[0-9]{4}(-[0-9]{2}-[0-9]{2})?")


def check_types(claims: dict[str, Any]) -> None:
    """Each claim has the type that the specification gives it, and none stands there without a content (§5.3.2)."""
    for name, value in claims.items():
        assert _TYPES.get(name, _is_text)(value), f"{name}: {value!r}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return type(value) is int and value > 0


def _is_birthdate(value: Any) -> bool:
    return _is_text(value) and _BIRTHDATE.fullmatch(value) is not None


def _is_address(value: Any) -> bool:
    return isinstance(value, dict) and set(value) <= set(ADDRESS) and bool(value) and all(map(_is_text, value.values()))


_TYPES: dict[str, Callable[[Any], bool]] = {
    "email_verified": _is_truth,
    "phone_number_verified": _is_truth,
    "updated_at": _is_number,
    "birthdate": _is_birthdate,
    "address": _is_address,
}
