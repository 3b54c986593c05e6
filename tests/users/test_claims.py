"""Each scope gives exactly its claims, and each claim is of the type that OpenID Connect Core §5.1 says."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest

from oidc_server.audit.service import SYSTEM
from oidc_server.core import clock
from oidc_server.users.models import Profile, User
from oidc_server.users.profile import set_profile
from tests.relying_party import Server, TestUser, body_of

PROFILE = {
    "name": "Ada King Lovelace",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "middle_name": "King",
    "nickname": "A",
    "profile": "https://example.com/ada",
    "picture": "https://example.com/ada.png",
    "website": "http://ada.example.com/",
    "gender": "female",
    "birthdate": "1815-12-10",
    "zoneinfo": "Europe/London",
    "locale": "en-GB",
}
ADDRESS = {
    "formatted": "1 Example Street\nExampleton",
    "street_address": "1 Example Street",
    "locality": "Exampleton",
    "region": "Exampleshire",
    "postal_code": "00000",
    "country": "Exampleland",
}
PHONE = {"phone_number": "+442079460123", "phone_number_verified": True}
# §5.4, and what is told of a person without a profile.
CLAIMS_OF = {
    "profile": {*PROFILE, "preferred_username", "updated_at"},
    "email": {"email", "email_verified"},
    "address": {"address"},
    "phone": {"phone_number", "phone_number_verified"},
}
ALWAYS_THERE = {"profile": {"updated_at"}, "email": CLAIMS_OF["email"], "address": set[str](), "phone": set[str]()}
SCOPES = [scopes for count in range(5) for scopes in combinations(CLAIMS_OF, count)]


def tell(server: Server, user: TestUser, **values: Any) -> None:
    """Set the profile."""
    with server.app.app_context(), server.database.transaction() as session:
        set_profile(session, session.get_one(User, user.id), values, SYSTEM)


def ada(server: Server) -> TestUser:
    """A person who tells everything."""
    user = server.user("ada@example.com", username="ada")
    tell(server, user, **PROFILE, **PHONE, address=ADDRESS)
    return user


def userinfo(server: Server, user: TestUser, *scopes: str) -> dict[str, Any]:
    """What an app reads that was allowed these scopes."""
    scope = " ".join(["openid", *scopes])
    tokens = server.sign_in(server.first_party(scope=scope), user, scope=scope)
    return body_of(server.http.get("/oauth/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}))


@pytest.mark.parametrize("scopes", SCOPES, ids=" ".join)
def test_scopes_give_exactly_their_claims(server: Server, scopes: tuple[str, ...]) -> None:
    assert set(userinfo(server, ada(server), *scopes)) == {"sub"}.union(*(CLAIMS_OF[scope] for scope in scopes))


@pytest.mark.parametrize("scope", CLAIMS_OF)
def test_nothing_is_said_of_what_a_person_does_not_tell(server: Server, scope: str) -> None:
    assert set(userinfo(server, server.user(), scope)) == {"sub"} | ALWAYS_THERE[scope]


@pytest.mark.parametrize("scope", CLAIMS_OF)
def test_nothing_is_said_of_what_a_person_no_longer_tells(server: Server, scope: str) -> None:
    user = server.user()
    tell(server, user, **PROFILE, **PHONE, address=ADDRESS)
    tell(server, user, **dict.fromkeys(PROFILE | PHONE), address=dict.fromkeys(ADDRESS))
    assert set(userinfo(server, user, scope)) == {"sub"} | ALWAYS_THERE[scope]


def test_every_claim_has_its_type_and_says_what_was_told(server: Server) -> None:
    user = ada(server)
    claims = userinfo(server, user, *CLAIMS_OF)
    updated_at = claims.pop("updated_at")
    assert type(updated_at) is int
    assert clock.timestamp() - 300 < updated_at <= clock.timestamp()
    assert claims.pop("email_verified") is True
    assert claims.pop("phone_number_verified") is True
    assert claims.pop("address") == ADDRESS
    assert claims == PROFILE | {
        "sub": str(user.id),
        "preferred_username": "ada",
        "email": "ada@example.com",
        "phone_number": PHONE["phone_number"],
    }


def test_what_is_not_verified_is_told_as_false_and_not_left_away(server: Server) -> None:
    user = server.user()
    tell(server, user, phone_number=PHONE["phone_number"])
    with server.database.transaction() as session:
        session.get_one(User, user.id).email_verified_at = None
    claims = userinfo(server, user, "email", "phone")
    assert claims["email_verified"] is False
    assert claims["phone_number_verified"] is False


def test_an_address_has_only_the_members_that_were_told(server: Server) -> None:
    user = server.user()
    tell(server, user, address={"locality": "Exampleton", "country": None})
    assert userinfo(server, user, "address")["address"] == {"locality": "Exampleton"}


def test_updated_at_is_when_the_account_or_its_profile_changed_last(server: Server) -> None:
    user = server.user()
    made = userinfo(server, user, "profile")["updated_at"]
    clock.travel(timedelta(hours=1))
    tell(server, user, name="Ada")
    profile_changed = userinfo(server, user, "profile")["updated_at"]
    assert 3600 <= profile_changed - made < 3900
    clock.travel(timedelta(hours=1))
    with server.database.transaction() as session:
        session.get_one(User, user.id).updated_at = clock.now()
    assert 3600 <= userinfo(server, user, "profile")["updated_at"] - profile_changed < 3900


def test_markup_in_a_profile_is_told_literally_w15(server: Server) -> None:
    user = server.user()
    hostile = {"name": "<script>alert(1)</script>", "nickname": "{{7*7}}", "gender": "'; DROP TABLE users; --"}
    tell(server, user, **hostile, address={"street_address": '"><img src=x onerror=alert(1)>'})
    claims = userinfo(server, user, "profile", "address")
    assert {name: claims[name] for name in hostile} == hostile
    assert claims["address"] == {"street_address": '"><img src=x onerror=alert(1)>'}


def test_a_profile_goes_with_its_account(server: Server) -> None:
    user = ada(server)
    with server.database.transaction() as session:
        session.delete(session.get_one(User, user.id))
    with server.database.reading() as session:
        assert session.get(Profile, user.id) is None
