"""Where a development server puts its mail instead of sending it: one file for each message, in a folder of its data.

All processes of the server see the folder, and it outlives them. ``/dev/outbox`` shows what is in it."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from oidc_server.core import clock
from oidc_server.messages.mail import Mail, address_of
from oidc_server.messages.transports import Outgoing, Refused, Send

EXTENSION = "oidc_server.outbox"
KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Caught:
    """A message as it would have been sent. A text message to a phone has no subject and no HTML."""

    id: str
    caught_at: str
    recipient: str
    text: str
    subject: str = ""
    html: str = ""

    @property
    def instant(self) -> datetime:
        """When it was caught."""
        return datetime.fromisoformat(self.caught_at)


class Outbox:
    """The folder. As a transport it takes every message that could be sent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def connection(self) -> Iterator[Send]:
        """Nobody is connected to; what is older than a day is thrown away."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # the links in it are good
        for message in self._messages():
            if clock.now() - message.instant >= KEPT:
                self._file(message.id).unlink(missing_ok=True)
        yield self._catch

    def _catch(self, outgoing: Outgoing) -> None:
        content = outgoing.content
        if isinstance(content, Mail):
            try:
                address_of(content.recipient)
            except ValueError as error:
                raise Refused(str(error)) from error
        words = {"subject": content.subject, "html": content.html} if isinstance(content, Mail) else {}
        caught = Caught(str(outgoing.id), clock.now().isoformat(), content.recipient, content.text, **words)
        file = self._file(caught.id)
        temporary = file.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(asdict(caught), indent=2), encoding="utf-8")
        temporary.replace(file)

    def newest_first(self) -> list[Caught]:
        """The messages of the last day."""
        recent = (message for message in self._messages() if clock.now() - message.instant < KEPT)
        return sorted(recent, key=lambda message: (message.instant, message.id), reverse=True)

    def find(self, message_id: uuid.UUID) -> Caught | None:
        """One message."""
        return _read(self._file(str(message_id)))

    def _messages(self) -> Iterator[Caught]:
        yield from filter(None, map(_read, self._folder.glob("*.json")))

    def _file(self, message_id: str) -> Path:
        return self._folder / f"{message_id}.json"


def _read(file: Path) -> Caught | None:
    """What is in a file; None when it is gone, or is none of ours."""
    with suppress(OSError, ValueError, TypeError):
        return Caught(**json.loads(file.read_text(encoding="utf-8")))
    return None
