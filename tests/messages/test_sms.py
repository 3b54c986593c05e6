"""Text messages go to the provider's HTTP interface; what it answers decides whether they wait or are given up."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from oidc_server.core.settings import Settings
from oidc_server.messages.transports import Away, NotTaken, Refused
from tests.messages.sms_provider import NUMBER, Provider, send, sms_provider


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with sms_provider("/send?account=1") as told:
        yield told


def settings(provider: Provider, token: str = "") -> Settings:
    return Settings(sms_url=provider.url, sms_token=token)


def test_a_message_is_posted_as_json_with_the_token_and_its_own_number(provider: Provider) -> None:
    number = send(settings(provider, "s3cret"))
    ((path, headers, body),) = provider.asked
    assert path == "/send?account=1"
    assert json.loads(body) == {"to": NUMBER, "text": "Your code is 123456 é"}
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["content-type"] == "application/json"
    assert headers["idempotency-key"] == str(number)


def test_without_a_token_none_is_sent(provider: Provider) -> None:
    send(settings(provider))
    assert "authorization" not in provider.asked[0][1]


@pytest.mark.parametrize(("status", "kind"), [(422, Refused), (404, Refused), (401, Away), (429, Away), (503, Away)])
def test_what_it_answers_decides_whether_this_message_or_all_are_concerned_x38(
    provider: Provider, status: int, kind: type[NotTaken]
) -> None:
    provider.status = status
    with pytest.raises(kind, match=str(status)):
        send(settings(provider))


def test_neither_the_message_nor_the_token_follows_a_redirect(provider: Provider) -> None:
    provider.status, provider.location = 307, provider.url.replace("/send", "/elsewhere")
    with pytest.raises(Away):
        send(settings(provider, "s3cret"))
    assert [path for path, _, _ in provider.asked] == ["/send?account=1"]


def test_a_provider_that_is_away_keeps_the_message_here_x38(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(Away):
        send(Settings(sms_url="http://127.0.0.1:1/send"))
