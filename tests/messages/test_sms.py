"""Text messages go to the provider's HTTP interface; what it answers decides whether they wait or are given up."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from oidc_server.core.settings import Settings
from oidc_server.messages.sms import SmsTransport
from oidc_server.messages.transports import Away, NotTaken, Outgoing, Refused, Sms

NUMBER = "+442079460123"


@dataclass
class Provider:
    """Answers with ``status`` and keeps what it was asked."""

    url: str
    status: int = 202
    location: str = ""
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(told.status)
            if told.location:
                self.send_header("Location", told.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        told = Provider(f"http://127.0.0.1:{http.server_address[1]}/send?account=1")
        threading.Thread(target=http.serve_forever, args=(0.01,)).start()
        yield told
        http.shutdown()


def send(url: str, *, token: str = "", timeout: float = 2) -> uuid.UUID:
    outgoing = Outgoing(uuid.uuid4(), Sms(NUMBER, "Your code is 123456 é"))
    with SmsTransport(Settings(sms_url=url, sms_token=token), timeout).connection() as hand_over:
        hand_over(outgoing)
    return outgoing.id


def test_a_message_is_posted_as_json_with_the_token_and_its_own_number(provider: Provider) -> None:
    number = send(provider.url, token="s3cret")
    ((path, headers, body),) = provider.asked
    assert path == "/send?account=1"
    assert body == {"to": NUMBER, "text": "Your code is 123456 é"}
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["content-type"] == "application/json"
    assert headers["idempotency-key"] == str(number)


def test_without_a_token_none_is_sent(provider: Provider) -> None:
    send(provider.url)
    assert "authorization" not in provider.asked[0][1]


@pytest.mark.parametrize(("status", "kind"), [(422, Refused), (404, Refused), (401, Away), (429, Away), (503, Away)])
def test_what_it_answers_decides_whether_this_message_or_all_are_concerned_x38(
    provider: Provider, status: int, kind: type[NotTaken]
) -> None:
    provider.status = status
    with pytest.raises(kind, match=str(status)):
        send(provider.url)


def test_neither_the_message_nor_the_token_follows_a_redirect(provider: Provider) -> None:
    provider.status, provider.location = 307, provider.url.replace("/send", "/elsewhere")
    with pytest.raises(Away):
        send(provider.url, token="s3cret")
    assert [path for path, _, _ in provider.asked] == ["/send?account=1"]


def test_a_provider_that_is_away_keeps_the_message_here_x38(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(Away):
        send("http://127.0.0.1:1/send")
