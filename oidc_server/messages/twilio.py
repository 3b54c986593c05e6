"""Text messages by Twilio, or whoever speaks as it does: its resource Messages, which takes a form with Basic
authentication and answers in JSON."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request

from oidc_server.core.settings import Settings
from oidc_server.messages.transports import Away, NotTaken, Outgoing, Refused, Sms

_SERVICE_PREFIX = "MG"  # how the identifiers of messaging services begin; they choose the sender
# Numbers of errors that say that nobody will ever be reached at this number: it is none, does not want messages any
# more, or is that of no mobile phone.
_OF_THE_NUMBER = frozenset({21211, 21610, 21614})


class TwilioInterface:
    """POST of a form to OIDC_SMS_URL, from OIDC_SMS_FROM; OIDC_SMS_TOKEN is ``SID:token``."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.sms_url
        self._authorization = "Basic " + b64encode(settings.sms_token.encode()).decode()  # RFC 7617 §2
        self._sender = "MessagingServiceSid" if settings.sms_from.startswith(_SERVICE_PREFIX) else "From"
        self._from = settings.sms_from

    def request(self, _outgoing: Outgoing, sms: Sms) -> Request:
        """The message as a form. It has no way to say that it is sent again."""
        form = {"To": sms.recipient, self._sender: self._from, "Body": sms.text}
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
            "Authorization": self._authorization,
        }
        body = urlencode(form).encode("ascii")
        return Request(self._url, body, headers, method="POST")  # noqa: S310 - the settings allow http(s) only

    def refusal(self, status: int, body: bytes) -> NotTaken:
        """Refused for good is what is said of the number. What else is wrong with a request may be of the message or of
        the account, and Twilio asks not to rely on its numbers: such a message is tried again by itself. Any other
        status is of the account, the address or Twilio. Its words name the number, and are not kept."""
        if status != 400:
            return Away(f"it answered {status}")
        number = _error_number(body)
        told = f"it answered {status}" if number is None else f"it answered {status}, error {number}"
        return Refused(told) if number in _OF_THE_NUMBER else NotTaken(told)


def _error_number(body: bytes) -> int | None:
    with suppress(ValueError, RecursionError):
        answer: Any = json.loads(body)
        if isinstance(answer, dict) and isinstance(answer.get("code"), int):
            return int(answer["code"])
    return None
