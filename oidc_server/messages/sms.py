"""Text messages to phones, by the HTTP interface of whoever carries them: POST of ``{"to": ..., "text": ...}``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from oidc_server.core.settings import Settings
from oidc_server.messages.smtp import tls_context
from oidc_server.messages.transports import Away, Outgoing, Refused, Send, Sms

TIMEOUT_SECONDS = 10.0
# What the answer says of this one message; of any other, all messages are concerned.
_OF_THE_MESSAGE = frozenset({400, 404, 410, 413, 422})


class _NoRedirects(HTTPRedirectHandler):
    """The token and the message are for the configured address alone."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


class SmsTransport:
    """Hands messages to OIDC_SMS_URL, with OIDC_SMS_TOKEN as bearer token (RFC 6750)."""

    def __init__(self, settings: Settings, timeout: float = TIMEOUT_SECONDS) -> None:
        self._url = settings.sms_url
        self._token = settings.sms_token
        self._opener = build_opener(HTTPSHandler(context=tls_context(settings.ca_bundle)), _NoRedirects())
        self._timeout = timeout

    @contextmanager
    def connection(self) -> Iterator[Send]:
        """Each message is a request of its own."""
        yield self._send

    def _send(self, outgoing: Outgoing) -> None:
        assert isinstance(outgoing.content, Sms)  # noqa: S101 - narrows the type: other channels go elsewhere
        body = json.dumps({"to": outgoing.content.recipient, "text": outgoing.content.text}).encode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": str(outgoing.id),  # a provider that knows it sends a repeated message once
            **({"Authorization": f"Bearer {self._token}"} if self._token else {}),
        }
        request = Request(self._url, body, headers, method="POST")  # noqa: S310 - the settings allow http(s) only
        try:
            with self._opener.open(request, timeout=self._timeout):
                return
        except HTTPError as error:
            error.close()
            raise (Refused if error.code in _OF_THE_MESSAGE else Away)(f"it answered {error.code}") from error
        except (OSError, HTTPException) as error:
            raise Away(f"{type(error).__name__}: {error}") from error
