"""The list of accounts for admins: by pages, by the beginning of a name, by state."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from oidc_server.accounts import directory
from oidc_server.accounts.api.account_schemas import AccountSchema
from tests.accounts.json_client import JsonClient, errors, problem
from tests.relying_party import Server, TestUser, body_of

PAYLOADS = ("' OR '1'='1", "'; DROP TABLE users; --", '" OR ""="', "a' UNION SELECT password_hash FROM users --", "\\'")


def emails(response: TestResponse) -> list[str]:
    assert response.status_code == 200, response.json
    return [item["email"] for item in body_of(response)["items"]]


def people(server: Server, *names: str) -> list[TestUser]:
    return [server.user(f"{name}@example.com", username=name, password=None) for name in names]


def test_the_list_comes_by_pages_and_each_account_once(server: Server, admin: JsonClient) -> None:
    people(server, "a", "b", "c", "d")
    first = admin.get("/users", limit=2)
    assert emails(first) == ["admin@example.org", "a@example.com"]
    cursor = body_of(first)["next"]
    assert first.headers["Link"] == f'</users?limit=2&cursor={cursor}>; rel="next"'
    second = admin.get("/users", limit=2, cursor=cursor)
    assert emails(second) == ["b@example.com", "c@example.com"]
    last = admin.get("/users", limit=2, cursor=body_of(second)["next"])
    assert (emails(last), body_of(last)["next"]) == (["d@example.com"], None)
    assert "Link" not in last.headers


def test_an_account_that_is_made_or_goes_meanwhile_moves_no_page(server: Server, admin: JsonClient) -> None:
    people(server, "a", "b")
    cursor = body_of(admin.get("/users", limit=2))["next"]
    people(server, "c")
    assert emails(admin.get("/users", limit=2, cursor=cursor)) == ["b@example.com", "c@example.com"]


def test_an_account_in_the_list_is_what_its_schema_describes(server: Server, admin: JsonClient) -> None:
    (person,) = people(server, "ada")
    profile = {"locale": "en-GB", "phone_number": "+442079460123", "address": {"country": "England"}}
    assert admin.patch(f"/users/{person.id}", full_name="Ada", profile=profile).status_code == 200
    (item,) = body_of(admin.get("/users", query="ada"))["items"]
    schema = AccountSchema()
    described = {name for name, field in schema.fields.items() if field.required}
    assert set(item) == described
    assert set(item["profile"]) == {*profile, "phone_number_verified"}
    assert item == body_of(admin.get(f"/users/{person.id}"))


def test_a_query_finds_the_beginnings_of_addresses_and_usernames(server: Server, admin: JsonClient) -> None:
    server.user("ada@example.com", username="countess", password=None)
    server.user("count@example.com", username="adam", password=None)
    server.user("eve@ada.example", password=None)
    server.user("jörg@bücher.example", password=None)
    found = {
        "ada": ["ada@example.com", "count@example.com"],
        "ADA@": ["ada@example.com"],
        "Count": ["ada@example.com", "count@example.com"],
        "example": [],
        "jörg@bücher.example": ["jörg@bücher.example"],
        "JÖRG": ["jörg@bücher.example"],
        "nobody@example.com": [],
    }
    for query, expected in found.items():
        assert emails(admin.get("/users", query=query)) == expected, query


def test_many_names_are_found_in_another_way_and_are_the_same(
    server: Server, admin: JsonClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [person.email for person in people(server, "ada", "adb", "adc")]
    server.user("z@example.com", username="add", password=None)
    for few in (directory._FEW, 2):
        monkeypatch.setattr(directory, "_FEW", few)
        first = admin.get("/users", query="ad", limit=3)
        assert emails(first) == ["admin@example.org", *made[:2]]
        rest = admin.get("/users", query="ad", limit=3, cursor=body_of(first)["next"])
        assert emails(rest) == [made[2], "z@example.com"]
        assert emails(admin.get("/users", query="ad", is_verified="false")) == []


def test_a_query_is_taken_literally(server: Server, admin: JsonClient) -> None:
    server.user("a_b@example.com", password=None)
    server.user("axb@example.com", password=None)
    server.user("a%b@example.com", password=None)
    server.user("a/b@example.com", password=None)
    for query in ("a_b", "a%b", "a/b"):
        assert emails(admin.get("/users", query=query)) == [f"{query}@example.com"], query
    assert emails(admin.get("/users", query="%")) == emails(admin.get("/users", query="_")) == []


def test_filters_by_state_and_a_query_hold_together(server: Server, admin: JsonClient) -> None:
    active, suspended, locked = people(server, "pa", "ps", "pl")
    assert admin.post(f"/users/{suspended.id}/suspend", reason="x").status_code == 200
    until = "2200-01-01T00:00:00Z"
    assert admin.post(f"/users/{locked.id}/suspend", reason="x", until=until).status_code == 200
    assert admin.patch(f"/users/{active.id}", is_verified=False).status_code == 200
    assert emails(admin.get("/users", query="p", is_active="true")) == [active.email]
    assert emails(admin.get("/users", is_active="false")) == [suspended.email, locked.email]
    assert emails(admin.get("/users", is_verified="false")) == [active.email]
    assert emails(admin.get("/users", is_verified="true", is_active="true")) == ["admin@example.org"]
    page = admin.get("/users", is_active="false", query="p", limit=1)
    assert f"is_active=false&query=p&limit=1&cursor={suspended.id}" in page.headers["Link"]
    assert emails(admin.get("/users", is_active="false", limit=1, cursor=body_of(page)["next"])) == [locked.email]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_sql_in_the_query_or_the_cursor_is_no_sql_w01(server: Server, admin: JsonClient, payload: str) -> None:
    people(server, "a")
    assert emails(admin.get("/users", query=payload)) == []
    for name in ("cursor", "limit", "is_active"):
        refused = admin.get("/users", **{name: payload})
        assert (*problem(refused), errors(refused)) == (400, "invalid_query", {name})
    assert problem(admin.get(f"/users/{quote(payload)}")) == (404, "not_found")
    assert len(emails(admin.get("/users"))) == 2


@pytest.mark.parametrize("text", ["%00", "a%00b", "%1b%5b2J", "%0d%0aX:y"])
def test_control_characters_in_the_query_are_refused_w02(admin: JsonClient, text: str) -> None:
    for name in ("query", "cursor"):
        refused = admin.http.get(f"/users?{name}={text}", headers=admin.headers)
        assert (*problem(refused), errors(refused)) == (400, "invalid_query", {name})


@pytest.mark.parametrize("text", ["%ff", "%c0%80", "%ed%a0%80", "%ef%bb%bfa", "%e2%80%ae", "%f0%9f%98%80"])
def test_bytes_that_are_no_name_find_nobody_w02(admin: JsonClient, text: str) -> None:
    assert emails(admin.http.get(f"/users?query={text}", headers=admin.headers)) == []


def test_numbers_beyond_their_bounds_are_refused_w03(admin: JsonClient) -> None:
    for limit in ("0", "-1", "201", str(2**31), str(2**63), "1e309", "true", '"1"', "1.0", "", " 1", "１"):
        refused = admin.get("/users", limit=limit)
        assert (*problem(refused), errors(refused)) == (400, "invalid_query", {"limit"}), limit
    for truth in ("1", "yes", "True", "TRUE", "null", ""):
        assert errors(admin.get("/users", is_active=truth)) == {"is_active"}, truth
    for cursor in ("1", str(2**63), "-1", str(uuid.uuid4()).upper(), uuid.uuid4().hex, f"{{{uuid.uuid4()}}}"):
        assert errors(admin.get("/users", cursor=cursor)) == {"cursor"}, cursor


def test_what_is_asked_twice_or_is_unknown_is_refused(admin: JsonClient) -> None:
    for query, name in (("limit=1&limit=2", "limit"), ("offset=5", "offset"), ("sort=email", "sort")):
        refused = admin.http.get(f"/users?{query}", headers=admin.headers)
        assert (*problem(refused), errors(refused)) == (400, "invalid_query", {name})


def test_only_admins_see_the_list(server: Server, admin: JsonClient) -> None:
    somebody: Any = JsonClient(server).login(server.user())
    assert problem(somebody.get("/users")) == (403, "forbidden")
    assert problem(JsonClient(server).get("/users")) == (401, "unauthorized")
    assert body_of(admin.get("/api/v1/users")) == body_of(admin.get("/users"))
