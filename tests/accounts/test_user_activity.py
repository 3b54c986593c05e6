"""What happened to an account, in sentences; and how an account stands, at one look."""

from __future__ import annotations

import uuid

from oidc_server.accounts.api.user_schemas import ActivitySchema, DashboardSchema
from oidc_server.audit.catalogue import Event
from oidc_server.audit.sentences import SENTENCES, sentence_of
from oidc_server.pages.languages import speaking
from tests.accounts.json_client import JsonClient, problem
from tests.relying_party import Server, body_of

# Kinds of subjects whose events can be about a person.
PERSONAL = {"user", "authorization", "consent", "access_token"}


def test_every_event_about_a_person_has_a_sentence_in_every_language() -> None:
    assert {event for event in Event if event.subject in PERSONAL} == set(SENTENCES)
    with speaking("de"):
        german = {event: sentence_of(event) for event in SENTENCES}
    assert [event for event, words in german.items() if words == sentence_of(event)] == []
    assert len(set(german.values())) == len(german)
    assert sentence_of("key.pruned") == Event.KEY_PRUNED.meaning
    assert sentence_of("planet.exploded") == "planet.exploded"


def test_a_person_sees_what_happened_newest_first_by_pages(server: Server) -> None:
    person = server.user()
    own = JsonClient(server).login(person)
    JsonClient(server).post("/auth/login", email=person.email, password="wrong")
    own.patch("/auth/me", full_name="Ada")
    path = f"/users/{person.id}/activity"
    items = body_of(own.get(path))["items"]
    assert [item["event"] for item in items] == [
        "user.profile_updated", "user.sign_in_failed", "user.signed_in", "user.created",
    ]  # fmt: skip
    updated, failed, signed_in, created = items
    assert updated["text"] == "The profile was changed."
    assert (updated["actor"], updated["address"]) == ("person", "192.0.2.1")
    assert (failed["actor"], created["actor"]) == ("somebody", "system")
    assert (signed_in["client_id"], bool(signed_in["client_name"])) == ("account-api", True)
    assert set(updated) == {name for name, field in ActivitySchema().fields.items() if field.required}
    first = own.get(path, limit=3)
    assert 'rel="next"' in first.headers["Link"]
    last = body_of(own.get(path, limit=3, cursor=body_of(first)["next"]))
    assert ([item["event"] for item in last["items"]], last["next"]) == (["user.created"], None)


def test_sentences_are_in_the_language_that_was_asked_for(server: Server) -> None:
    person = server.user()
    own = JsonClient(server).login(person)
    answer = own.http.get(f"/users/{person.id}/activity", headers=own.headers | {"Accept-Language": "de-AT"})
    assert "Jemand hat sich mit den richtigen Zugangsdaten angemeldet." in [i["text"] for i in body_of(answer)["items"]]


def test_what_an_admin_did_is_told_without_who_and_from_where(server: Server, admin: JsonClient) -> None:
    person = server.user()
    assert admin.patch(f"/users/{person.id}", full_name="Ada").status_code == 200
    path = f"/users/{person.id}/activity"
    told = body_of(JsonClient(server).login(person).get(path))["items"][1]
    assert (told["event"], told["actor"], told["address"]) == ("user.profile_updated", "admin", None)
    assert not {"actor_id", "detail", "request_id"} & set(told)
    known = body_of(admin.get(path))["items"][1]
    assert known["actor_id"] == body_of(admin.get("/auth/me"))["id"]
    assert (known["address"], known["detail"]) == ("192.0.2.1", {"changed": ["name"]})
    assert set(known) == set(ActivitySchema().fields)


def test_nobody_sees_the_events_of_others(server: Server) -> None:
    person, other = server.user(), server.user()
    own = JsonClient(server).login(person)
    JsonClient(server).login(other)
    assert str(other.id) not in own.get(f"/users/{person.id}/activity").text
    assert problem(own.get(f"/users/{other.id}/activity")) == (403, "forbidden")


def test_a_dashboard_shows_the_account_its_safety_its_sessions_and_the_latest_events(
    server: Server, admin: JsonClient
) -> None:
    person = server.user()
    own = JsonClient(server).login(person, device="Phone")
    JsonClient(server).login(person, device="Laptop")
    shown = body_of(own.get(f"/users/{person.id}/dashboard"))
    assert set(shown) == set(DashboardSchema().fields)
    assert shown["account"] == body_of(own.get("/auth/me"))
    assert shown["activity"] == body_of(own.get(f"/users/{person.id}/activity"))["items"]
    assert shown["sessions"] == body_of(own.get("/auth/sessions"))["items"]
    assert [one["current"] for one in shown["sessions"]] == [False, True]
    safety = shown["security"]
    assert (safety["sessions"], safety["known_devices"], safety["has_password"]) == (2, 2, True)
    assert safety["password_changed_at"] is not None
    assert (safety["is_active"], safety["is_verified"], safety["locked_until"]) == (True, True, None)
    by_admin = body_of(admin.get(f"/users/{person.id}/dashboard"))
    assert [one["current"] for one in by_admin["sessions"]] == [False, False]
    assert "actor_id" in by_admin["activity"][0]


def test_a_dashboard_shows_no_more_than_ten_of_each(server: Server) -> None:
    person = server.user()
    own, *_ = [JsonClient(server).login(person) for _ in range(4)]
    for number in range(12):
        own.patch("/auth/me", full_name=f"Ada {number}")
    shown = body_of(own.get(f"/users/{person.id}/dashboard"))
    assert (len(shown["activity"]), len(shown["sessions"]), shown["security"]["sessions"]) == (10, 4, 4)


def test_an_account_that_is_gone_has_no_activity_and_no_dashboard(admin: JsonClient) -> None:
    for part in ("activity", "dashboard"):
        assert problem(admin.get(f"/users/{uuid.uuid4()}/{part}")) == (404, "not_found")


def test_a_profile_is_made_and_completed_by_one_address(server: Server) -> None:
    person = server.user()
    own = JsonClient(server).login(person)
    made = body_of(own.post("/users/profile", full_name="Ada", profile={"bio": "Counts.", "zoneinfo": "Europe/Paris"}))
    assert (made["full_name"], made["profile"]) == ("Ada", {"bio": "Counts.", "zoneinfo": "Europe/Paris"})
    completed = body_of(own.post("/users/profile", profile={"picture": "https://example.com/ada.png", "bio": None}))
    assert completed["profile"] == {"zoneinfo": "Europe/Paris", "picture": "https://example.com/ada.png"}
    assert problem(own.post("/users/profile", profile={"zoneinfo": "Mars"})) == (422, "validation_failed")
