"""API keys: what they open, from where, until when, and that nothing secret stays of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from oidc_server.audit.models import AuditEvent
from oidc_server.clients.api_key_format import KEY
from oidc_server.clients.api_key_service import ApiKeyInvalid
from oidc_server.clients.models import ApiKey
from oidc_server.core import clock, crypto
from tests.clients.api_key_makers import ELSEWHERE, KeyedServer
from tests.log_lines import log_lines, reason_logged
from tests.relying_party import body_of

DAY = timedelta(days=1)


def test_a_key_opens_what_its_scope_allows_and_nothing_else(keyed: KeyedServer) -> None:
    reader, writer = keyed.make().secret, keyed.make(scope="activity:write users:reading").secret
    assert keyed.status(reader) == 200
    refused = keyed.call(writer)
    assert (refused.status_code, body_of(refused)["code"]) == (403, "insufficient_scope")
    assert keyed.status(reader, "/internal") == keyed.status(writer, "/internal") == 200


def test_a_key_can_be_told_from_other_texts_and_its_secret_is_not_kept(keyed: KeyedServer) -> None:
    key = keyed.make()
    shape = KEY.fullmatch(key.secret)
    assert shape is not None
    assert shape["prefix"] == key.row.prefix
    secret = key.secret.removeprefix(f"{key.row.prefix}_")
    assert len(crypto.from_urlsafe(secret)) == 32
    with keyed.server.database.reading() as session:
        row = session.execute(select(ApiKey.__table__).where(ApiKey.id == key.row.id)).one()
        events = session.scalars(select(AuditEvent).where(AuditEvent.subject_id == str(key.row.id))).all()
    assert row.digest == crypto.digest(key.secret)
    assert secret not in str(row) + repr(key.row) + "".join(str(event.detail) for event in events)
    assert [event.event for event in events] == ["api_key.created"]


def test_keys_that_are_not_good_are_refused_alike(keyed: KeyedServer, capfd: pytest.CaptureFixture[str]) -> None:
    expired, revoked = keyed.make(expires_at=clock.now() + DAY), keyed.make()
    bound = keyed.make(networks=["192.0.2.0/24"])
    keyed.revoke(revoked)
    clock.travel(DAY)
    unknown = f"oidc_{'A' * 8}_{crypto.new_secret()}"
    cases = {
        "api_key_missing": "", "api_key_unknown": unknown, "api_key_expired": expired.secret,
        "api_key_revoked": revoked.secret, "api_key_network": bound.secret,
    }  # fmt: skip
    answers = {reason: keyed.call(secret) for reason, secret in cases.items()}
    assert {answer.status_code for answer in answers.values()} == {401}
    told = [body_of(answer) | {"error_id": ""} for answer in answers.values()]
    assert told == [told[0]] * len(cases)
    lines = {line["error_id"]: line for line in log_lines(capfd) if line["event"] == "refused"}
    assert {reason: lines[body_of(answer)["error_id"]]["reason"] for reason, answer in answers.items()} == {
        reason: reason for reason in cases
    }
    assert not any(secret and secret in str(lines) for secret in cases.values())


def test_a_text_that_only_resembles_a_key_is_unknown(keyed: KeyedServer) -> None:
    secret = keyed.make().secret
    for text in (secret[:-1], f"{secret}A", f"{secret} {secret}", secret.upper(), secret.partition("_")[2], "x"):
        assert keyed.status(text) == 401
    assert keyed.status(secret) == 200


def test_a_revoked_key_stops_within_the_bound_although_it_is_remembered(keyed: KeyedServer) -> None:
    key = keyed.make()
    assert keyed.status(key.secret) == 200
    assert keyed.revoke(key) is True
    assert keyed.revoke(key) is False
    clock.travel(timedelta(seconds=3.01))
    assert keyed.status(key.secret) == 401
    assert len(keyed.server.audit("api_key.revoked", str(key.row.id))) == 1


def test_a_key_ends_at_its_instant_although_it_is_remembered(keyed: KeyedServer) -> None:
    key = keyed.make(expires_at=clock.now() + timedelta(seconds=60))
    clock.travel(timedelta(seconds=58))
    assert keyed.status(key.secret) == 200
    clock.travel(timedelta(seconds=2))
    assert keyed.status(key.secret) == 401


def test_a_key_that_is_bound_to_networks_is_good_in_these_alone(
    keyed: KeyedServer, capfd: pytest.CaptureFixture[str]
) -> None:
    key = keyed.make(networks=["192.0.2.0/24", "2001:db8:5::/48", "203.0.113.9"])
    inside = ("192.0.2.255", "::ffff:192.0.2.1", "2001:db8:5::1", "203.0.113.9")
    outside = ("192.0.3.0", "::ffff:192.0.3.0", "2001:db8:6::1", "203.0.113.8", "::192.0.2.1", "unknown", "")
    assert [keyed.status(key.secret, address=address) for address in inside] == [200] * 4
    for address in outside:
        assert reason_logged(capfd, keyed.call(key.secret, address=address)) == "api_key_network"


def test_a_caller_cannot_write_itself_into_a_network(keyed: KeyedServer) -> None:
    key = keyed.make(networks=["192.0.2.0/24"])
    forged = {"X-Forwarded-For": "192.0.2.1", "X-Real-IP": "192.0.2.1", "Forwarded": "for=192.0.2.1"}
    assert keyed.call(key.secret, **forged).status_code == 401
    appended = f"192.0.2.1, {ELSEWHERE}"
    assert keyed.call(key.secret, address="127.0.0.1", **{"X-Forwarded-For": appended}).status_code == 401
    through_a_proxy = {"X-Forwarded-For": f"{ELSEWHERE}, 192.0.2.1"}
    assert keyed.call(key.secret, address="127.0.0.1", **through_a_proxy).status_code == 200


def test_networks_are_kept_in_one_spelling(keyed: KeyedServer) -> None:
    networks = ["::ffff:10.0.0.0/104", "10.0.0.0/8", "2001:DB8::/32", "192.0.2.1"]
    assert keyed.make(networks=networks).row.networks == ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"]


def test_what_no_key_can_be_is_refused_and_nothing_is_made(keyed: KeyedServer) -> None:
    cases: dict[str, tuple[object, ...]] = {
        "name": (" ", "x" * 101, "a\nb"),
        "scope": ("", "a  b", 'a"b', "ä"),
        "networks": (["10.0.0.1/8"], ["10.0.0.0/33"], ["localhost"], ["10.0.0.0/8"] * 51),
        "expires_at": (clock.now(), clock.now() + 4000 * DAY),
    }
    for field, values in cases.items():
        for value in values:
            with pytest.raises(ApiKeyInvalid) as refusal:
                keyed.make(**{field: value})
            assert refusal.value.field == field
    with keyed.server.database.reading() as session:
        assert session.scalars(select(ApiKey)).all() == []


def test_metrics_answer_to_a_key_with_their_scope_and_strangers_learn_nothing(
    keyed: KeyedServer, capfd: pytest.CaptureFixture[str]
) -> None:
    good, other, ended = keyed.make(scope="metrics:read"), keyed.make(), keyed.make(scope="metrics:read")
    keyed.revoke(ended)
    assert keyed.status(good.secret, "/metrics") == 200
    nowhere = body_of(keyed.call("", "/nowhere")) | {"error_id": ""}
    for secret, reason in ((other.secret, "not_found"), (ended.secret, "api_key_revoked"), ("x", "api_key_unknown")):
        refused = keyed.call(secret, "/metrics")
        assert body_of(refused) | {"error_id": ""} == nowhere
        logged = [line["reason"] for line in log_lines(capfd) if line["event"] == "refused"]
        assert logged[-1] == reason
