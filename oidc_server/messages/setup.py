"""Puts what composes and sends messages on the application, by the settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from oidc_server.core.database import EXTENSION as DATABASE
from oidc_server.core.settings_checks import mail_sender
from oidc_server.messages import delivery, outbox, rendering
from oidc_server.messages.kinds import Kind
from oidc_server.messages.mail import Letterhead
from oidc_server.messages.queue import Composer
from oidc_server.messages.service import MAIL, SMS
from oidc_server.messages.transports import Transport

if TYPE_CHECKING:
    from flask import Flask

    from oidc_server.core.settings import Settings


def init_app(app: Flask, settings: Settings, composers: Mapping[Kind, Composer], catch_in: Path | None) -> None:
    """Send mail and text messages by what the settings name; with a folder to catch them in, send none."""
    app.extensions[rendering.EXTENSION] = settings.issuer
    transports = _sending(settings)
    if catch_in is not None:
        app.extensions[outbox.EXTENSION] = box = outbox.Outbox(catch_in)
        transports = {MAIL: box, SMS: box}
    app.extensions[delivery.EXTENSION] = delivery.Delivery(app.extensions[DATABASE], transports, composers)


def _sending(settings: Settings) -> dict[str, Transport]:
    """What they need is imported where it is used: most commands send nothing."""
    transports: dict[str, Transport] = {}
    if settings.smtp_url:
        from oidc_server.messages.smtp import SmtpTransport  # noqa: PLC0415 - see above

        letterhead = Letterhead(mail_sender(settings), urlsplit(settings.issuer).hostname or "")
        transports[MAIL] = SmtpTransport(settings, letterhead)
    if settings.sms_url:
        from oidc_server.messages.sms import SmsTransport  # noqa: PLC0415 - see above

        transports[SMS] = SmsTransport(settings)
    return transports
