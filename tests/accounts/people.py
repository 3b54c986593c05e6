"""People who register, and read their mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from werkzeug.test import TestResponse

from tests.accounts.json_client import JsonClient
from tests.mailbox import Letter, Mailbox, deliver
from tests.relying_party import PASSWORD, Server

ADA = "ada@example.com"


@dataclass(frozen=True)
class Town:
    """A server that hands its mail to a mailbox, and an app to call it by."""

    server: Server
    mailbox: Mailbox
    app: JsonClient

    def register(self, email: str = ADA, password: str = PASSWORD, **more: Any) -> TestResponse:
        """Register by the JSON API."""
        return self.app.post("/auth/register", email=email, password=password, **more)

    def mail(self) -> list[Letter]:
        """Everything that came since this was asked last."""
        self.mailbox.clear()
        deliver(self.server)
        return list(self.mailbox.letters)

    def token(self) -> str:
        """The token of the link in the one mail that came."""
        (letter,) = self.mail()
        return token_of(letter)


def token_of(letter: Letter) -> str:
    """The token of the link in a mail."""
    (token,) = parse_qs(urlsplit(letter.link).query)["token"]
    return token
