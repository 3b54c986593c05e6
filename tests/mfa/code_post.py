"""Codes as people get them: asked for, sent to where a test reads them, and given."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from oidc_server.core.settings import Settings
from oidc_server.messages.delivery import EXTENSION as DELIVERY
from oidc_server.messages.delivery import Delivered, Delivery
from oidc_server.messages.outbox import Caught, Outbox
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.proof import FactorProof, Given
from oidc_server.mfa.proving import prove_factor
from oidc_server.mfa.sent_codes import send_code
from tests.mailbox import deliver
from tests.relying_party import Server, TestUser
from tests.second_factors import factors_of

LOGIN, SESSION = "login 0192", "session 0192"
_CODE = re.compile(r"\b[0-9]{6}\b")


@dataclass
class CodePost:
    """A server that sends codes into a folder; text messages go to Germany, the United Kingdom and the United States.

    A test may put other settings or limits into ``factors``, and ask from another network address."""

    server: Server
    factors: SecondFactors
    box: Outbox
    address: str = "192.0.2.1"

    def ask(self, user: TestUser, method_id: uuid.UUID, bound_to: str = LOGIN) -> uuid.UUID:
        """Have a code sent."""
        with self.server.app.app_context():
            return send_code(self.factors, user.id, method_id, bound_to=bound_to, address=self.address)

    def deliver(self) -> Delivered:
        """Send what is due."""
        return deliver(self.server)

    def last(self) -> Caught:
        """The message that was sent last."""
        return self.box.newest_first()[0]

    def code(self, user: TestUser, method_id: uuid.UUID, bound_to: str = LOGIN) -> str:
        """Have a code sent, and read it."""
        self.ask(user, method_id, bound_to)
        assert self.deliver().sent == 1
        found = _CODE.search(self.last().text)
        assert found is not None
        return found[0]

    def give(self, user: TestUser, method_id: uuid.UUID, code: str, bound_to: str = LOGIN) -> FactorProof:
        """Give a code, as every way in does."""
        given = Given(method_id, code)
        with self.server.app.app_context():
            return prove_factor(
                self.factors, user.id, given, bound_to=bound_to, kinds=frozenset(FactorKind), address=self.address
            )

    def with_settings(self, settings: Settings, **changes: Any) -> None:
        """Go on with other settings."""
        self.factors = replace(self.factors, settings=replace(settings, **changes))


@contextmanager
def code_post(server: Server, folder: Path) -> Iterator[CodePost]:
    """The server, with the folder in the place of its transports."""
    usual: Delivery = server.app.extensions[DELIVERY]
    box, factors = Outbox(folder), factors_of(server)
    server.app.extensions[DELIVERY] = Delivery(server.database, {"mail": box, "sms": box}, usual.composers)
    settings = replace(factors.settings, sms_countries=("DE", "GB", "US"))
    try:
        yield CodePost(server, replace(factors, settings=settings), box)
    finally:
        server.app.extensions[DELIVERY] = usual
