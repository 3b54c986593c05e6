"""Claims about a person: which scope asks for which, and what each is (OpenID Connect Core §5.1, §5.4).

The one place that decides it; userinfo, ID Tokens and the consent page read it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from oidc_server.users.models import Profile, User

SCOPE_CLAIMS: dict[str, tuple[str, ...]] = {
    "openid": ("sub",),
    "profile": (
        "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
        "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}  # fmt: skip
CLAIMS = tuple(name for names in SCOPE_CLAIMS.values() for name in names)
ADDRESS_MEMBERS = ("formatted", "street_address", "locality", "region", "postal_code", "country")
_OF_PROFILE = frozenset(SCOPE_CLAIMS["profile"]) - {"preferred_username", "updated_at"}


def names_of_scopes(scopes: Iterable[str]) -> set[str]:
    """The claims that these scopes ask for."""
    return {name for scope in scopes for name in SCOPE_CLAIMS.get(scope, ())}


def claims_of(user: User, profile: Profile | None, names: Collection[str]) -> dict[str, Any]:
    """Those of the claims that there is something to say about; ``sub`` is for the caller, who knows the client.

    Instants are seconds since the epoch, truths are booleans (§5.1)."""
    told: dict[str, Any] = {
        "preferred_username": user.username,
        "email": user.email,
        "email_verified": user.email_verified_at is not None,
        "updated_at": int(max(user.updated_at, profile.updated_at if profile else user.updated_at).timestamp()),
    }
    if profile is not None:
        told |= {name: getattr(profile, name) for name in _OF_PROFILE}
        told["address"] = profile.address or None
        if profile.phone_number is not None:
            told |= {
                "phone_number": profile.phone_number,
                "phone_number_verified": profile.phone_number_verified_at is not None,
            }
    return {name: value for name, value in told.items() if name in names and value is not None}
