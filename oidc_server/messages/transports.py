"""What hands messages over, whichever way they go, and how it says that it could not."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from oidc_server.messages.mail import Mail


@dataclass(frozen=True)
class Sms:
    """A text message to a phone; ``recipient`` is its number (E.164)."""

    recipient: str
    text: str


@dataclass(frozen=True)
class Outgoing:
    """A composed message, under the id of its row: the same at each attempt."""

    id: uuid.UUID
    content: Mail | Sms


class NotTaken(Exception):
    """The message was not taken this time; later it may be."""


class Refused(NotTaken):
    """The message was refused for good: nobody has this address, or it is none."""


class Away(NotTaken):
    """Nothing can be handed over now: whoever takes messages is away, does not answer, or does not want ours."""


Send = Callable[[Outgoing], None]


class Transport(Protocol):
    """A way for messages to leave this server."""

    def connection(self) -> AbstractContextManager[Send]:
        """What takes the messages of one batch, one at a time; returning means that the message was taken.

        It raises :class:`NotTaken`, or :class:`Refused` or :class:`Away` where it knows more."""
