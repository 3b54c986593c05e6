"""What admins do to accounts: making, inviting, showing, changing, replacing, deleting; and what nobody can do."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from oidc_server.core import clock
from oidc_server.users.models import User
from tests.accounts.json_client import JsonClient, errors, problem
from tests.accounts.people import Town, token_of
from tests.relying_party import PASSWORD, Server, TestUser, body_of

NEW = {"email": "Ada@Example.com", "username": "ada", "full_name": "Ada Lovelace", "profile": {"locale": "de"}}
PRIVILEGES: dict[str, Any] = {
    "is_superuser": True, "superuser_since": "2020-01-01T00:00:00Z", "roles": ["admin"], "role": "admin",
    "permissions": ["users:write"], "id": str(uuid.uuid4()), "created_at": "2001-01-01T00:00:00Z",
    "email_verified": True, "is_active": True, "suspended_at": None, "password_hash": "x", "org_id": "x", "credits": 9,
}  # fmt: skip


def stored(server: Server, user_id: uuid.UUID | str) -> User:
    with server.database.reading() as session:
        found = session.get(User, uuid.UUID(str(user_id)))
        assert found is not None
        return found


def test_who_is_made_without_a_password_is_invited_and_sets_one(town: Town, admin: JsonClient) -> None:
    made = admin.post("/users", **NEW)
    assert (made.status_code, made.headers["Location"]) == (201, f"/users/{body_of(made)['id']}")
    assert {name: body_of(made)[name] for name in NEW} == NEW
    assert (body_of(made)["is_verified"], body_of(made)["roles"]) == (False, ["user"])
    assert problem(town.app.post("/auth/login", email="ada@example.com", password=PASSWORD))[0] == 401
    (letter,) = town.mail()
    assert letter.recipient.lower() == "ada@example.com"
    assert letter.link.startswith("https://login.example.com/invitation?token=")
    assert "Passwort" in letter.text
    token = token_of(letter)
    assert errors(town.app.post("/auth/accept-invitation", token=token, password="ada")) == {"password"}
    assert problem(town.app.post("/auth/accept-invitation", token=token, password="12345678"))[1] == "password_refused"
    accepted = town.app.post("/auth/accept-invitation", token=token, password=PASSWORD)
    assert (accepted.status_code, body_of(accepted)) == (200, {"email": "Ada@Example.com"})
    person = TestUser(uuid.UUID(body_of(made)["id"]), "ada@example.com", PASSWORD)
    assert body_of(town.app.login(person).get("/auth/me"))["is_verified"] is True
    assert problem(town.app.post("/auth/accept-invitation", token=token, password=PASSWORD)) == (400, "link_invalid")
    assert town.server.audit("user.invitation_accepted", str(person.id))


def test_an_invitation_ends_with_its_time_a_suspension_or_a_changed_address_g07_g26(
    town: Town, admin: JsonClient
) -> None:
    def refused_after(number: int, path: str = "", **body: Any) -> bool:
        made = body_of(admin.post("/users", email=f"p{number}@example.com"))
        token = token_of(town.mail()[-1])
        if path:
            answer = admin.patch(f"/users/{made['id']}", **body) if path == "/" else admin.post(
                f"/users/{made['id']}{path}", **body
            )  # fmt: skip
            assert answer.status_code == 200
        else:
            clock.travel(timedelta(days=7, seconds=1))
        answer = town.app.post("/auth/accept-invitation", token=token, password=PASSWORD)
        return answer.status_code in {400, 401} and stored(town.server, made["id"]).password_hash is None

    assert refused_after(1, "/suspend", reason="x")
    assert refused_after(2, "/", email="other@example.com")
    assert refused_after(3)


def test_an_invitation_is_for_one_account_and_one_password_g26(town: Town, admin: JsonClient) -> None:
    admin.post("/users", email="a@example.com")
    token = town.token()
    for member in ("email", "user_id", "roles", "is_superuser", "username"):
        refused = town.app.post("/auth/accept-invitation", token=token, password=PASSWORD, **{member: "x"})
        assert (*problem(refused), errors(refused)) == (422, "validation_failed", {member})
    for path in ("/auth/reset-password", "/auth/verify-email"):
        assert problem(town.app.post(path, token=token, password=PASSWORD)) == (400, "link_invalid")
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(
            lambda _: JsonClient(town.server).post("/auth/accept-invitation", token=token, password=PASSWORD), range(4)
        )
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


def test_the_link_of_an_invitation_leads_to_the_issuer_whatever_the_request_said_g05(
    town: Town, admin: JsonClient
) -> None:
    lies = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Forwarded-Proto": "http"}
    made = admin.http.post("/users", json={"email": "a@example.com"}, headers=admin.headers | lies)
    assert made.headers["Location"] == f"/users/{body_of(made)['id']}"
    (letter,) = town.mail()
    assert "evil" not in letter.message.as_string()
    assert letter.link.startswith("https://login.example.com/invitation?token=")


def test_an_invitation_dies_when_a_password_is_set_by_another_link(town: Town, admin: JsonClient) -> None:
    body_of(admin.post("/users", email="a@example.com"))
    town.app.post("/auth/forgot-password", email="a@example.com")
    letters = {letter.link.split("?")[0].rsplit("/", 1)[1]: letter for letter in town.mail()}
    reset = town.app.post("/auth/reset-password", token=token_of(letters["reset-password"]), password=PASSWORD)
    assert reset.status_code == 200
    refused = town.app.post("/auth/accept-invitation", token=token_of(letters["invitation"]), password=PASSWORD)
    assert problem(refused) == (400, "link_invalid")


def test_who_is_made_with_a_password_confirms_the_address_unless_it_is_known(town: Town, admin: JsonClient) -> None:
    body_of(admin.post("/users", email="a@example.com", password=PASSWORD))
    known = body_of(admin.post("/users", email="b@example.com", password=PASSWORD, is_verified=True))
    assert known["is_verified"] is True
    assert [letter.recipient for letter in town.mail()] == ["a@example.com"]
    town.app.login(TestUser(uuid.UUID(known["id"]), "b@example.com", PASSWORD))


def test_what_is_taken_or_wrong_makes_nothing(server: Server, admin: JsonClient) -> None:
    server.user("ada@example.com", username="ada", password=None)
    assert problem(admin.post("/users", email="ADA@example.com")) == (409, "email_taken")
    assert problem(admin.post("/users", email="b@example.com", username="Ada")) == (409, "username_taken")
    assert errors(admin.post("/users")) == {"email"}
    assert errors(admin.post("/users", email="no address")) == {"email"}
    assert errors(admin.post("/users", email="b@example.com", username="not one")) == {"username"}
    weak = admin.post("/users", email="b@example.com", password="password")
    assert (*problem(weak), errors(weak)) == (422, "password_refused", {"password"})
    assert errors(admin.post("/users", email="b@example.com", profile={"birthdate": "x"})) == {"profile"}
    assert len(body_of(admin.get("/users"))["items"]) == 2


def test_no_member_of_a_body_grants_anything_g23(server: Server, admin: JsonClient) -> None:
    person = server.user()
    own, before = JsonClient(server).login(person), stored(server, person.id).updated_at
    for client in (own, admin):
        for name, value in PRIVILEGES.items():
            body = {name: value}
            for answer in (client.patch(f"/users/{person.id}", **body), client.put(f"/users/{person.id}", **body)):
                assert (*problem(answer), errors(answer)) == (422, "validation_failed", {name})
    for name, value in PRIVILEGES.items():
        assert errors(admin.post("/users", email="x@example.com", **{name: value})) == {name}
    assert stored(server, person.id).updated_at == before
    assert stored(server, person.id).superuser_since is None


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "a\x1bb"])
def test_texts_that_no_database_holds_are_refused_w02(server: Server, admin: JsonClient, text: str) -> None:
    for body in ({"full_name": text}, {"username": text}, {"email": f"{text}@example.com"}):
        answer = admin.http.patch(f"/users/{server.user().id}", json=body, headers=admin.headers)
        assert (*problem(answer), errors(answer)) == (422, "validation_failed", set(body))
    assert errors(admin.post("/users", email=f"{text}@example.com")) == {"email"}


def test_a_person_sees_and_changes_their_own_account_by_its_id(server: Server) -> None:
    person = server.user()
    own = JsonClient(server).login(person)
    path = f"/users/{person.id}"
    assert body_of(own.get(path)) == body_of(own.get("/auth/me"))
    changed = own.patch(path, username="ada", profile={"bio": "Counts.", "address": {"country": "England"}})
    assert (changed.status_code, body_of(changed)["profile"]["bio"]) == (200, "Counts.")
    for body in ({"email": "thief@example.com"}, {"is_verified": True}):
        refused = own.patch(path, **body)
        assert (*problem(refused), errors(refused)) == (422, "validation_failed", set(body))
    replaced = own.put(path, full_name="Ada", profile={"nickname": "A"})
    assert body_of(replaced)["profile"] == {"nickname": "A"}
    assert (body_of(replaced)["username"], body_of(replaced)["full_name"]) == (None, "Ada")
    part = own.put(path, profile={"address": {"locality": "London"}})
    assert body_of(part)["profile"] == {"address": {"locality": "London"}}


def test_who_has_not_confirmed_their_address_changes_nothing(server: Server, admin: JsonClient) -> None:
    person = server.user()
    own = JsonClient(server).login(person)
    assert admin.patch(f"/users/{person.id}", is_verified=False).status_code == 200
    for answer in (
        own.patch(f"/users/{person.id}", full_name="x"), own.put(f"/users/{person.id}"),
        own.post("/users/profile", full_name="x"),
    ):  # fmt: skip
        assert problem(answer) == (403, "email_not_verified")
    assert own.get(f"/users/{person.id}").status_code == 200


def test_a_foreign_and_an_unknown_id_are_told_alike_and_admins_are_told_the_truth(
    server: Server, admin: JsonClient
) -> None:
    own, foreign = JsonClient(server).login(server.user()), server.user()

    def ask(client: JsonClient, user_id: object) -> list[tuple[int, str]]:
        path = f"/users/{user_id}"
        calls = [client.get(path), client.patch(path), client.put(path), client.delete(path)]
        calls += [client.get(f"{path}/{part}") for part in ("activity", "dashboard", "preferences")]
        calls += [client.post(f"{path}/{part}", reason="x") for part in ("suspend", "activate", "unlock", "logout")]
        return [problem(answer) for answer in calls]

    assert ask(own, foreign.id) == ask(own, uuid.uuid4()) == [(403, "forbidden")] * 11
    unknown = ask(admin, uuid.uuid4())
    assert unknown.pop(6) == (403, "forbidden")  # preferences are nobody else's business
    assert unknown == [(404, "not_found")] * 10
    for wrong in ("me2", "0", str(2**63), "-1", "%00"):
        assert problem(admin.get(f"/users/{wrong}")) == (404, "not_found")


def test_an_address_that_an_admin_sets_is_unconfirmed_and_links_to_the_one_before_die(
    town: Town, admin: JsonClient
) -> None:
    person = town.server.user("old@example.com")
    town.app.post("/auth/forgot-password", email="old@example.com")
    token = town.token()
    changed = body_of(admin.patch(f"/users/{person.id}", email="New@example.com"))
    assert (changed["email"], changed["is_verified"]) == ("New@example.com", False)
    assert problem(town.app.post("/auth/reset-password", token=token, password=PASSWORD)) == (400, "link_invalid")
    assert town.server.audit("user.email_changed", str(person.id))[0].actor_kind == "user"
    again = body_of(admin.patch(f"/users/{person.id}", email="third@example.com", is_verified=True))
    assert again["is_verified"] is True
    assert problem(admin.patch(f"/users/{person.id}", email="admin@example.org")) == (409, "email_taken")
    assert body_of(admin.patch(f"/users/{person.id}", email="Third@example.com"))["is_verified"] is True


def test_addresses_and_deletion_are_for_admins_who_signed_in_lately_f18(server: Server, admin: JsonClient) -> None:
    path = f"/users/{server.user().id}"
    clock.travel(timedelta(minutes=11))
    for answer in (admin.patch(path, email="x@example.com"), admin.patch(path, is_verified=True), admin.delete(path)):
        assert problem(answer) == (401, "insufficient_user_authentication")
        assert 'max_age="600"' in answer.headers["WWW-Authenticate"]
    assert admin.patch(path, full_name="x").status_code == 200


def test_deleting_closes_the_account_and_activating_takes_it_back(town: Town, admin: JsonClient) -> None:
    person = town.server.user()
    own = JsonClient(town.server).login(person)
    first, second = admin.delete(f"/users/{person.id}"), admin.delete(f"/users/{person.id}")
    assert (first.status_code, body_of(first)) == (202, body_of(second))
    assert body_of(admin.get(f"/users/{person.id}"))["erase_at"] == body_of(first)["erase_at"]
    assert problem(own.get("/auth/me")) == (401, "unauthorized")
    assert [letter.recipient for letter in town.mail()] == [person.email]
    opened = admin.post(f"/users/{person.id}/activate", reason="A mistake")
    assert body_of(opened)["erase_at"] is None
    assert [event.actor_id for event in town.server.audit("user.reopened", str(person.id))] != [str(person.id)]
