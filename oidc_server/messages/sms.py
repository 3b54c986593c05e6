"""Text messages to phones, by the HTTP interface of whoever carries them: our own plain one, or Twilio's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage
from typing import IO, Protocol
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from oidc_server.core.settings import Settings
from oidc_server.messages.smtp import tls_context
from oidc_server.messages.transports import Away, NotTaken, Outgoing, Refused, Send, Sms
from oidc_server.messages.twilio import TwilioInterface

TIMEOUT_SECONDS = 10.0
_ANSWER_BYTES = 65_536
# What the answer says of this one message; of any other, all messages are concerned.
_OF_THE_MESSAGE = frozenset({400, 404, 410, 413, 422})


class Interface(Protocol):
    """How messages are asked to be carried, and what is made of a refusal."""

    def request(self, outgoing: Outgoing, sms: Sms) -> Request:
        """The request that hands the message over."""

    def refusal(self, status: int, body: bytes) -> NotTaken:
        """What an answer with this status says of the message."""


class JsonInterface:
    """POST of ``{"to": ..., "text": ...}``, with OIDC_SMS_TOKEN as bearer token (RFC 6750)."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.sms_url
        self._token = settings.sms_token

    def request(self, outgoing: Outgoing, sms: Sms) -> Request:
        """The message as JSON, under its own number."""
        body = json.dumps({"to": sms.recipient, "text": sms.text}).encode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": str(outgoing.id),  # a provider that knows it sends a repeated message once
            **({"Authorization": f"Bearer {self._token}"} if self._token else {}),
        }
        return Request(self._url, body, headers, method="POST")  # noqa: S310 - the settings allow http(s) only

    def refusal(self, status: int, _body: bytes) -> NotTaken:
        """By the status alone."""
        return (Refused if status in _OF_THE_MESSAGE else Away)(f"it answered {status}")


class _NoRedirects(HTTPRedirectHandler):
    """The token and the message are for the configured address alone."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


class SmsTransport:
    """Hands messages to OIDC_SMS_URL, by the interface of OIDC_SMS_PROVIDER."""

    def __init__(self, settings: Settings, timeout: float = TIMEOUT_SECONDS) -> None:
        twilio = settings.sms_provider == "twilio"
        self._interface: Interface = TwilioInterface(settings) if twilio else JsonInterface(settings)
        self._opener = build_opener(HTTPSHandler(context=tls_context(settings.ca_bundle)), _NoRedirects())
        self._timeout = timeout

    @contextmanager
    def connection(self) -> Iterator[Send]:
        """Each message is a request of its own."""
        yield self._send

    def _send(self, outgoing: Outgoing) -> None:
        assert isinstance(outgoing.content, Sms)  # noqa: S101 - narrows the type: other channels go elsewhere
        request = self._interface.request(outgoing, outgoing.content)
        try:
            with self._opener.open(request, timeout=self._timeout):
                return
        except HTTPError as error:
            with error:
                raise self._interface.refusal(error.code, _body_of(error)) from error
        except (OSError, HTTPException) as error:
            raise Away(f"{type(error).__name__}: {error}") from error


def _body_of(error: HTTPError) -> bytes:
    """The beginning of what was answered; nothing when it breaks off."""
    try:
        return error.read(_ANSWER_BYTES)
    except (OSError, HTTPException):
        return b""
