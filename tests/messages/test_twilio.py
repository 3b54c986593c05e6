"""Text messages by Twilio's interface: a form with Basic authentication, and what becomes of those that it refuses."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from oidc_server.core.settings import Settings, SettingsError
from oidc_server.core.settings_checks import check
from oidc_server.messages.transports import Away, NotTaken, Refused
from tests.messages.sms_provider import NUMBER, Provider, send, sms_provider

PATH = "/2010-04-01/Accounts/AC0123/Messages.json"
SENDER = "+15017122661"


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with sms_provider(PATH) as told:
        told.status, told.body = 201, b'{"sid": "SM0123", "status": "queued", "error_code": null}'
        yield told


def settings(provider: Provider, sender: str = SENDER) -> Settings:
    return Settings(sms_provider="twilio", sms_url=provider.url, sms_token="AC0123:s3cret", sms_from=sender)


def error(number: object) -> bytes:
    words = f"The 'To' number {NUMBER} is not a valid phone number."
    return json.dumps({"code": number, "message": words, "more_info": "https://...", "status": 400}).encode()


def test_a_message_is_posted_as_a_form_with_basic_authentication(provider: Provider) -> None:
    text = "123456 is your code & more: 100 % é\n\n@login.example.com #123456"
    send(settings(provider), text)
    ((path, headers, body),) = provider.asked
    assert path == PATH
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    scheme, _, pair = headers["authorization"].partition(" ")
    assert (scheme, b64decode(pair)) == ("Basic", b"AC0123:s3cret")
    assert parse_qs(body.decode("ascii"), strict_parsing=True) == {"To": [NUMBER], "From": [SENDER], "Body": [text]}


def test_a_messaging_service_chooses_the_sender(provider: Provider) -> None:
    send(settings(provider, "MG0123456789abcdef0123456789abcdef"))
    form = parse_qs(provider.asked[0][2].decode())
    assert form["MessagingServiceSid"] == ["MG0123456789abcdef0123456789abcdef"]
    assert "From" not in form


@pytest.mark.parametrize("number", [21211, 21610, 21614])
def test_a_number_that_is_none_or_wants_no_messages_is_given_up_x38(provider: Provider, number: int) -> None:
    provider.status, provider.body = 400, error(number)
    with pytest.raises(Refused, match=f"400, error {number}") as raised:
        send(settings(provider))
    assert NUMBER not in str(raised.value), "what it says names the person"


@pytest.mark.parametrize("body", [error(21606), error("21211"), b"[]", b"<html>", b"[" * 60_000, b"\xff", b""])
def test_any_other_bad_request_keeps_this_message_and_holds_up_no_other_x38(provider: Provider, body: bytes) -> None:
    provider.status, provider.body = 400, body
    with pytest.raises(NotTaken) as raised:
        send(settings(provider))
    assert type(raised.value) is NotTaken


@pytest.mark.parametrize("status", [307, 401, 403, 404, 429, 500, 503])
def test_whatever_is_wrong_with_the_account_or_with_twilio_makes_all_messages_wait_x38(
    provider: Provider, status: int
) -> None:
    provider.status, provider.body, provider.location = status, error(20003), provider.url
    with pytest.raises(Away, match=str(status)):
        send(settings(provider))
    assert len(provider.asked) == 1


def test_an_answer_that_breaks_off_is_judged_by_its_status_x38(provider: Provider) -> None:
    provider.status, provider.body, provider.breaks_off = 400, error(21211)[:-1], True
    with pytest.raises(NotTaken) as raised:
        send(settings(provider))
    assert type(raised.value) is NotTaken


def test_twilio_needs_a_sender_and_an_account_and_countries_have_to_exist() -> None:
    good = Settings(
        issuer="https://login.example.com", database_url="sqlite:////tmp/x.sqlite3", sms_provider="twilio",
        sms_url=f"https://api.twilio.com{PATH}", sms_token="AC0123:s3cret", sms_from=SENDER,
        secret_key="4fJc0l0uWb9yTq7RkZs2xVhN8mPdGe3a", sms_countries=("DE", "GB"),
    )  # fmt: skip
    check(good, production=True)
    for wrong in (
        {"sms_from": ""},
        {"sms_token": ""},
        {"sms_token": "AC0123"},
        {"sms_countries": ("UK",)},
        {"sms_url": ""},
    ):
        with pytest.raises(SettingsError, match="SMS"):
            check(replace(good, **wrong), production=True)
    with pytest.raises(SettingsError, match="SMS_COUNTRIES"):
        check(replace(good, sms_countries=("Germany",)), production=False)
