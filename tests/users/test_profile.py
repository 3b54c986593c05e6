"""Changing a profile: what stays, what goes, and what is recorded of it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from oidc_server.audit.service import SYSTEM
from oidc_server.core import clock
from oidc_server.users.models import Profile, User
from oidc_server.users.profile import members_of, set_profile
from oidc_server.users.profile_values import ADDRESS_CHARACTERS, TEXT_CHARACTERS, ProfileInvalid, check_profile
from tests.commands.command_line import until_somebody_waits
from tests.relying_party import Server, TestUser

NUMBER = "+442079460123"


def change(server: Server, user: TestUser, **values: Any) -> list[str]:
    """Change the profile in a transaction of its own."""
    with server.app.app_context(), server.database.transaction() as session:
        return set_profile(session, session.get_one(User, user.id), values, SYSTEM)


def told(server: Server, user: TestUser) -> dict[str, Any]:
    """What the profile tells."""
    with server.database.reading() as session:
        return members_of(session.get_one(User, user.id), session.get(Profile, user.id))


def test_text_is_kept_just_as_it_was_given(server: Server) -> None:
    user = server.user()
    values = {
        "name": "山田\u3000太郎",
        "given_name": " <b>{{7*7}}</b> ",
        "family_name": "می\u200cخواهم",
        "middle_name": "e\u0301",
        "nickname": "\N{FAMILY}\u200d\N{HEAVY BLACK HEART}\ufe0f",
        "address": {"formatted": "1 Example Street\r\nExampleton\nExampleland"},
    }
    assert change(server, user, **values) == sorted(values)
    assert told(server, user) == values


def test_a_text_may_be_as_long_as_its_column_and_no_longer(server: Server) -> None:
    user = server.user()
    free = [name for name in TEXT_CHARACTERS if name not in {"birthdate", "zoneinfo", "locale", "phone_number"}]
    start = dict.fromkeys(("profile", "picture", "website"), "https://example.com/")
    longest = {name: start.get(name, "").ljust(TEXT_CHARACTERS[name], "x") for name in free}
    longest["name"] = "\N{SLEUTH OR SPY}" * TEXT_CHARACTERS["name"]
    address = {name: "x" * characters for name, characters in ADDRESS_CHARACTERS.items()}
    change(server, user, **longest, address=address)
    assert told(server, user) == longest | {"address": address}
    for name, text in longest.items():
        with pytest.raises(ProfileInvalid, match=f"^{name}: "):
            check_profile({name: text + "x"})
    for name, text in address.items():
        with pytest.raises(ProfileInvalid, match=rf"^address\.{name}: "):
            check_profile({"address": {name: text + "x"}})


def test_a_member_that_does_not_exist_is_refused_and_every_problem_is_told_at_once(server: Server) -> None:
    user = server.user()
    wrong = {"email": "x@example.com", "sub": "1", "updated_at": 0, "preferred_username": "x", "locale": "?"}
    with pytest.raises(ProfileInvalid) as refused:
        change(server, user, name="Ada", address={"planet": "Earth", "country": 1}, **wrong)
    assert set(refused.value.problems) == {*wrong, "address.planet", "address.country"}
    assert told(server, user) == {}
    assert server.audit("user.profile_updated", str(user.id)) == []


def test_what_is_not_named_stays_and_none_removes(server: Server) -> None:
    user = server.user()
    change(server, user, name="Ada", nickname="A", address={"locality": "London", "country": "Exampleland"})
    assert change(server, user, nickname=None, address={"locality": None, "region": "Exampleshire"}) == [
        "address",
        "nickname",
    ]
    assert told(server, user) == {"name": "Ada", "address": {"region": "Exampleshire", "country": "Exampleland"}}
    assert change(server, user, address=None) == ["address"]
    assert change(server, user, name=None) == ["name"]
    assert told(server, user) == {}


def test_an_address_of_which_every_member_was_removed_is_none(server: Server) -> None:
    user = server.user()
    change(server, user, address={"locality": "London"})
    change(server, user, address={"locality": None})
    assert told(server, user) == {}


def test_a_phone_number_is_verified_only_until_it_changes(server: Server) -> None:
    user = server.user()
    change(server, user, phone_number=NUMBER)
    assert told(server, user)["phone_number_verified"] is False
    assert change(server, user, phone_number_verified=True) == ["phone_number_verified"]
    change(server, user, name="Ada", phone_number=NUMBER)
    assert told(server, user)["phone_number_verified"] is True
    assert change(server, user, phone_number="+442079460124") == ["phone_number", "phone_number_verified"]
    assert told(server, user) == {"name": "Ada", "phone_number": "+442079460124", "phone_number_verified": False}


def test_another_number_may_come_verified_and_its_instant_is_its_own(server: Server) -> None:
    user = server.user()
    instants = []
    for number in (NUMBER, "+442079460124"):
        change(server, user, phone_number=number, phone_number_verified=True)
        clock.travel(timedelta(hours=1))
        change(server, user, phone_number_verified=True, name=f"Ada {number}")
        with server.database.reading() as session:
            instants.append(session.get_one(Profile, user.id).phone_number_verified_at)
    assert instants[0] is not None
    assert instants[1] is not None
    assert timedelta(minutes=59) < instants[1] - instants[0] < timedelta(minutes=61)


def test_a_number_that_is_removed_takes_its_verification_with_it(server: Server) -> None:
    user = server.user()
    change(server, user, phone_number=NUMBER, phone_number_verified=True)
    assert change(server, user, phone_number=None) == ["phone_number", "phone_number_verified"]
    assert told(server, user) == {}
    for values in ({"phone_number_verified": True}, {"phone_number": None, "phone_number_verified": True}):
        with pytest.raises(ProfileInvalid, match="no phone number"):
            change(server, user, **values)
    change(server, user, phone_number=NUMBER)
    assert told(server, user)["phone_number_verified"] is False


def test_a_change_is_stamped_and_recorded_by_names_without_values(server: Server) -> None:
    user = server.user()
    clock.travel(timedelta(days=1))
    change(server, user, name="Ada Lovelace", address={"locality": "London"}, phone_number=NUMBER)
    (event,) = server.audit("user.profile_updated", str(user.id))
    assert event.detail == {"changed": ["address", "name", "phone_number", "phone_number_verified"]}
    assert (event.actor_kind, event.user_id) == ("system", user.id)
    with server.database.reading() as session:
        since_made = session.get_one(Profile, user.id).updated_at - session.get_one(User, user.id).created_at
    assert timedelta(days=1) <= since_made < timedelta(days=1, minutes=5)
    kept = json.dumps([event.detail, event.subject_id, event.actor_id, event.client_id])
    assert not any(value in kept for value in ("Ada", "London", NUMBER))


def test_what_was_so_already_is_no_change(server: Server) -> None:
    user = server.user()
    values: dict[str, Any] = {"name": "Ada", "address": {"locality": "London"}, "phone_number": NUMBER}
    change(server, user, **values)
    with server.database.reading() as session:
        before = session.get_one(Profile, user.id).updated_at
    clock.travel(timedelta(days=1))
    assert change(server, user, **values, nickname=None) == []
    assert change(server, user) == []
    with server.database.reading() as session:
        assert session.get_one(Profile, user.id).updated_at == before
    assert len(server.audit("user.profile_updated", str(user.id))) == 1


def test_two_first_changes_at_once_both_count(server: Server, database_kind: str) -> None:
    user = server.user()
    with ThreadPoolExecutor(1) as elsewhere:
        with server.app.app_context(), server.database.transaction() as session:
            set_profile(session, session.get_one(User, user.id), {"name": "Ada"}, SYSTEM)
            second = elsewhere.submit(change, server, user, nickname="A")
            if database_kind == "postgresql":
                until_somebody_waits(server.database)
        assert second.result() == ["nickname"]
    assert told(server, user) == {"name": "Ada", "nickname": "A"}
