"""Preferences: what a person chose, by namespace; typed, merged, bounded, and nobody else's business."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.test import TestResponse

from oidc_server.users.preferences import MAX_BYTES
from tests.accounts.json_client import JsonClient, errors, problem
from tests.relying_party import Server, body_of

VALUES: dict[str, Any] = {
    "text": "Grüße 👋\nwith lines", "number": 12, "part": 0.5, "yes": True, "no": False, "list": [1, "a", [None]],
    "object": {"deep": {"deeper": {"x": 1}}}, "empty": "", "none": [],
}  # fmt: skip


@pytest.fixture
def own(server: Server) -> JsonClient:
    return JsonClient(server).login(server.user())


def path_of(client: JsonClient) -> str:
    return f"/users/{body_of(client.get('/auth/me'))['id']}/preferences"


def test_values_keep_their_types_and_namespaces_stand_apart(own: JsonClient) -> None:
    path = path_of(own)
    assert body_of(own.get(path)) == {}
    assert body_of(own.patch(path, shop=VALUES)) == {"shop": VALUES}
    assert body_of(own.patch(path, **{"org.example.mail": {"theme": "dark"}})) == {
        "shop": VALUES, "org.example.mail": {"theme": "dark"},
    }  # fmt: skip
    assert body_of(own.get(path))["shop"] == VALUES
    assert type(body_of(own.get(path))["shop"]["yes"]) is bool


def test_a_change_is_a_merge_patch(own: JsonClient) -> None:
    """RFC 7396, with the cases of its appendix A that an object of objects can have."""
    path = path_of(own)
    own.patch(path, a={"b": "c", "d": {"e": 1, "f": [1]}}, z={"y": 1})
    assert body_of(own.patch(path, a={"b": None})) == {"a": {"d": {"e": 1, "f": [1]}}, "z": {"y": 1}}
    assert body_of(own.patch(path, a={"d": {"e": None, "f": [2, 3]}}))["a"] == {"d": {"f": [2, 3]}}
    assert body_of(own.patch(path, a={"d": 5}, z=None)) == {"a": {"d": 5}}
    assert body_of(own.patch(path, a={"d": {"new": {"x": None, "y": 1}}})) == {"a": {"d": {"new": {"y": 1}}}}
    assert body_of(own.patch(path)) == {"a": {"d": {"new": {"y": 1}}}}
    assert body_of(own.patch(path, a={"d": None})) == {}


def test_what_cannot_be_kept_is_named_and_nothing_changes(own: JsonClient) -> None:
    path = path_of(own)
    own.patch(path, shop={"theme": "dark"})
    deep: Any = 1
    for _ in range(9):
        deep = [deep]
    cases: list[tuple[str, set[str]]] = [
        ('{"shop": 1}', {"shop"}),
        ('{"shop": []}', {"shop"}),
        ('{"": {"a": 1}}', {""}),
        ('{"a b": {"a": 1}}', {"a b"}),
        (json.dumps({"x" * 65: {"a": 1}}), {"x" * 65}),
        ('{"shop": {"a b": 1}}', {"shop"}),
        ('{"shop": {"a": 1e309}}', {"shop"}),
        ('{"shop": {"a": 9007199254740992}}', {"shop"}),
        (json.dumps({"shop": {"a": deep}}), {"shop"}),
        ("[]", {"_schema"}),
        ('"x"', {"_schema"}),
    ]
    for body, wrong in cases:
        refused = send(own, path, body)
        assert (*problem(refused), errors(refused)) == (422, "validation_failed", wrong), body
    assert body_of(own.get(path)) == {"shop": {"theme": "dark"}}


@pytest.mark.parametrize("text", [r"\u0000", r"\ud800", r"\u001b"])
def test_characters_that_no_text_has_are_refused_everywhere_w02(own: JsonClient, text: str) -> None:
    path = path_of(own)
    for body in (
        f'{{"a": {{"b": "{text}"}}}}', f'{{"a": {{"{text}": 1}}}}', f'{{"{text}": {{}}}}',
        f'{{"a": {{"b": [{{"{text}": 1}}]}}}}', f'{{"a": {{"b": ["{text}"]}}}}',
    ):  # fmt: skip
        assert problem(send(own, path, body)) in {(422, "validation_failed"), (400, "invalid_json")}, body
    assert body_of(own.get(path)) == {}


def test_everything_together_has_at_most_16_kib(own: JsonClient) -> None:
    path = path_of(own)
    most = MAX_BYTES - len('{"a":{"b":""}}')
    assert own.patch(path, a={"b": "x" * most}).status_code == 200
    refused = own.patch(path, c={"d": 1})
    assert (*problem(refused), errors(refused)) == (422, "validation_failed", {"_schema"})
    assert list(body_of(own.get(path))) == ["a"]
    assert own.patch(path, a=None, c={"d": 1}).status_code == 200
    assert problem(send(own, path, "x" * 70_000)) == (413, "content_too_large")


def test_two_changes_at_once_are_both_kept(server: Server, own: JsonClient) -> None:
    path = path_of(own)

    def change(number: int) -> int:
        client = JsonClient(server)
        client.tokens = own.tokens
        return client.patch(path, **{f"app{number}": {"n": number}}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(change, range(4))) == {200}
    assert body_of(own.get(path)) == {f"app{number}": {"n": number} for number in range(4)}


def test_preferences_are_nobody_elses_not_even_an_admins(own: JsonClient, admin: JsonClient) -> None:
    path = path_of(own)
    assert problem(admin.get(path)) == problem(admin.patch(path, a={"b": 1})) == (403, "forbidden")


def send(client: JsonClient, path: str, body: str) -> TestResponse:
    return client.http.patch(path, data=body, headers=client.headers, content_type="application/json")
