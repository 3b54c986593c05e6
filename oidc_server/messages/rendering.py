"""The words of mails and text messages, in the language of the person: of each kind of mail one template in plain text
and one in HTML, of text messages one in plain text.

As with pages, a deployment's own templates come first (OIDC_TEMPLATE_DIRECTORY). Every link leads to the issuer of the
settings, whatever a request said of this server's name."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode, urlsplit

from flask import current_app
from jinja2 import Environment

from oidc_server.core import logs
from oidc_server.messages.kinds import Kind
from oidc_server.messages.mail import Mail
from oidc_server.messages.models import Message
from oidc_server.messages.transports import Sms
from oidc_server.pages import languages
from oidc_server.pages import rendering as page_rendering
from oidc_server.pages.rendering import Environments
from oidc_server.pages.theme import current_theme

EXTENSION = "oidc_server.messages.issuer"
VALUES = (
    "name", "site", "link", "expires_in", "when", "device", "address", "old_email", "new_email", "code", "method",
    "codes_left",
)  # fmt: skip
_NAME_CHARACTERS = 60
_OTHER_CHARACTERS = 400
# Control characters, what turns the direction of writing around, and halves of characters.
_UNFIT = re.compile("[\x00-\x20\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
# What a mail program would make a link of. A name is no place for somebody else's advertisement.
_LIKE_AN_ADDRESS = re.compile(r"://|www\.|@|[^\W\d_]\.[^\W\d_]{2,}", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n{3,}")

_Words = TypeVar("_Words")
_Render = Callable[[Environment, Kind, dict[str, Any]], _Words]

log = logs.get_logger()


class Rendered(NamedTuple):
    """A mail in words; ``language`` is the tag of the one it is written in."""

    subject: str
    text: str
    html: str
    language: str


def link_to(path: str, **query: str) -> str:
    """The public address of a page of ours, for a mail."""
    issuer: str = current_app.extensions[EXTENSION]
    return f"{issuer}{path}?{urlencode(query)}" if query else f"{issuer}{path}"


def compose_mail(message: Message, *, recipient: str, language: str | None = None, **values: object) -> Mail:
    """The mail for a row, to be sent to ``recipient``; in the row's language when none is given. For the rest see
    :func:`render_mail`."""
    words = render_mail(Kind(message.kind), language or message.language, **values)
    return Mail(recipient, words.subject, words.text, words.html, words.language)


def compose_code_sms(message: Message, *, recipient: str, code: str, language: str | None = None) -> Sms:
    """The text message for a row that tells a code. Its last line, which browsers look for, is ours and no template's:
    they offer the code on pages of this host only (WICG, Origin-bound one-time codes delivered via SMS)."""
    text = _write(Kind(message.kind), language or message.language, {"code": code}, _render_text)
    return Sms(recipient, f"{text}\n\n@{urlsplit(link_to('')).hostname} #{code}")


def render_mail(kind: Kind, language: str | None, **values: object) -> Rendered:
    """The words of a mail, in the first language of ours that the BCP 47 tag stands for, otherwise in English.

    ``expires_in`` is a ``timedelta``, ``when`` an aware ``datetime``, told in its own time zone; all others are texts.
    Raises ``TypeError`` for a value that is missing or unknown, and ``ValueError`` for a link to elsewhere."""
    return _write(kind, language, values, _render)


def _write(kind: Kind, language: str | None, values: dict[str, object], render: _Render[_Words]) -> _Words:
    """By the deployment's own templates; by ours where one of those is broken."""
    _check(kind, values)
    environments: Environments = current_app.extensions[page_rendering.EXTENSION]
    with languages.speaking(language) as spoken:
        told = {name: _told(name, values.get(name)) for name in VALUES}
        context = told | {
            "site": told["site"] or _plain(current_theme().name, _NAME_CHARACTERS),
            "theme": current_theme(),
            "language": spoken,
            "home": link_to(""),
        }
        try:
            return render(environments.own, kind, context)
        except Exception:  # whatever a template of the deployment can raise: the mail has to go out
            if environments.own is environments.ours:
                raise
            log.exception("mail_template_broken", kind=kind.value)
            return render(environments.ours, kind, context)


def _check(kind: Kind, values: dict[str, object]) -> None:
    given = {name for name, value in values.items() if value is not None}
    missing, unknown = set(kind.needs) - given, set(values) - set(VALUES)
    if missing or unknown:
        raise TypeError(f"{kind.value}: missing {sorted(missing)}, unknown {sorted(unknown)}")
    link = values.get("link")
    if link is not None and not str(link).startswith(link_to("/")):
        raise ValueError(f"{kind.value}: the link leads to somewhere else")


def _render(environment: Environment, kind: Kind, context: dict[str, Any]) -> Rendered:
    """The first line of the plain text is the subject."""
    written = environment.get_template(f"messages/{kind.value}.txt").render(context)
    subject, _, text = written.lstrip().partition("\n")
    subject = " ".join(subject.split())
    html = environment.get_template(f"messages/{kind.value}.html").render(context, subject=subject)
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    text = _BLANK_LINES.sub("\n\n", lines).strip() + "\n"
    return Rendered(subject, text, html, context["language"].tag)


def _render_text(environment: Environment, kind: Kind, context: dict[str, Any]) -> str:
    """One line: a text message is short."""
    return " ".join(environment.get_template(f"messages/{kind.value}.txt").render(context).split())


def _told(name: str, value: object) -> str | None:
    """A value in words of the language that is spoken now; None when there is nothing to tell."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        return languages.length_of_time(value.total_seconds())
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d, %H:%M %Z}"
    if name in {"name", "device"}:
        text = _plain(str(value), _NAME_CHARACTERS)
        return None if _LIKE_AN_ADDRESS.search(text) else text or None
    return _plain(str(value), _OTHER_CHARACTERS) if name != "link" else str(value)


def _plain(text: str, characters: int) -> str:
    """One line of at most so many characters, in which nothing hides."""
    line = _UNFIT.sub(" ", text).strip()
    return line if len(line) <= characters else f"{line[: characters - 1].rstrip()}…"
