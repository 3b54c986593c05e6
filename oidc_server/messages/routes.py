"""``/dev/outbox``, which only a development server has: the mail that it did not send."""

from __future__ import annotations

import re
import uuid

from flask import Blueprint, Flask, Response, abort, current_app
from markupsafe import Markup, escape

from oidc_server.messages.outbox import EXTENSION as OUTBOX
from oidc_server.messages.outbox import Outbox
from oidc_server.pages.rendering import render
from oidc_server.pages.routes import serve_pages

_PATH = "/dev/outbox"
_ADDRESS = re.compile(r"https?://[^\s<>\"]+")

outbox_pages = Blueprint("outbox", __name__)


def init_app(app: Flask) -> None:
    """Serve the outbox, where there is one."""
    if OUTBOX in app.extensions:
        app.register_blueprint(outbox_pages)
        serve_pages(app, _PATH)


@outbox_pages.get(_PATH)
def show_outbox() -> Response:
    """What would have been sent, newest first."""
    messages = [(message, _with_links(message.text)) for message in _outbox().newest_first()]
    return render("messages/outbox.html", messages=messages)


@outbox_pages.get(f"{_PATH}/<uuid:message_id>")
def show_html(message_id: uuid.UUID) -> Response:
    """A mail as a mail program shows it: nothing runs in it and nothing is loaded."""
    message = _outbox().find(message_id)
    if message is None or not message.html:
        abort(404)
    response = Response(message.html, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    response.headers["Cache-Control"] = "no-store"
    return response


def _outbox() -> Outbox:
    outbox: Outbox = current_app.extensions[OUTBOX]
    return outbox


def _with_links(text: str) -> Markup:
    """The text, in which every address can be followed."""
    parts, end = [], 0
    for found in _ADDRESS.finditer(text):
        address = escape(found[0])
        parts += [escape(text[end : found.start()]), Markup('<a href="{0}">{0}</a>').format(address)]
        end = found.end()
    return Markup().join([*parts, escape(text[end:])])
